// The side that was chosen; early.js applies it before the first paint, the system decides where none was.
const root = document.documentElement;

function show(chosen) {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
  }
}

function choose(theme) {
  if (theme) {
    root.dataset.theme = theme;
    localStorage.setItem("tema", theme);
  } else {
    delete root.dataset.theme;
    localStorage.removeItem("tema");
  }
  show(theme);
  document.dispatchEvent(new Event("theme"));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (button) choose(button.dataset.themeChoice);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("theme")));
show(localStorage.getItem("tema") ?? "");
