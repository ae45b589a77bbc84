// Forms: copying, password visibility, auto-submit of filters, progress values, busy buttons.
import { on, onContent, text } from "./dom.js";
import { showToast } from "./toasts.js";

const copy = async (value) => {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(value);
  const box = Object.assign(document.createElement("textarea"), { value });
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
};
on("click", "[data-copy]", async (event, button) => {
  event.preventDefault();
  await copy(button.dataset.copy || document.querySelector(button.dataset.copyFrom)?.textContent.trim() || "");
  showToast({ message: text("copied"), tone: "success" });
});
on("click", "[data-reveal]", (event, button) => {
  const field = document.getElementById(button.dataset.reveal);
  const hidden = field.type === "password";
  field.type = hidden ? "text" : "password";
  button.setAttribute("aria-pressed", String(hidden));
});
on("change", "form[data-auto-submit] :is(select, input)", (event, field) => field.form.requestSubmit());
on("submit", "form:not([hx-post], [hx-get], [hx-put], [hx-patch], [hx-delete], [method='dialog'], [data-confirm])", (event, form) => {
  if (!event.defaultPrevented && event.submitter?.matches(".btn")) event.submitter.dataset.busy = "";
});
addEventListener("pageshow", () => document.querySelectorAll("[data-busy]").forEach((button) => delete button.dataset.busy));

// A button that writes its value into a field, as if typed, so that what listens to the field hears of it.
on("click", "[data-fill]", (event, button) => {
  const field = document.querySelector(button.dataset.fill);
  if (!field) return;
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
});
// A hand-over to another host of ours: posted as soon as it is on the page, with a button for those without scripts.
onContent((root) => root.querySelectorAll("form[data-submit-now]").forEach((form) => form.requestSubmit()));

// Widths and colours that come from data: the CSP forbids style attributes, scripts may still set them.
onContent((root) => {
  root.querySelectorAll("[data-width]").forEach((bar) => { bar.style.width = `${Math.min(100, Math.max(0, Number(bar.dataset.width)))}%`; });
  root.querySelectorAll("[data-swatch]").forEach((spot) => { spot.style.backgroundColor = spot.dataset.swatch; });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("[data-search]");
  if (search) { event.preventDefault(); search.focus(); }
});
