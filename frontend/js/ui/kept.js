// What somebody has chosen or begun to write in a part that a live event refreshes goes back into the same form and the same row.
// htmx morphs rows by their place, so that without this it would pass to whoever stands there now; after any other swap it is dropped.
import { on } from "./dom.js";

const FIELDS = "input:not([type=hidden], [type=file]), select, textarea";
const isBox = (field) => field.type === "checkbox" || field.type === "radio";
const optionsOf = (field) => [...field.options];

const isChanged = (field) => {
  if (isBox(field)) return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  // Without a `selected` of the server's, a single choice begins with its first option.
  const first = field.multiple || optionsOf(field).some((option) => option.defaultSelected) ? -1 : 0;
  return optionsOf(field).some((option, index) => option.selected !== (option.defaultSelected || index === first));
};
const reset = (field) => {
  if (isBox(field)) field.checked = field.defaultChecked;
  else if (!field.options) field.value = field.defaultValue;
  else optionsOf(field).forEach((option, index) => { option.selected = option.defaultSelected || (index === 0 && !field.multiple); });
};

/** What a field is about: its form's address and hidden values, its name and, of a box, its value. */
const subjectOf = (field) => {
  const { form } = field;
  const hidden = form ? [...form.querySelectorAll("input[type=hidden]:not([name=csrfmiddlewaretoken])")] : [];
  const address = form?.getAttribute("hx-post") ?? form?.getAttribute("action") ?? "";
  return JSON.stringify([form?.id, address, hidden.map(({ name, value }) => [name, value]), field.name, isBox(field) && field.value]);
};

// A form that the server has taken is not kept: what comes back is its answer.
const sent = new WeakSet();
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement?.closest?.("form");
  if (form && ctx.request.method !== "GET" && ctx.response?.status < 400) sent.add(form);
});
on("input", "form *", (event, field) => sent.delete(field.form));

const take = (part) => {
  const changed = [...part.querySelectorAll(FIELDS)].filter((field) => field.name && isChanged(field) && !sent.has(field.form));
  return changed.map((field) => ({
    field, subject: subjectOf(field), value: field.value, checked: field.checked,
    selected: field.options && optionsOf(field).filter((option) => option.selected).map((option) => option.value),
  }));
};
const give = (field, { value, checked, selected }) => {
  if (isBox(field)) field.checked = checked;
  else if (selected) for (const option of optionsOf(field)) option.selected = selected.includes(option.value);
  else if (field.value !== value) field.value = value;
};

const taken = new WeakMap();
document.addEventListener("htmx:before:swap", (event) => {
  if (event.defaultPrevented) return;
  const stays = event.target.getAttribute?.("hx-trigger")?.includes("live:");
  for (const task of event.detail.tasks) {
    const part = typeof task.target === "string" ? document.querySelector(task.target) : task.target;
    if (part instanceof Element) taken.set(task, { stays, kept: take(part) });
  }
});
document.addEventListener("htmx:after:settle", ({ target, detail: { task } }) => {
  const { stays, kept } = taken.get(task) ?? {};
  if (!kept?.length) return;
  for (const { field, subject } of kept) if (field.isConnected && subjectOf(field) !== subject) reset(field);
  if (!stays) return; // somebody went on to something else
  const here = new Map([...(target.isConnected ? target : document).querySelectorAll(FIELDS)].map((field) => [subjectOf(field), field]));
  for (const one of kept) if (here.has(one.subject)) give(here.get(one.subject), one);
});
