// Tables: rows that lead somewhere, selection with a bulk bar.
import { on, onContent } from "./dom.js";

const INTERACTIVE = "a, button, input, select, label, summary, [role='menu']";
on("click", "tr[data-href]", (event, row) => {
  if (event.target.closest(INTERACTIVE) || String(getSelection())) return;
  if (event.metaKey || event.ctrlKey) window.open(row.dataset.href, "_blank", "noopener");
  else location.assign(row.dataset.href);
});

const refresh = (scope) => {
  const boxes = [...scope.querySelectorAll("[data-check-row]")];
  const chosen = boxes.filter((box) => box.checked);
  const all = scope.querySelector("[data-check-all]");
  if (all) {
    all.checked = boxes.length > 0 && chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
  }
  for (const box of boxes) box.closest("tr")?.classList.toggle("ui-selected", box.checked);
  for (const bar of scope.querySelectorAll("[data-bulk]")) {
    bar.hidden = chosen.length === 0;
    bar.querySelectorAll("[data-bulk-count]").forEach((count) => { count.textContent = String(chosen.length); });
  }
};
on("change", "[data-check-all]", (event, all) => {
  const scope = all.closest("[data-selectable]") ?? document;
  scope.querySelectorAll("[data-check-row]").forEach((box) => { box.checked = all.checked; });
  refresh(scope);
});
on("change", "[data-check-row]", (event, box) => refresh(box.closest("[data-selectable]") ?? document));
onContent((root) => root.querySelectorAll("[data-selectable]").forEach(refresh));
