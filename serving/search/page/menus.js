// Closes an open menu when one clicks or tabs elsewhere, and on Esc, which gives its button the focus back.

/** Begins to listen, for all menus that the page will have. */
export function closeMenus() {
  const others = (kept) => {
    for (const open of document.querySelectorAll(".menu[open]")) if (!open.contains(kept)) open.open = false;
  };
  addEventListener("pointerdown", (event) => others(event.target));
  addEventListener("focusin", (event) => others(event.target));
  addEventListener("keydown", (event) => {
    const open = document.querySelector(".menu[open]");
    if (event.key !== "Escape" || !open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
}

/** Replaces a row of menus; the one that was open stays open, with the focus where it was. */
export function replaceMenus(place, made) {
  const open = place.querySelector(".menu[open]")?.dataset.menu;
  const fields = () => [...place.querySelectorAll(".menu[open] :is(summary, input, select)")];
  const held = fields().indexOf(document.activeElement);
  place.replaceChildren(made);
  const again = open && [...place.querySelectorAll(".menu")].find((one) => one.dataset.menu === open);
  if (!again) return;
  again.open = true;
  fields()[held]?.focus();
}
