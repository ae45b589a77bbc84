// File fields: drop zone, preview, size and type check, upload with progress when data-upload names a URL.
import { on, text } from "./dom.js";

const UNITS = ["B", "KB", "MB", "GB"];
const sizeText = (bytes) => {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1000)));
  return `${(bytes / 1000 ** step).toFixed(step ? 1 : 0)} ${UNITS[step]}`;
};

const refuse = (file, zone) => {
  const limit = Number(zone.dataset.maxBytes || 0);
  if (limit && file.size > limit) return text("tooLarge");
  const accepted = (zone.querySelector("input[type=file]").accept || "").split(",").map((part) => part.trim()).filter(Boolean);
  const fits = accepted.some((part) => part === file.type || (part.endsWith("/*") && file.type.startsWith(part.slice(0, -1))) || (part.startsWith(".") && file.name.toLowerCase().endsWith(part.toLowerCase())));
  return accepted.length && !fits ? text("wrongType") : "";
};

const addRow = (zone, file, problem) => {
  const row = zone.parentElement.querySelector("template[data-upload-row]").content.firstElementChild.cloneNode(true);
  row.querySelector("[data-name]").textContent = file.name;
  row.querySelector("[data-size]").textContent = sizeText(file.size);
  const image = row.querySelector("[data-preview]");
  if (file.type.startsWith("image/") && !problem) {
    image.src = URL.createObjectURL(file);
    image.hidden = false;
    row.querySelector("[data-file-icon]").hidden = true;
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  }
  const error = row.querySelector("[data-problem]");
  error.textContent = problem;
  error.hidden = !problem;
  zone.parentElement.querySelector("[data-upload-list]").append(row);
  return row;
};

const send = (zone, file, row) => {
  const bar = row.querySelector("progress");
  bar.hidden = false;
  const request = new XMLHttpRequest();
  request.open("POST", zone.dataset.upload);
  request.setRequestHeader("X-CSRFToken", document.querySelector('meta[name="csrf-token"]')?.content ?? "");
  request.setRequestHeader("HX-Request", "true");
  request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = (event.loaded / event.total) * 100; });
  request.addEventListener("loadend", () => {
    bar.hidden = true;
    const done = request.status >= 200 && request.status < 300;
    row.dataset.state = done ? "done" : "failed";
    row.querySelector("[data-done]").hidden = !done;
    if (!done) {
      const error = row.querySelector("[data-problem]");
      error.textContent = request.status === 422 && request.responseText.length < 300 ? request.responseText : text("uploadFailed");
      error.hidden = false;
    }
    zone.dispatchEvent(new CustomEvent(done ? "upload:done" : "upload:failed", { bubbles: true, detail: { status: request.status, text: request.responseText } }));
  });
  const body = new FormData();
  body.append(zone.querySelector("input[type=file]").name, file);
  for (const field of zone.closest("form")?.querySelectorAll("[data-upload-with]") ?? []) body.append(field.name, field.value);
  request.send(body);
};

on("change", ".ui-drop input[type=file]", (event, input) => {
  const zone = input.closest(".ui-drop");
  const list = zone.parentElement.querySelector("[data-upload-list]");
  if (!zone.dataset.upload) list.replaceChildren();
  let refused = false;
  for (const file of input.files) {
    const problem = refuse(file, zone);
    refused ||= Boolean(problem);
    const row = addRow(zone, file, problem);
    if (!problem && zone.dataset.upload) send(zone, file, row);
  }
  if (zone.dataset.upload || refused) input.value = "";
});
for (const [type, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  on(type, ".ui-drop", (event, zone) => zone.classList.toggle("ui-drop-over", over));
}
on("click", "[data-upload-remove]", (event, button) => {
  const holder = button.closest("[data-upload-list]").parentElement;
  button.closest("[data-upload-item]").remove();
  const input = holder.querySelector("input[type=file]");
  if (!holder.querySelector(".ui-drop").dataset.upload) input.value = "";
});
