// A form that comes back refused (422) shows its first wrong field and puts the focus there; with none, what it says at all.
import { whenReady } from "./dom.js";

const WRONG = '[aria-invalid="true"], .ui-field-invalid :is(input, select, textarea)';
const SAID = 'form .ui-alert[role="alert"], .ui-error';
const shown = (root, selector) => [...root.querySelectorAll(selector)].find((one) => one.type !== "hidden" && one.checkVisibility());

const showFirst = (root) => {
  const part = [...root.querySelectorAll("dialog[open]")].at(-1) ?? root;
  const field = shown(part, WRONG);
  const place = field ?? shown(part, SAID);
  if (!place) return;
  field?.focus({ preventScroll: true });
  place.scrollIntoView({ block: "center", behavior: "instant" });
};

whenReady(() => {
  const [{ responseStatus } = {}] = performance.getEntriesByType("navigation");
  if ((responseStatus || 422) === 422) showFirst(document); // a browser that does not tell it: only answers to forms have errors
});
// Not for a field that is checked while somebody types in it.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.response?.status === 422 && !ctx.sourceElement?.matches?.("input, select, textarea")) showFirst(document);
});
