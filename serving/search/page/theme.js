// Light or dark as chosen before, set before the page is drawn; a classic script, so that nothing flashes.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is barred: the system's choice holds.
  }
})();
