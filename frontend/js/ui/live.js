// One event stream per tab. Each message {topic, data, ts?} becomes a DOM event `live:<topic>` on <body>, for htmx
// triggers, and fills every [data-live-value="<topic>:<key>"].
const LATENCY_KEPT = 100;
const LATENCY_EVERY_MS = 15000;
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 30000;

let stream;
let token = "";
let lastId = "";
let failures = 0;
const delays = [];
let reported = 0;
let received = 0;

const setState = (state) => {
  document.body.dataset.liveState = state;
  for (const node of document.querySelectorAll("[data-live-indicator]")) {
    node.dataset.state = state;
    const label = node.querySelector("[data-live-label]");
    if (label) label.textContent = node.dataset[state] ?? state;
  }
  document.body.dispatchEvent(new CustomEvent("live-state", { detail: { state } }));
};

const flash = (node, direction) => {
  const turn = node.dataset.flash?.endsWith("a") ? "b" : "a"; // another animation's name starts it again
  node.dataset.flash = `${direction > 0 ? "up" : direction < 0 ? "down" : "same"}-${turn}`;
};

/** A value is text, a number, or {text, raw, tone}: text is what people see, raw decides the flash, tone the colour. */
const patch = (node, value) => {
  const { text, raw, tone } = value !== null && typeof value === "object" ? value : { text: value, raw: value };
  const shown = text === null || text === undefined ? "" : String(text);
  if (node.textContent === shown) return;
  const before = Number(node.dataset.liveRaw);
  const after = Number(raw);
  const known = "liveRaw" in node.dataset && Number.isFinite(before) && Number.isFinite(after);
  node.textContent = shown;
  if (Number.isFinite(after)) node.dataset.liveRaw = String(after);
  if (tone !== undefined) {
    node.classList.toggle("text-up", tone === "up");
    node.classList.toggle("text-down", tone === "down");
  }
  if (!node.hasAttribute("data-live-still")) flash(node, known ? Math.sign(after - before) : 0);
};

const patchAll = (topic, data) => {
  if (data === null || typeof data !== "object") return;
  for (const node of document.querySelectorAll(`[data-live-value^="${CSS.escape(topic)}:"]`)) {
    const key = node.dataset.liveValue.slice(topic.length + 1);
    if (key in data) patch(node, data[key]);
  }
};

export const receive = ({ topic, data, ts }) => {
  if (!topic) return;
  patchAll(topic, data);
  document.body.dispatchEvent(new CustomEvent(`live:${topic}`, { detail: data }));
  if (Number.isFinite(ts)) {
    delays.push(Math.max(0, Date.now() - ts));
    if (delays.length > LATENCY_KEPT) delays.shift();
    received += 1;
  }
};

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
const reportLatency = () => {
  if (received === reported || !delays.length) return;
  reported = received;
  const sorted = [...delays].sort((one, other) => one - other);
  const report = { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), n: sorted.length, page: location.pathname, t: token };
  navigator.sendBeacon("/live/latency", new Blob([JSON.stringify(report)], { type: "application/json" }));
};

/** The token is too old, or its log-in or rights are not what they were: ask the page itself what it may watch now.
 * False when it may watch nothing any more: it is refused, leads to the log-in, or has no stream. */
const freshToken = async () => {
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (response.status >= 500) return true; // a restart: the next try will tell
  const body = new DOMParser().parseFromString(await response.text(), "text/html").body;
  token = response.ok && !response.redirected ? (body.dataset.live ?? "") : "";
  return token !== "";
};

const dispatch = (block) => {
  let type = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = line.match(/^([^:]*): ?(.*)$/) ?? [];
    if (field === "id") lastId = value;
    else if (field === "event") type = value;
    else if (field === "data") data.push(value);
  }
  if (type !== "message" || !data.length) return;
  let message;
  try { message = JSON.parse(data.join("\n")); } catch { return; }
  receive(message);
};

const read = async (body) => {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replace(/\r\n?/g, "\n").split("\n\n");
    rest = blocks.pop();
    blocks.forEach(dispatch);
  }
};

// By fetch rather than EventSource: a new EventSource cannot send Last-Event-ID, and its own retry has no jitter.
const connect = async () => {
  stream = new AbortController();
  const { signal } = stream;
  try {
    const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
    const response = await fetch(`/live/?t=${encodeURIComponent(token)}`, { headers, signal, cache: "no-store", credentials: "same-origin" });
    if (response.status === 403 && !(await freshToken())) return setState("closed");
    if (!response.ok) throw new Error(`stream answered ${response.status}`);
    if (failures) document.body.dispatchEvent(new CustomEvent("live-resumed"));
    failures = 0;
    setState("open");
    await read(response.body);
  } catch {
    // Told apart below: an aborted stream belongs to a page that is going away.
  }
  if (!signal.aborted) retry();
};

const retry = async () => {
  failures += 1;
  setState(failures > 5 ? "closed" : "connecting");
  const ceiling = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** failures);
  // Full jitter: thousands of tabs must not return in the same second after a restart.
  await new Promise((resolve) => setTimeout(resolve, Math.random() * ceiling));
  connect();
};

export const startLive = () => {
  token = document.body.dataset.live ?? "";
  if (!token) return;
  setState("connecting");
  connect();
  setInterval(reportLatency, LATENCY_EVERY_MS);
  addEventListener("pagehide", () => { reportLatency(); stream?.abort(); });
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
};
