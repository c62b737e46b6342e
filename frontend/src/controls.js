// The few things that HTML alone does not do. Everything else on the pages works without this file.
import { texts } from "./texts.js";

const handlers = {
  print: () => print(),
  copy: async (button) => {
    await copy(button.dataset.copy);
    toast(texts.copied);
  },
  share: async () => {
    await copy(location.href);
    toast(texts.shared);
  },
  reveal: (button) => {
    const input = document.getElementById(button.getAttribute("aria-controls"));
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? texts.hide : texts.show;
    button.setAttribute("aria-pressed", String(shown));
    input.focus();
  },
  edit: (button) => {
    const menu = document.getElementById("filtro");
    menu.open = true;
    menu.querySelector(`[name="${button.dataset.edit}"]`).focus();
  },
  twist: (button) => {
    const detail = document.getElementById(button.getAttribute("aria-controls"));
    detail.hidden = !detail.hidden;
    button.setAttribute("aria-expanded", String(!detail.hidden));
    button.closest("tr").classList.toggle("open-row", !detail.hidden);
  },
};

document.addEventListener("click", (event) => {
  for (const [name, handle] of Object.entries(handlers)) {
    const button = event.target.closest(`button[data-${name}]`);
    if (button) return handle(button);
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, select, textarea, [contenteditable]")) {
    const search = document.getElementById("busca") ?? document.querySelector(".jump input");
    if (!search || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === "Escape") closeMenu();
});

// Without TLS, as on a server in the office, browsers keep the clipboard from pages; the old way still works there.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.body.appendChild(document.createElement("textarea"));
  field.value = text;
  field.select();
  document.execCommand("copy");
  field.remove();
}

function closeMenu() {
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
}

export function toast(text) {
  const place = document.querySelector(".toasts") ?? document.body.appendChild(document.createElement("div"));
  place.className = "toasts";
  const note = document.createElement("div");
  note.className = "toast";
  note.setAttribute("role", "status");
  note.textContent = text;
  place.append(note);
  setTimeout(() => note.remove(), 6000);
}

// A new page of the list begins at its top; htmx leaves the inner scroll where it was.
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail?.ctx?.sourceElement?.matches?.("a")) document.querySelector(".sheet .scroll")?.scrollTo(0, 0);
});
