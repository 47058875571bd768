// A saved page: what was asked and what was found, without a server; all that it shows stands in the file itself.

import { h, icon } from "./dom.js";
import { grid } from "./grid.js";
import { hitView } from "./hit_view.js";
import { save } from "./results.js";
import { termFace } from "./terms.js";
import { themeButton } from "./theme_choice.js";

const { terms, answer, note } = JSON.parse(document.getElementById("saved").textContent);
let shown = null; // the place of the hit that is open
const view = hitView({ closed, step: (by) => answer.hits[shown + by] && show(shown + by) });

document.getElementById("tools").append(themeButton());
document.getElementById("asked").append(...terms.map(asked));
document.getElementById("tally").textContent = note;
document.getElementById("bar-tools").append(h("button", { type: "button", classes: "pill", onclick: saveJson }, icon("download"), "JSON"));
document.getElementById("results").append(
  answer.hits.length ? grid(answer.hits, { open: show, name: "Results" }) : h("div", { classes: "sentence" }, h("h2", {}, "Nothing was found"), h("p", {}, "No picture fits what was asked.")),
);
document.body.append(view.element);

function asked(term) {
  const weight = terms.length > 1 && h("small", {}, `× ${term.weight}`);
  return h("li", { classes: term.sign > 0 ? "plus" : "minus" }, terms.length > 1 || term.sign < 0 ? icon(term.sign > 0 ? "plus" : "minus") : null, termFace(term), weight);
}

function show(place) {
  shown = place;
  view.show(answer.hits[place], place + 1, terms);
}

function closed() {
  view.hide();
  document.querySelectorAll("button.tile")[shown]?.focus();
}

function saveJson() {
  const hits = answer.hits.map(({ image, ...rest }) => rest);
  const plain = terms.map(({ picture, ...rest }) => rest);
  save(new Blob([JSON.stringify({ terms: plain, answer: { ...answer, hits } }, null, 2)], { type: "application/json" }), "hits.json");
}
