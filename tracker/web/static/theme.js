// Runs before anything is drawn, so that a page that is to be dark never flashes light: a classic script in the head.
// The theme is auto, which is the system's, light or dark; the choice is remembered here, in this browser.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    try {
      return localStorage.getItem("gouache-theme") ?? "auto";
    } catch {
      return "auto"; // storage is switched off
    }
  }

  function apply() {
    const chosen = choice();
    root.dataset.theme = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
    document.dispatchEvent(new CustomEvent("themechange"));
  }

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply); // chosen in another tab

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return; // the page that asks for a token
    const name = document.getElementById("theme-name");
    const names = ["auto", "light", "dark"];
    const show = () => {
      name.textContent = choice();
      button.setAttribute("aria-label", `Theme: ${choice()}`);
    };
    button.addEventListener("click", () => {
      const next = names[(names.indexOf(choice()) + 1) % names.length];
      try {
        localStorage.setItem("gouache-theme", next);
      } catch {
        root.dataset.theme = next; // for this page at least
      }
      apply();
      show();
    });
    show();
  });
})();
