// One hit by itself, over the page: large, with all that is known of it and why it was found.

import { counted, h, icon, signed } from "./dom.js";
import { picture } from "./grid.js";
import { imagePath, pictureAddress } from "./server.js";
import { termFace } from "./terms.js";

const LARGE_PX = 1024;

/**
 * Returns {element, show, hide}. `on.closed()` is called when the reader closes it, `on.step(by)` for the next or the
 * last hit, `on.ask(hit, how)` with "like", "plus" or "minus"; without `on.ask` there are no such buttons.
 */
export function hitView(on) {
  const element = h("dialog", {
    classes: "hit", "aria-labelledby": "hit-title",
    oncancel: (event) => {
      event.preventDefault();
      on.closed();
    },
    onclick: (event) => event.target === element && on.closed(),
    onkeydown: (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by && !event.target.matches("input")) on.step(by);
    },
  });
  return { element, show, hide: () => element.open && element.close() };

  function show(hit, rank, terms) {
    const goes = (by, name, picture) => h("button", { type: "button", classes: "quiet-button", title: name, "data-step": by, onclick: () => on.step(by) }, icon(picture), h("span", { classes: "for-readers" }, name));
    const held = document.activeElement?.dataset?.step;
    element.replaceChildren(
      h(
        "div",
        { classes: "hit-bar" },
        h("span", { classes: "rank" }, `No. ${rank}`),
        goes(-1, "Previous picture", "left"),
        goes(1, "Next picture", "right"),
        h("button", { type: "button", classes: "quiet-button", title: "Close", onclick: on.closed }, icon("close"), h("span", { classes: "for-readers" }, "Close")),
      ),
      h("div", { classes: "hit-picture" }, picture(hit, rank, LARGE_PX)),
      h(
        "div",
        { classes: "hit-facts" },
        h("h2", { id: "hit-title", dir: "auto" }, hit.caption || "Without a caption"),
        why(hit, terms),
        on.ask && h(
          "div",
          { classes: "hit-asks" },
          h("button", { type: "button", classes: "main-button", onclick: () => on.ask(hit, "like") }, "More like this"),
          h("button", { type: "button", classes: "pill", onclick: () => on.ask(hit, "plus") }, icon("plus"), "Add it"),
          h("button", { type: "button", classes: "pill", onclick: () => on.ask(hit, "minus") }, icon("minus"), "Take it away"),
        ),
        facts(hit),
        on.ask && hit.duplicates.length > 0 && duplicates(hit),
      ),
    );
    if (!element.open) element.showModal();
    else if (held) element.querySelector(`[data-step="${held}"]`)?.focus();
    element.scrollTop = 0;
  }
}

/** Returns the terms' shares of a hit's cosine as bars from a common zero. */
function why(hit, terms) {
  const shares = hit.why.filter(({ term }) => terms[term]);
  if (!shares.length) return null;
  const [low, high] = [Math.min(0, ...shares.map(({ share }) => share)), Math.max(0, ...shares.map(({ share }) => share))];
  const span = high - low || 1;
  const place = (share) => ({ "--from": `${((Math.min(0, share) - low) / span) * 100}%`, "--length": `${(Math.abs(share) / span) * 100}%`, "--zero": `${(-low / span) * 100}%` });
  return h(
    "section",
    { classes: "why", "aria-label": "Why this hit" },
    h("h3", {}, "Why this hit"),
    h(
      "dl",
      {},
      ...shares.flatMap(({ term, share }) => [
        h("dt", { classes: terms[term].sign > 0 ? "plus" : "minus" }, icon(terms[term].sign > 0 ? "plus" : "minus"), termFace(terms[term])),
        h("dd", { classes: share < 0 ? "against" : "for" }, h("span", { classes: "bar", vars: place(share) }), h("span", { classes: "share" }, signed(share))),
      ]),
      h("dt", { classes: "sum" }, "Cosine"),
      h("dd", { classes: "sum" }, h("span", { classes: "share" }, hit.score.toFixed(3))),
    ),
  );
}

function facts(hit) {
  const known = [
    ["Language", hit.language],
    ["Class", hit.label],
    ["Split", hit.split],
    ["Size", hit.width && hit.height && `${hit.width} × ${hit.height} px`],
    ["File", hit.source],
    ["Record", hit.row],
    ["Duplicates", hit.duplicates.length || null],
    ["Address", hit.url && link(hit.url)],
    ["Id", hit.id],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { classes: "facts" }, ...known.flatMap(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value instanceof Node ? value : String(value))]));
}

/** Returns an address of the web as a link, any other as text: a javascript: address is not to be clicked. */
function link(url) {
  const isWeb = URL.canParse(url) && ["http:", "https:"].includes(new URL(url).protocol);
  return isWeb ? h("a", { href: url, rel: "noopener noreferrer nofollow", target: "_blank" }, url) : url;
}

function duplicates(hit) {
  return h(
    "section",
    { classes: "duplicates" },
    h("h3", {}, counted(hit.duplicates.length, "duplicate")),
    h("ul", {}, ...hit.duplicates.map((id, place) => h("li", {}, h("img", { src: pictureAddress(imagePath(id), 256), alt: `Duplicate ${place + 1}`, loading: "lazy" })))),
  );
}
