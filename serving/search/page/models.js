// Which model answers, and which one beside it.

import { h } from "./dom.js";

/** Returns a model's name with its version. */
const modelName = ({ name, version }) => `${name} ${version}`;

/** Returns the names of the models that a question asks, the first of the index where it names none. */
export function askedModels(question, info) {
  const named = (version) => info.models.find((model) => String(model.version) === version);
  const asked = [question.model ? named(question.model) : info.models[0], ...(question.versus ? [named(question.versus)] : [])];
  return asked.map((model, side) => (model ? modelName(model) : `version ${side ? question.versus : question.model}`));
}

/** Returns the choices of model, or null where there is one alone. `change(part)` as in filters.js. */
export function modelChoices(question, info, change) {
  if (info.models.length < 2) return null;
  const first = question.model ?? String(info.models[0].version);
  const choice = (name, chosen, options, settle) =>
    h("label", { classes: "choice" }, h("span", {}, name), h("select", { onchange: (event) => settle(event.target.value || null) }, ...options.map(([value, text]) => h("option", { value, selected: value === (chosen ?? "") }, text))));
  const versions = info.models.map((model) => [String(model.version), modelName(model)]);
  return h(
    "div",
    { classes: "choices" },
    choice("Model", first, versions, (model) => change({ model, versus: question.versus === model ? null : question.versus })),
    choice("Beside", question.versus, [["", "none"], ...versions.filter(([version]) => version !== first)], (versus) => change({ versus })),
  );
}
