// Tabs with panels in the page. Tabs that are links need none of this.
import { isRtl, on } from "./dom.js";

const select = (tab) => {
  for (const other of tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls"));
    if (panel) panel.hidden = !chosen;
  }
  // A chart or table that was hidden has no size until now.
  dispatchEvent(new Event("resize"));
};

on("click", '[role="tab"][aria-controls]', (event, tab) => select(tab));
on("keydown", '[role="tab"]', (event, tab) => {
  const tabs = [...tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')];
  const forward = isRtl() ? "ArrowLeft" : "ArrowRight";
  const back = isRtl() ? "ArrowRight" : "ArrowLeft";
  const index = tabs.indexOf(tab);
  const next = { [forward]: (index + 1) % tabs.length, [back]: (index - 1 + tabs.length) % tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  tabs[next].focus();
  select(tabs[next]);
});
on("click", '.ui-segmented > button', (event, button) => {
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
});
