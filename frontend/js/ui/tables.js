// Tables: rows that lead somewhere, selection with a bulk bar, names for the cells of stacked rows.
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

// A narrow table shows its rows as cards (components.css): each cell then carries its column's name, and the roles that
// a table loses in some browsers when its display changes are said aloud.
const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TFOOT: "rowgroup", TR: "row", TD: "cell" };
const nameCells = (table) => {
  // A column that is for the export alone has a hidden head and no cells.
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])].filter((cell) => !cell.classList.contains("hidden"));
  const names = heads.map((cell) => cell.textContent.trim());
  for (const part of [table, ...table.querySelectorAll("thead, tbody, tfoot, tr, td")]) part.setAttribute("role", ROLES[part.tagName]);
  for (const body of [...table.tBodies, ...(table.tFoot ? [table.tFoot] : [])])
    for (const row of body.rows) {
      if (row.cells.length !== names.length) continue;
      names.forEach((name, index) => {
        const cell = row.cells[index];
        if (name) cell.dataset.label = name;
        cell.toggleAttribute("data-blank", index > 0 && !cell.querySelector("svg, img, input, button") && /^[-–—\s]*$/.test(cell.textContent));
      });
    }
};
onContent((root) => root.querySelectorAll(".ui-table-wrap > table").forEach(nameCells));
