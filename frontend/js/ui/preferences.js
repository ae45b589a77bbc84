// Light, dark or as the device says: a cookie the server renders into <html data-theme>, so nothing flashes.
import { on } from "./dom.js";

const YEAR = 31536000;
const setMode = (mode) => {
  document.cookie = `rialto_mode=${mode};path=/;max-age=${YEAR};samesite=lax${location.protocol === "https:" ? ";secure" : ""}`;
  document.documentElement.dataset.theme = mode;
  for (const item of document.querySelectorAll("[data-mode]")) item.setAttribute("aria-checked", String(item.dataset.mode === mode));
};
on("click", "[data-mode]", (event, item) => setMode(item.dataset.mode));
on("click", "[data-language]", (event, item) => {
  const form = document.getElementById("ui-language-form");
  form.elements.language.value = item.dataset.language;
  form.elements.next.value = location.pathname + location.search;
  form.submit();
});
on("click", "[data-sidebar-toggle]", () => document.body.classList.toggle("shell-narrow"));
