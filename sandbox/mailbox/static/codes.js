// Keeps the codes fresh and copies one at a click. Without script the page reloads itself instead.
const left = document.getElementById("left");
const status = document.getElementById("status");
let until = performance.now() + Number(left.dataset.seconds) * 1000;
let asking = false;

async function renew() {
  asking = true;
  try {
    const answer = await (await fetch("/api/codes", { cache: "no-store" })).json();
    const codes = new Map(answer.accounts.map((one) => [one.email, one.code]));
    for (const button of document.querySelectorAll("button[data-email]")) {
      button.textContent = codes.get(button.dataset.email) ?? "";
      button.removeAttribute("data-copied");
    }
    until = performance.now() + answer.seconds * 1000;
  } catch {
    until = performance.now() + 2000;
  }
  asking = false;
}

function tick() {
  const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
  left.textContent = String(seconds);
  if (performance.now() >= until && !asking) renew();
}

async function copy(button) {
  const code = button.textContent;
  try {
    await navigator.clipboard.writeText(code);
    button.setAttribute("data-copied", "");
    status.textContent = `Copied ${code} of ${button.dataset.email}`;
  } catch {
    getSelection().selectAllChildren(button);
    status.textContent = `Selected ${code}: copy it with the keyboard`;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-email]");
  if (button) copy(button);
});
setInterval(tick, 250);
