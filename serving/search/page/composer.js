// The box where a question is made: words, pictures by file, drop or paste, and the chips of what is asked already.

import { h, icon } from "./dom.js";
import { pastedPictures } from "./pictures.js";
import { termChips } from "./terms.js";

/**
 * Returns {element, draw, focus}: the box, what shows a question's terms in it, what puts the cursor there.
 *
 * `on.text(words, sign)`, `on.files(files)`, `on.terms(terms)` and `on.clear()` are called with what is asked, `on.again()` when
 * the same is to be asked once more.
 */
export function composer(on) {
  const words = h("input", {
    type: "text", id: "words", dir: "auto", autocomplete: "off", spellcheck: "false", enterkeyhint: "search",
    "aria-label": "Words to search for; begin with a minus to take away", onkeydown: pressed,
  });
  const file = h("input", { type: "file", accept: "image/*", multiple: true, hidden: true, onchange: chosen });
  const chips = h("div", { classes: "chips-place", hidden: true });
  const element = h(
    "form",
    { classes: "composer", role: "search", onsubmit: submitted },
    h(
      "div",
      { classes: "box" },
      icon("search"),
      words,
      file,
      h("button", { type: "button", classes: "quiet-button", title: "Add a picture", onclick: () => file.click() }, icon("picture"), h("span", { classes: "for-readers" }, "Add a picture")),
      h("button", { type: "submit", classes: "main-button", "aria-label": "Search" }, icon("search"), h("span", {}, "Search")),
    ),
    chips,
  );
  let drawn = [];
  let replaced = null; // the place of the term that is being written anew
  listenForPictures(on.files);
  return { element, draw, focus };

  function draw(terms) {
    drawn = terms;
    replaced = null;
    words.placeholder = terms.length ? "Add words, or −words to take away" : "Describe a picture";
    const held = placeOfFocus(chips);
    chips.replaceChildren(
      ...(terms.length
        ? [termChips(terms, on.terms, rewrite), h("button", { type: "button", classes: "link-button clear", onclick: on.clear }, "Clear all")]
        : []),
    );
    chips.hidden = !terms.length;
    if (held >= 0) [...chips.querySelectorAll("button, input"), words][held]?.focus();
  }

  function focus() {
    words.focus();
    words.select();
  }

  function rewrite(term, place) {
    words.value = `${term.sign < 0 ? "-" : ""}${term.value}`;
    replaced = place;
    focus();
  }

  function submitted(event) {
    event.preventDefault();
    const [, minus, text] = words.value.trim().match(/^([-−–]?)\s*(.*)$/su);
    words.value = "";
    const sign = minus ? -1 : 1;
    if (!text) on.again();
    else if (replaced === null) on.text(text, sign);
    else on.terms(drawn.map((term, place) => (place === replaced ? { ...term, value: text, name: text, sign } : term)));
  }

  function pressed(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      if (words.value) words.value = "";
      else words.blur();
      replaced = null;
    } else if (event.key === "Backspace" && !words.value && drawn.length) {
      event.preventDefault();
      on.terms(drawn.slice(0, -1));
    }
  }

  function chosen() {
    on.files([...file.files]);
    file.value = "";
  }
}

function placeOfFocus(within) {
  return [...within.querySelectorAll("button, input")].indexOf(document.activeElement);
}

function listenForPictures(take) {
  const veil = h("div", { classes: "veil", hidden: true }, h("p", {}, icon("picture"), "Drop to search with this picture"));
  document.body.append(veil);
  let isOurs = false; // a picture of the page itself, on its way elsewhere
  const isFile = (event) => !isOurs && event.dataTransfer?.types.includes("Files");
  addEventListener("dragstart", () => (isOurs = true));
  addEventListener("dragend", () => (isOurs = false));
  addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    veil.hidden = true;
    if (!isFile(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const pictures = pastedPictures(event.clipboardData);
    if (!pictures.length) return;
    event.preventDefault();
    take(pictures);
  });
}
