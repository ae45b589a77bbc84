// Toasts: cloned from templates the shell renders, so icons and labels come from the server in the right language.
import { on, whenReady } from "./dom.js";

const SHOWN_MS = 6000;

const leave = (toast) => {
  toast.classList.add("ui-toast-leaving");
  setTimeout(() => toast.remove(), 220);
};

const arm = (toast) => {
  let timer = setTimeout(() => leave(toast), toast.dataset.tone === "danger" ? SHOWN_MS * 2 : SHOWN_MS);
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => { timer = setTimeout(() => leave(toast), SHOWN_MS / 2); });
};

export const showToast = ({ message = "", title = "", tone = "info" }) => {
  const region = document.querySelector("[data-toasts]");
  const template = document.getElementById(`ui-toast-${tone}`) ?? document.getElementById("ui-toast-info");
  if (!region || !template) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  const heading = toast.querySelector("[data-toast-title]");
  heading.textContent = title;
  heading.hidden = !title;
  toast.querySelector("[data-toast-message]").textContent = message;
  region.append(toast);
  // An open modal makes the rest of the page inert, the toasts with it: the region moves into the top layer.
  if (document.querySelector("dialog:modal") && region.showPopover) {
    region.popover = "manual";
    if (region.matches(":popover-open")) region.hidePopover();
    region.showPopover();
  }
  arm(toast);
};

on("click", "[data-toast-close]", (event, button) => leave(button.closest(".ui-toast")));
document.addEventListener("toast", (event) => showToast(event.detail));
whenReady(() => document.querySelectorAll("[data-toasts] .ui-toast").forEach(arm));
