// What both chart engines share: data, colours of the theme, number and date texts, redraw on a theme change.
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const brush = canvas.getContext("2d", { willReadFrequently: true });

/** Any CSS colour (oklch, color-mix, custom property) as rgb components, which both engines understand. */
const components = (css) => {
  brush.clearRect(0, 0, 1, 1);
  brush.fillStyle = css;
  brush.fillRect(0, 0, 1, 1);
  return [...brush.getImageData(0, 0, 1, 1).data];
};
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const colour = (name, alpha = 1) => {
  const [red, green, blue] = components(variable(name) || name);
  return alpha === 1 ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${alpha})`;
};
const TONES = { brand: "--brand-text", up: "--color-success", down: "--color-error", warning: "--color-warning", info: "--color-info", muted: "--ink-muted" };
const PALETTE = ["--brand-text", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"];
export const seriesColour = (series, index, alpha = 1) => colour(TONES[series.tone] ?? PALETTE[Number(series.tone || index) % PALETTE.length], alpha);
export const palette = () => PALETTE.map((name) => colour(name));
export const theme = () => ({
  text: colour("--color-base-content"), muted: colour("--ink-muted"), line: colour("--color-base-300"),
  surface: colour("--color-base-100"), font: getComputedStyle(document.body).fontFamily,
});

export const readData = (element) => JSON.parse(document.getElementById(element.dataset.source).textContent);

// Left-to-right isolation for money, right-to-left-safe isolation for dates (U+2066 to U+2069).
export const isolate = (value) => `\u2068${value}\u2069`;
export const valueText = (data, value, compact = false, digitsAtMost = 1) => {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const options = compact ? { notation: "compact", maximumFractionDigits: digitsAtMost } : { minimumFractionDigits: data.places, maximumFractionDigits: data.places };
  const parts = new Intl.NumberFormat(data.locale, options).formatToParts(Math.abs(value));
  const joined = (wanted) => parts.filter(wanted).map((part) => part.value).join("");
  const sign = value < 0 ? "\u2212" : "";
  const word = joined((part) => part.type === "compact");
  // A thousand said by a word stands behind its number, which in Arabic is to the left of it.
  if (data.rtl && word) return `\u2067\u2066${sign}${data.prefix}${joined((part) => !["compact", "literal"].includes(part.type))}\u2069 ${word}${data.suffix}\u2069`;
  return `\u2066${sign}${data.prefix}${joined(() => true)}${data.suffix}\u2069`;
};
/** Short texts for the marks of a value axis, with as many digits as it takes to tell each from the next, and truly. */
export const axisTexts = (data, marks) => {
  const texts = (digits) => marks.map((mark) => valueText(data, mark, true, digits));
  const exact = texts(3);
  if (new Set(exact).size < exact.length) return marks.map((mark) => valueText(data, mark));
  return [1, 2].map(texts).find((found) => found.join() === exact.join()) ?? exact;
};
export const dateText = (data, seconds, options) => isolate(new Intl.DateTimeFormat(data.locale, { timeZone: data.zone, ...options }).format(new Date(seconds * 1000)));

const mounted = new Map();
const drawAll = (draw, engine) => {
  for (const [element, entry] of mounted) {
    if (element.isConnected) continue;
    entry.destroy?.();
    mounted.delete(element);
  }
  for (const element of document.querySelectorAll(`[data-chart][data-engine="${engine}"]`)) {
    if (mounted.has(element) || element.offsetWidth === 0) continue;
    mounted.set(element, draw(element, readData(element)));
  }
};

/** Mount every chart of an engine, and again after swaps, theme changes and the arrival of fonts. */
export const mount = (engine, draw) => {
  const run = () => drawAll(draw, engine);
  const redraw = () => {
    for (const entry of mounted.values()) entry.destroy?.();
    mounted.clear();
    run();
  };
  document.addEventListener(`bundle:${engine === "echarts" ? "charts" : engine}`, run);
  addEventListener("resize", run);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "dir"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.fonts.ready.then(run);
};
