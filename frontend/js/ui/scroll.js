// Boxes that scroll sideways say at which edge there is more, and show their current tab.
import { onContent } from "./dom.js";

const BOXES = ".ui-tabs, .ui-segmented, .ui-table-wrap, .ui-kanban";
const mark = (box) => {
  const hidden = box.scrollWidth - box.clientWidth;
  const gone = getComputedStyle(box).direction === "rtl" ? hidden + box.scrollLeft : box.scrollLeft;
  const more = [gone > 2 && "left", gone < hidden - 2 && "right"].filter(Boolean).join(" ");
  if (hidden > 2 && more) box.dataset.more = more;
  else delete box.dataset.more;
};
const markAll = () => document.querySelectorAll(BOXES).forEach(mark);

// Only sideways, and only once: the page itself must not jump, nor a strip that somebody has moved.
const showCurrent = (strip) => {
  const current = strip.querySelector('[aria-current="page"], [aria-selected="true"]');
  if (!current || strip.dataset.shown) return;
  strip.dataset.shown = "1";
  const tab = current.getBoundingClientRect();
  const box = strip.getBoundingClientRect();
  if (tab.left < box.left || tab.right > box.right) strip.scrollLeft += tab.left - box.left - (box.width - tab.width) / 2;
};

document.addEventListener("scroll", (event) => { if (event.target.matches?.(BOXES)) mark(event.target); }, { capture: true, passive: true });
addEventListener("resize", markAll);
onContent((root) => {
  root.querySelectorAll(".ui-tabs").forEach(showCurrent);
  markAll();
});
