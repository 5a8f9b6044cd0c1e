// The button that changes the colours: the system's, light, dark.

import { byId } from "./dom.js";

const NAMES = ["system", "light", "dark"];

export function themeButton(button) {
  const root = document.documentElement;
  let chosen = root.dataset.theme ?? "system";
  const show = () => {
    byId("theme-name").textContent = chosen;
    if (chosen === "system") delete root.dataset.theme;
    else root.dataset.theme = chosen;
  };
  button.addEventListener("click", () => {
    chosen = NAMES[(NAMES.indexOf(chosen) + 1) % NAMES.length];
    show();
    try {
      localStorage.setItem("countersign-theme", chosen);
    } catch {
      // It holds until the page is closed.
    }
  });
  show();
}
