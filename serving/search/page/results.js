// What came back, below the box: how many and how fast, one column a model, pages, downloads; or a sentence.

import { count, counted, h, icon } from "./dom.js";
import { menu } from "./filters.js";
import { emptyGrid, grid } from "./grid.js";
import { filterCount } from "./question.js";

/** Returns "24 of 1,234 pictures · 12 ms" of one answer, "7 of 24 in both" of two. */
export const summary = (answers, question) => (answers.length > 1 ? shared(answers) : tally(answers[0], question));

function tally({ hits, count: matching, milliseconds }, question) {
  const first = (question.page - 1) * question.k + 1;
  const shown = question.page > 1 && hits.length ? `${count(first)} to ${count(first + hits.length - 1)}` : count(hits.length);
  const near = question.score === null ? "" : ` from a cosine of ${question.score} on,`;
  return `${shown}${near} of ${counted(matching, "picture")} · ${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}

/**
 * Returns the columns of one or two answers.
 *
 * `open(side, place)` is called for a chosen hit, `change(part)` with parts of the question.
 */
export function columns(answers, question, names, open, change) {
  const from = (question.page - 1) * question.k + 1;
  const ranks = answers.map(({ hits }) => new Map(hits.map(({ id }, place) => [id, from + place])));
  const made = answers.map((answer, side) => {
    const { hits } = answer;
    const mark = answers.length > 1 ? (hit) => elsewhere(ranks[side].get(hit.id), ranks[1 - side].get(hit.id)) : undefined;
    const name = answers.length > 1 ? `Results of ${names[side]}` : "Results";
    const body = hits.length ? grid(hits, { from, open: (place) => open(side, place), mark, name }) : empty(question, change);
    return h("section", { classes: "column" }, answers.length > 1 && h("h2", {}, names[side], h("span", {}, tally(answer, question))), body);
  });
  return h("div", { classes: answers.length > 1 ? "columns two" : "columns" }, ...made);
}

function shared([one, other]) {
  const ids = new Set(one.hits.map(({ id }) => id));
  const both = other.hits.filter(({ id }) => ids.has(id)).length;
  return `${both} of ${Math.max(one.hits.length, other.hits.length)} in both`;
}

function elsewhere(here, there) {
  if (there === undefined) return h("span", { classes: "move" }, "only here");
  if (there === here) return h("span", { classes: "move" }, "same rank");
  return h("span", { classes: "move" }, `No. ${there} there`);
}

function empty(question, change) {
  const filters = filterCount(question);
  const says = filters ? "No picture fits the filters" : question.page > 1 ? "There are no more pictures" : "The index has no pictures";
  const helps = filters ? "Take some of them out, or ask for less." : question.page > 1 ? "The search ends on the page before." : "Add some with align index add.";
  return h(
    "div",
    { classes: "sentence" },
    h("h2", {}, says),
    h("p", {}, helps),
    filters > 0 && h("button", { type: "button", classes: "main-button", onclick: () => change({ is: {}, ranges: {}, score: null }) }, "Clear filters"),
  );
}

/** Returns a failure as a sentence, with what can be done. */
export function failure({ message, retry }, question, again, change) {
  return h(
    "div",
    { classes: "sentence", role: "alert" },
    h("h2", {}, "This search did not work"),
    h("p", { dir: "auto" }, message),
    retry && h("button", { type: "button", classes: "main-button", onclick: again }, "Try again"),
    question.page > 1 && h("button", { type: "button", classes: "pill", onclick: () => change({}) }, "First page"),
  );
}

/** Returns what stands there during the first search. */
export const waiting = () => h("div", { classes: "columns" }, emptyGrid(12));

/** Returns the buttons between pages; `turn(tokens, page)` is called with where to go. `trail` are the pages before. */
export function pages(answers, question, trail, turn) {
  const next = answers.map((answer) => answer.next ?? null);
  const isFirst = question.page === 1;
  if (isFirst && next.every((token) => token === null)) return null;
  const before = trail.at(-1);
  const back = () => (before ? turn(before, question.page - 1, trail.slice(0, -1)) : turn([], 1, []));
  return h(
    "nav",
    { classes: "pages", "aria-label": "Pages" },
    h("button", { type: "button", classes: "pill", disabled: isFirst, onclick: back }, icon("left"), before || isFirst ? "Previous" : "First page"),
    h("span", {}, `Page ${count(question.page)}`),
    h("button", { type: "button", classes: "pill", disabled: next.every((token) => token === null), onclick: () => turn(next, question.page + 1, [...trail, question.at]) }, "Next", icon("right")),
  );
}

/** Returns the menu of downloads; `json()` and `parquet()` save the hits. */
export function downloads(json, parquet) {
  return menu(
    "Download",
    false,
    h("button", { type: "button", classes: "row-button", onclick: json }, icon("download"), "JSON, with each term’s share"),
    parquet && h("button", { type: "button", classes: "row-button", onclick: parquet }, icon("download"), "Parquet, one row a picture"),
  );
}

/** Has the browser save a file. */
export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
