// Kanban boards: drag between columns; the "Move to…" menu of each card does the same by keyboard.
import Sortable from "sortablejs";

const send = (board, card, column, index) => {
  const url = board.dataset.moveUrl;
  if (!url) return;
  window.htmx.ajax("POST", url, {
    source: board,
    target: board.dataset.moveTarget || board,
    swap: board.dataset.moveSwap || "none",
    values: { card: card.dataset.card, column: column.dataset.column, position: index },
  });
};
const recount = (board) => {
  for (const column of board.querySelectorAll("[data-column]")) {
    const count = column.closest("[data-column-box]")?.querySelector("[data-column-count]");
    if (count) count.textContent = String(column.querySelectorAll("[data-card]").length);
  }
};
const mount = () => {
  for (const board of document.querySelectorAll("[data-kanban]:not([data-mounted])")) {
    board.dataset.mounted = "";
    for (const column of board.querySelectorAll("[data-column]")) {
      Sortable.create(column, {
        group: board.dataset.kanban || "kanban",
        draggable: "[data-card]",
        filter: "a, button, .ui-menu",
        preventOnFilter: false,
        animation: 140,
        ghostClass: "ui-kanban-ghost",
        onEnd: (event) => {
          recount(board);
          if (event.from !== event.to || event.oldIndex !== event.newIndex) send(board, event.item, event.to, event.newIndex);
        },
      });
    }
  }
};
document.addEventListener("click", (event) => {
  const item = event.target.closest?.("[data-move-to]");
  if (!item) return;
  const card = document.querySelector(`[data-card="${CSS.escape(item.dataset.moveCard)}"]`);
  const board = card?.closest("[data-kanban]");
  const column = board?.querySelector(`[data-column="${CSS.escape(item.dataset.moveTo)}"]`);
  if (!column) return;
  column.append(card);
  recount(board);
  send(board, card, column, column.querySelectorAll("[data-card]").length - 1);
});
document.addEventListener("bundle:kanban", mount);
