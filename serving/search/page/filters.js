// The filters: a menu for each field of the index, one for size, date and score, and one for how results are shown.

import { count, h, icon } from "./dom.js";
import { FACETS, SIZES } from "./question.js";

const NAMES = { language: "Language", label: "Class", split: "Split", source: "Source" };
const MANY = 8;
const MOST_TOLD = 200; // values of a field that /api/info tells

/** Returns the row of filters. `change(part)` is called with the parts of the question that changed. */
export function filterRow(question, info, change) {
  const facets = FACETS.filter((field) => (info.fields[field]?.length ?? 0) > 1 || question.is[field]?.length);
  return h(
    "div",
    { classes: "filters", role: "group", "aria-label": "Filters" },
    ...facets.map((field) => facetMenu(field, question, info.fields[field] ?? [], change)),
    propertyMenu(question, change),
    viewMenu(question, change),
    clearButton(question, change),
  );
}

/** Returns a button that opens a panel; a click elsewhere or Esc closes it (menus.js). */
export function menu(name, isSet, ...inside) {
  return h(
    "details",
    { classes: "menu", "data-menu": name },
    h("summary", { classes: isSet ? "pill set" : "pill" }, h("span", {}, isSet || name), icon("down")),
    h("div", { classes: "panel" }, h("p", { classes: "panel-name", "aria-hidden": "true" }, name), ...inside),
  );
}

function facetMenu(field, question, values, change) {
  const chosen = question.is[field] ?? [];
  const all = [...chosen.filter((value) => !values.includes(value)), ...values];
  const rows = all.map((value) =>
    h(
      "label",
      { classes: "check" },
      h("input", { type: "checkbox", value, checked: chosen.includes(value), onchange: (event) => turn(value, event.target.checked) }),
      h("span", { dir: "auto", title: value }, shown(field, value)),
    ),
  );
  const turn = (value, isOn) => {
    change({ is: { ...question.is, [field]: all.filter((one) => (one === value ? isOn : chosen.includes(one))) } });
  };
  const find = h("input", {
    type: "search", placeholder: `Find among ${count(all.length)}`, "aria-label": `Find a ${NAMES[field].toLowerCase()}`,
    oninput: (event) => {
      const part = event.target.value.trim().toLowerCase();
      rows.forEach((row, place) => (row.hidden = !all[place].toLowerCase().includes(part)));
    },
  });
  const set = chosen.length && `${NAMES[field]}: ${chosen.length > 2 ? chosen.length : chosen.map((value) => shown(field, value)).join(", ")}`;
  return menu(NAMES[field], set, all.length > MANY && find, h("div", { classes: "checks" }, ...rows), values.length >= MOST_TOLD && h("p", { classes: "note" }, `The first ${MOST_TOLD} are listed.`));
}

/** Returns a value as it is read: a source's last part, a language's code with its name. */
function shown(field, value) {
  if (field === "source") return value.split("/").pop() || value;
  if (field !== "language") return value;
  try {
    const name = new Intl.DisplayNames("en", { type: "language", fallback: "none" }).of(value);
    return name ? `${name} (${value})` : value;
  } catch {
    return value; // no language code
  }
}

function propertyMenu(question, change) {
  const range = (name, key, kind, attributes) =>
    field(name, { type: kind, value: question.ranges[key] ?? "", ...attributes }, (value) => change({ ranges: { ...question.ranges, [key]: value } }));
  const set = Object.values(question.ranges).filter(Boolean).length + (question.score === null ? 0 : 1);
  return menu(
    "Size, date, score",
    set > 0 && `Size, date, score: ${set}`,
    h(
      "div",
      { classes: "fields" },
      range("Width from, px", "min.width", "number", { min: 1, step: 1 }),
      range("Height from, px", "min.height", "number", { min: 1, step: 1 }),
      range("Ingested from", "min.ingested", "date"),
      range("Ingested until", "max.ingested", "date"),
      range("Unsafe at most, 0 to 1", "max.unsafe", "number", { min: 0, max: 1, step: "any" }),
      field("Cosine at least, −1 to 1", { type: "number", min: -1, max: 1, step: "any", value: question.score ?? "" }, (value) => change({ score: value === "" ? null : Number(value) })),
    ),
  );
}

function viewMenu(question, change) {
  return menu(
    "View",
    false,
    h(
      "label",
      { classes: "check" },
      h("input", { type: "checkbox", checked: question.group, onchange: (event) => change({ group: event.target.checked }) }),
      h("span", {}, "Show duplicates as one"),
    ),
    h(
      "label",
      { classes: "field" },
      "Pictures a page",
      h("select", { onchange: (event) => change({ k: Number(event.target.value) }) }, ...SIZES.map((size) => h("option", { value: size, selected: size === question.k }, String(size)))),
    ),
  );
}

function clearButton({ is, ranges, score }, change) {
  const isSet = Object.values(is).some((values) => values.length) || Object.values(ranges).some(Boolean) || score !== null;
  return isSet && h("button", { type: "button", classes: "link-button", onclick: () => change({ is: {}, ranges: {}, score: null }) }, "Clear filters");
}

function field(name, attributes, settle) {
  const input = h("input", {
    ...attributes,
    onchange: () => input.reportValidity() && settle(input.value),
  });
  return h("label", { classes: "field" }, name, input);
}
