// Command palette: Ctrl-K or ⌘K, filtered entries of the navigation plus what the server finds.
import { on, whenReady } from "./dom.js";
import { openDialog } from "./dialogs.js";

const palette = () => document.getElementById("ui-palette");
const shown = (dialog) => [...dialog.querySelectorAll('[role="option"]')].filter((item) => !item.hidden);

const mark = (dialog, item) => {
  for (const other of dialog.querySelectorAll('[role="option"]')) other.setAttribute("aria-selected", String(other === item));
  item?.scrollIntoView({ block: "nearest" });
  const input = dialog.querySelector("[data-palette-input]");
  if (item?.id) input.setAttribute("aria-activedescendant", item.id);
  else input.removeAttribute("aria-activedescendant");
};
const filter = (dialog) => {
  const words = dialog.querySelector("[data-palette-input]").value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  for (const item of dialog.querySelectorAll("[data-palette-static]")) {
    const label = item.textContent.toLocaleLowerCase();
    item.hidden = !words.every((word) => label.includes(word));
  }
  const visible = shown(dialog);
  mark(dialog, visible[0]);
  const empty = dialog.querySelector("[data-palette-empty]");
  if (empty) empty.hidden = visible.length > 0;
};

export const openPalette = () => {
  const dialog = palette();
  if (!dialog) return;
  openDialog(dialog);
  const input = dialog.querySelector("[data-palette-input]");
  input.value = "";
  input.focus();
  filter(dialog);
};
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k" && palette()) {
    event.preventDefault();
    palette().open ? palette().close() : openPalette();
  }
});
on("click", "[data-palette-open]", () => openPalette());
on("input", "[data-palette-input]", (event, input) => filter(input.closest("dialog")));
on("keydown", "[data-palette-input]", (event, input) => {
  const dialog = input.closest("dialog");
  const items = shown(dialog);
  const index = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    mark(dialog, items[(index + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    items[Math.max(index, 0)]?.click();
  }
});
whenReady(() => document.addEventListener("htmx:after:settle", () => { if (palette()?.open) filter(palette()); }));
