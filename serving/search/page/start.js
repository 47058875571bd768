// What stands below the box before anything is asked: what can be asked, and some words to begin with.

import { h, icon } from "./dom.js";

const MOST_TRIED = 6;

/** Returns the hints below the box; `ask(words)` is called with words to begin with. */
export function hints(info, ask) {
  const classes = (info.fields.label ?? []).filter(Boolean);
  const apart = Math.ceil(classes.length / MOST_TRIED); // they come by the alphabet
  const tried = classes.filter((_, at) => at % apart === apart >> 1);
  const hint = (picture, name, says) => h("li", {}, icon(picture), h("h2", {}, name), h("p", {}, says));
  return h(
    "div",
    { classes: "hints" },
    tried.length > 0 && h("p", { classes: "tries" }, h("span", {}, "Try"), ...tried.map((words) => h("button", { type: "button", classes: "pill", dir: "auto", onclick: () => ask(words) }, words))),
    h(
      "ul",
      {},
      hint("search", "Words", "Describe what is to be seen, in any language that the model knows."),
      hint("picture", "A picture", "Drop it here, paste it, or choose a file."),
      hint("minus", "A difference", "Begin with a minus to take something away: −people."),
    ),
  );
}
