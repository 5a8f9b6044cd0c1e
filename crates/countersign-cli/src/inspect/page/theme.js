// The colours that were chosen last. A plain script, which runs before the page is painted.
try {
  const theme = localStorage.getItem("countersign-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // The browser keeps nothing for this page: the system's colours.
}
