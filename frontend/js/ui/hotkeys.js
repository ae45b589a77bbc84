// Single keys for people who decide all day: `data-hotkey="a"` is clicked by A, unless one is typing or a dialog is open.
// `data-print` prints the page.
import { on } from "./dom.js";

const typing = (element) => element instanceof Element && element.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const target = document.querySelector(`[data-hotkey="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
});

on("click", "[data-print]", () => window.print());
