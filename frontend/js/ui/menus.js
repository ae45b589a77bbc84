// Drop-down menus and tooltips on the popover API: placed by script, driven by the keyboard as WAI-ARIA describes.
import { on, placeBeside } from "./dom.js";

const buttonOf = (menu) => document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
const itemsOf = (menu) => [...menu.querySelectorAll('[role^="menuitem"]:not([aria-disabled="true"])')];

document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLElement) || !menu.matches(".ui-menu")) return;
    const open = event.newState === "open";
    const button = buttonOf(menu);
    button?.setAttribute("aria-expanded", String(open));
    if (!open) return;
    if (button) placeBeside(menu, button, { align: menu.dataset.align ?? "start" });
    const first = menu.querySelector("[autofocus]") ?? itemsOf(menu)[0];
    first?.focus({ preventScroll: true });
  },
  true,
);

on("keydown", '.ui-menu[role="menu"]', (event, menu) => {
  const items = itemsOf(menu);
  const index = items.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  let next;
  if (step) next = items[(index + step + items.length) % items.length];
  else if (event.key === "Home") next = items[0];
  else if (event.key === "End") next = items.at(-1);
  else if (event.key === "Tab") return menu.hidePopover();
  else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
    const letter = event.key.toLocaleLowerCase();
    next = [...items.slice(index + 1), ...items].find((item) => item.textContent.trim().toLocaleLowerCase().startsWith(letter));
  }
  if (!next) return;
  event.preventDefault();
  next.focus();
});
on("keydown", '[popovertarget][aria-haspopup="menu"]', (event, button) => {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  document.getElementById(button.getAttribute("popovertarget"))?.showPopover();
});
on("click", '[role^="menuitem"]', (event, item) => {
  const menu = item.closest(".ui-menu");
  if (menu?.matches(":popover-open") && !item.hasAttribute("data-keep-open")) menu.hidePopover();
});
const follow = () => {
  for (const menu of document.querySelectorAll(".ui-menu:popover-open")) {
    const button = buttonOf(menu);
    if (button) placeBeside(menu, button, { align: menu.dataset.align ?? "start" });
  }
};
addEventListener("resize", follow);
document.addEventListener("scroll", follow, { capture: true, passive: true });

// Tooltips: text in data-tip, also the accessible description while shown.
let tip;
const showTip = (anchor) => {
  tip ??= Object.assign(document.createElement("div"), { className: "ui-tip", popover: "manual", id: "ui-tip", role: "tooltip" });
  if (!tip.isConnected) document.body.append(tip);
  tip.textContent = anchor.dataset.tip;
  if (!tip.matches(":popover-open")) tip.showPopover();
  placeBeside(tip, anchor, { align: "center", side: "above" });
  anchor.setAttribute("aria-describedby", "ui-tip");
};
const hideTip = (anchor) => {
  if (tip?.matches(":popover-open")) tip.hidePopover();
  anchor.removeAttribute("aria-describedby");
};
on("mouseover", "[data-tip]", (event, anchor) => showTip(anchor));
on("mouseout", "[data-tip]", (event, anchor) => hideTip(anchor));
on("focusin", "[data-tip]", (event, anchor) => { if (anchor.matches(":focus-visible")) showTip(anchor); });
on("focusout", "[data-tip]", (event, anchor) => hideTip(anchor));
