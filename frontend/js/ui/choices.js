// Parts of a form that belong to some answers only: within data-choices, the elements whose data-when names the value of
// the data-choice are shown, the others hidden. Without script all are there; the server takes what it needs.
import { on, onContent } from "./dom.js";

const groupOf = (element) => element.parentElement.closest("[data-choices]");
const show = (choice) => {
  const group = groupOf(choice);
  for (const part of group.querySelectorAll("[data-when]")) {
    if (groupOf(part) === group) part.hidden = !part.dataset.when.trim().split(" ").includes(choice.value);
  }
};
on("change", "[data-choice]", (event, choice) => show(choice));
onContent((root) => root.querySelectorAll("[data-choice]").forEach(show));
