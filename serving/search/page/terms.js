// The terms of a question as chips: sign, what it is, weight, and a way to take it out.

import { h, icon } from "./dom.js";
import { drawPicture } from "./pictures.js";
import { imagePath, pictureAddress } from "./server.js";

const LIGHTEST = 0.25;
const HEAVIEST = 4;
const PREVIEW_PX = 64;

/**
 * Returns the chips of a question's terms.
 *
 * `change(terms)` is called with the new terms, `edit(term, place)` when a text is to be written anew.
 */
export function termChips(terms, change, edit) {
  const weighed = terms.length > 1; // a single term's weight changes nothing
  return h("ul", { classes: "chips", "aria-label": "What is searched for" }, ...terms.map(chip));

  function chip(term, place) {
    const named = nameOf(term);
    const put = (changed) => change(terms.map((one, at) => (at === place ? { ...term, ...changed } : one)));
    const turned = term.sign > 0 ? "counts for; make it count against" : "counts against; make it count for";
    return h(
      "li",
      { classes: `chip ${term.sign > 0 ? "plus" : "minus"}` },
      h(
        "button",
        { type: "button", classes: "sign", "aria-label": `${named} ${turned}`, title: "Plus or minus", onclick: () => put({ sign: -term.sign }) },
        icon(term.sign > 0 ? "plus" : "minus"),
      ),
      termFace(term, term.kind === "text" ? () => edit(term, place) : null),
      weighed && slider(term, named, (weight) => put({ weight })),
      h(
        "button",
        { type: "button", classes: "drop", "aria-label": `Take ${named} out`, title: "Take out", onclick: () => change(terms.filter((one) => one !== term)) },
        icon("close"),
      ),
    );
  }
}

/** Returns a term as words for a screen reader. */
const nameOf = ({ kind, name }) => (kind === "text" ? `“${name}”` : `picture ${name}`);

/** Returns a term's look: its text, or its picture small, with a name. */
export function termFace(term, edit = null) {
  if (term.kind === "text") {
    const text = { classes: "term-text", dir: "auto", title: term.name };
    if (edit) return h("button", { ...text, type: "button", "aria-label": `Write “${term.name}” anew`, onclick: edit }, term.name);
    return h("span", text, term.name);
  }
  const name = h("span", { classes: "term-text", dir: "auto", title: term.name }, term.name);
  return h("span", { classes: "term-picture" }, preview(term), name);
}

function preview(term) {
  if (term.kind === "upload" && !term.picture) {
    const canvas = h("canvas", { width: PREVIEW_PX, height: PREVIEW_PX, "aria-hidden": "true" });
    drawPicture(canvas, term.value);
    return canvas;
  }
  const lost = (event) => event.target.replaceWith(icon("broken"));
  return h("img", { src: pictureAddress(term.picture ?? imagePath(term.value), 256), alt: "", width: PREVIEW_PX, height: PREVIEW_PX, onerror: lost });
}

function slider(term, named, weigh) {
  const shown = h("output", {}, String(term.weight));
  return h(
    "label",
    { classes: "weight", title: "Weight" },
    h("span", { classes: "for-readers" }, `Weight of ${named}`),
    h("input", {
      type: "range", min: LIGHTEST, max: Math.max(HEAVIEST, term.weight), step: LIGHTEST, value: term.weight,
      oninput: (event) => (shown.textContent = event.target.value),
      onchange: (event) => weigh(Number(event.target.value)),
    }),
    shown,
  );
}
