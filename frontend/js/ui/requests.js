// htmx requests: CSRF header, refusals as toasts, HX-Trigger events from the server.
import { askedFrom } from "./dialogs.js";
import { text } from "./dom.js";
import { showToast } from "./toasts.js";

document.addEventListener("htmx:config:request", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.ctx.request.headers["X-CSRFToken"] = token;
});

// A list that a live event refreshes shows what the address names by then: filters, pages and sorting change the address,
// not the list's own.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement.matches?.("[data-follows-address]")) return;
  const asked = new URL(ctx.request.action, location.href);
  if (asked.pathname === location.pathname) ctx.request.action = location.pathname + location.search;
});

// An export takes what the list shows by then, all pages of it. On `pointerdown`, too: who saves a link by its menu never clicks.
const PLACES = ["page", "after", "before"];
const follow = (event) => {
  const link = event.target.closest?.("a[data-follows-address]");
  if (!link) return;
  const shown = new URLSearchParams(location.search);
  for (const name of PLACES) shown.delete(name);
  const format = new URLSearchParams(link.search).get("format");
  if (format) shown.set("format", format);
  link.search = shown;
};
for (const kind of ["pointerdown", "click"]) document.addEventListener(kind, follow, { capture: true });

// Statuses in `noSwap` leave the page as it is; the person still has to learn what happened.
document.addEventListener("htmx:response:error", (event) => {
  const { ctx } = event.detail;
  const { status, headers } = ctx.response;
  if (status === 401) return location.reload();
  // A refusal with a text of its own is told as a toast, whatever part of the page had asked.
  const refusal = ctx.text?.includes("data-error-fragment") && new DOMParser().parseFromString(ctx.text, "text/html").querySelector("[data-error-fragment]");
  if (refusal) {
    ctx.swap = "none";
    return showToast({ message: refusal.textContent.trim(), tone: "danger" });
  }
  if (status === 422 || status === 409 || status === 400) return;
  if (headers.get("HX-Trigger")?.includes('"toast"')) return;
  const message = { 403: text("forbidden"), 404: text("missing"), 429: text("slowDown") }[status] ?? text("serverError");
  showToast({ message, tone: "danger" });
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.error?.name === "AbortError") return;
  showToast({ message: text("offline"), tone: "danger" });
});

// What a live event refreshes waits while a menu or a dialog in it is open or something in it is being confirmed: nobody should
// lose what is under the pointer or half written, and a form that is gone cannot be sent.
const waiting = new WeakSet();
document.addEventListener("htmx:before:swap", (event) => {
  const [live] = event.target.getAttribute?.("hx-trigger")?.match(/\blive:[^\s,]+/) ?? [];
  const busy = live && (event.target.querySelector(".ui-menu:popover-open, dialog[open]") ?? askedFrom(event.target));
  if (!busy) return;
  event.preventDefault();
  if (waiting.has(busy)) return;
  waiting.add(busy);
  const refresh = () => {
    waiting.delete(busy);
    document.body.dispatchEvent(new CustomEvent(live));
  };
  busy.addEventListener(busy.localName === "dialog" ? "close" : "toggle", refresh, { once: true });
});

// A style that a script set on an element with an id (a placed menu, a measured bar) would be copied by htmx to its successor
// as an attribute, which the content security policy forbids. The successor is placed and measured anew by itself.
document.addEventListener("htmx:before:swap", (event) => {
  if (event.defaultPrevented) return; // the page stays as it is, and so does the menu's place
  const targets = (event.detail?.tasks ?? [])
    .map(({ target }) => (typeof target === "string" ? document.querySelector(target) : target))
    .filter((target) => target instanceof Element);
  targets.forEach((target) => {
    [target, ...target.querySelectorAll("[id][style]")].forEach((element) => element.removeAttribute("style"));
  });
});
