// Single-key shortcuts: an element with data-key="n" is clicked when N is pressed outside a field and outside dialogs.
// A form with data-reset-after is emptied once the server said that the client changed, so a sent note does not stay behind.
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog[open]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1 || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const target = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]:not([aria-disabled])`);
  if (!target) return;
  event.preventDefault();
  target.click();
});
document.addEventListener("client:changed", (event) => event.target.closest?.("form[data-reset-after]")?.reset());
