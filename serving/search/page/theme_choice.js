// The button that goes from the system's choice to light to dark, and keeps what was chosen.

import { h, icon } from "./dom.js";

const THEMES = {
  auto: { next: "light", picture: "auto", says: "Colours: as the system" },
  light: { next: "dark", picture: "sun", says: "Colours: light" },
  dark: { next: "auto", picture: "moon", says: "Colours: dark" },
};

/** Returns the button. */
export function themeButton() {
  const button = h("button", { type: "button", classes: "quiet-button", onclick: () => choose(THEMES[current()].next) });
  const choose = (name) => {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    try {
      localStorage.setItem("theme", name);
    } catch {
      // Storage is barred: the choice holds for this page.
    }
    draw();
  };
  const current = () => document.documentElement.dataset.theme ?? "auto";
  const draw = () => {
    const { picture, says } = THEMES[current()];
    button.replaceChildren(icon(picture), h("span", { classes: "for-readers" }, says));
    button.title = says;
  };
  draw();
  return button;
}
