// What a swap puts in for somebody to work on takes the focus, once: an element with data-focus-new, told apart by its value.
import { onContent } from "./dom.js";

let last = "";
onContent(() => {
  const element = document.querySelector("[data-focus-new]");
  const value = element?.dataset.focusNew ?? "";
  if (value === last) return;
  last = value;
  if (element && !document.querySelector("dialog[open]")) element.focus();
});
