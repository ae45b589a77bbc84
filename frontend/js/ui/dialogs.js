// Native <dialog>: opened by data-dialog-open, closed by data-dialog-close, a click beside it or HX-Trigger "modal:close".
import { on, onContent } from "./dom.js";

export const openDialog = (dialog) => {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
};

on("click", "[data-dialog-open]", (event, button) => {
  event.preventDefault();
  openDialog(document.getElementById(button.dataset.dialogOpen));
});
on("click", "[data-dialog-close]", (event, button) => button.closest("dialog")?.close());
on("pointerdown", "dialog", (event, dialog) => {
  if (event.target !== dialog || dialog.hasAttribute("data-persistent")) return;
  const box = dialog.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) dialog.close();
});
document.addEventListener("modal:close", () => document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close()));
onContent((root) => root.querySelectorAll("dialog[data-open]:not([open])").forEach((dialog) => {
  dialog.removeAttribute("data-open");
  dialog.addEventListener("close", () => dialog.closest("[data-modal-host]")?.replaceChildren(), { once: true });
  openDialog(dialog);
}));

// One confirmation dialog for every hx-confirm and every form with data-confirm.
const confirmed = new WeakSet();
let asker;
/** The open confirmation, if it is about something within `part`. */
export const askedFrom = (part) => (asker && part.contains(asker) ? document.getElementById("ui-confirm") : null);
const ask = (question, source, yes, no) => {
  const dialog = document.getElementById("ui-confirm");
  if (!dialog) return window.confirm(question) ? yes() : no();
  const data = source.dataset;
  const part = (name) => dialog.querySelector(`[data-confirm-${name}]`);
  part("title").textContent = data.confirmTitle ?? dialog.dataset.title;
  part("message").textContent = question;
  const buttons = { danger: part("danger"), primary: part("primary") };
  const chosen = data.confirmTone === "primary" ? "primary" : "danger";
  for (const [tone, button] of Object.entries(buttons)) {
    button.hidden = tone !== chosen;
    if (tone === chosen) button.textContent = data.confirmButton ?? dialog.dataset.button;
  }
  dialog.returnValue = "";
  asker = source;
  dialog.addEventListener("close", () => {
    asker = null;
    if (dialog.returnValue === "yes") yes();
    else no();
  }, { once: true });
  dialog.showModal();
};

document.addEventListener("htmx:confirm", (event) => {
  event.preventDefault();
  const { ctx, issueRequest, dropRequest } = event.detail;
  ask(ctx.confirm, event.target, issueRequest, dropRequest);
});
on("submit", "form[data-confirm]", (event, form) => {
  if (confirmed.delete(form)) return;
  event.preventDefault();
  const { submitter } = event;
  ask(form.dataset.confirm, form, () => { confirmed.add(form); form.requestSubmit(submitter); }, () => {});
});
