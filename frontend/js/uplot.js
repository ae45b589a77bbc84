// Time series by uPlot: small and fast enough for live prices and equity.
import uPlot from "uplot";
import { axisTexts, colour, dateText, mount, seriesColour, theme, valueText } from "./ui/chart_kit.js";

const DAY = 86400;
const CLOCK_SPAN = 2 * DAY; // up to here the time of day is told
const MINUTES = 600; // below, whole minutes would say the same at every mark
const CLOCK = { hour: "2-digit", minute: "2-digit", hour12: false };
const xFormat = (span) => {
  if (span > 400 * DAY) return { month: "short", year: "numeric" };
  if (span > CLOCK_SPAN) return { day: "numeric", month: "short" };
  return span > MINUTES ? CLOCK : { ...CLOCK, second: "2-digit" };
};

// Room for the longest of the value axis's texts at eleven pixels; marks of isolation take none.
const axisSize = (plot, texts) => Math.max(56, ...(texts ?? []).map((text) => 14 + 6.5 * text.replace(/[\u2066-\u2069]/g, "").length));

const DASHED = [6, 4];
const isDashed = (data, series) => data.kind !== "bar" && series.tone === "muted";

/** Which line is which where there are several: colour alone tells it to few. Its height, that the plot leaves free. */
const addLegend = (element, data) => {
  if (data.series.length < 2) return 0;
  const legend = Object.assign(document.createElement("div"), { className: "ui-chart-legend", dir: data.rtl ? "rtl" : "ltr" });
  data.series.forEach((series, index) => {
    const entry = document.createElement("span");
    const stroke = document.createElement("i");
    stroke.style.borderBlockStart = `2px ${isDashed(data, series) ? "dashed" : "solid"} ${seriesColour(series, index)}`;
    entry.append(stroke, series.name);
    legend.append(entry);
  });
  element.append(legend);
  return legend.offsetHeight;
};

const spanOf = (times) => times.at(-1) - times[0];

const tooltip = (data) => {
  let box;
  return {
    hooks: {
      init: (plot) => {
        box = Object.assign(document.createElement("div"), { className: "ui-chart-tip", hidden: true });
        plot.over.append(box);
        plot.over.addEventListener("mouseleave", () => { box.hidden = true; });
      },
      setCursor: (plot) => {
        const { idx, left, top } = plot.cursor;
        if (idx === null || idx === undefined || left < 0) { box.hidden = true; return; }
        const lines = data.series.map((series, index) => (data.series.length > 1 ? `${series.name}: ` : "") + valueText(data, plot.data[index + 1][idx]));
        box.replaceChildren();
        const head = document.createElement("div");
        head.textContent = dateText(data, plot.data[0][idx], { dateStyle: "medium", ...(spanOf(plot.data[0]) <= CLOCK_SPAN && { timeStyle: "medium", hourCycle: "h23" }) });
        head.style.opacity = "0.75";
        box.append(head);
        for (const line of lines) box.append(Object.assign(document.createElement("div"), { textContent: line }));
        box.hidden = false;
        const width = box.offsetWidth;
        box.style.left = `${Math.max(0, left + 14 + width > plot.over.offsetWidth ? left - width - 14 : left + 14)}px`;
        box.style.top = `${Math.max(0, top - box.offsetHeight - 8)}px`;
      },
    },
  };
};

const gradient = (plot, series, index) => {
  const { top, height } = plot.bbox;
  const fill = plot.ctx.createLinearGradient(0, top, 0, top + height);
  fill.addColorStop(0, seriesColour(series, index, 0.26));
  fill.addColorStop(1, seriesColour(series, index, 0.01));
  return fill;
};

const draw = (element, data) => {
  if (!data.x.length) {
    element.textContent = data.empty;
    return {};
  }
  const look = theme();
  const span = spanOf(data.x);
  const font = `11px ${look.font}`;
  const grid = { stroke: look.line, width: 1 };
  element.replaceChildren();
  const above = addLegend(element, data);
  const options = {
    width: element.clientWidth,
    height: element.clientHeight - above,
    padding: [10, data.rtl ? 0 : 24, 0, data.rtl ? 32 : 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone), // where marks are set: at midnights of that zone
    cursor: { points: { size: 8, fill: (plot, index) => seriesColour(data.series[index - 1], index - 1) }, y: false, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (plot, low, high) => { const room = (high - low || Math.abs(high) || 1) * 0.08; return [data.zero ? Math.min(0, low) : low - room, high + room]; } } },
    axes: [
      { stroke: look.muted, font, grid: { show: false }, ticks: { show: false }, size: 30, space: 76, values: (plot, ticks) => ticks.map((tick) => dateText(data, tick, xFormat(span))) },
      { side: data.rtl ? 1 : 3, stroke: look.muted, font, grid, ticks: { show: false }, size: axisSize, gap: 8, space: 40, incrs: data.places === 0 && !data.prefix ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000] : undefined, values: (plot, ticks) => axisTexts(data, ticks) },
    ],
    series: [
      {},
      ...data.series.map((series, index) => ({
        label: series.name,
        stroke: seriesColour(series, index),
        width: 2,
        points: { show: false },
        spanGaps: true,
        dash: isDashed(data, series) ? DASHED : undefined,
        paths: data.kind === "bar" ? uPlot.paths.bars({ size: [0.66, 40], radius: 0.15 }) : uPlot.paths.spline(),
        fill: data.kind === "area" && !isDashed(data, series) ? (plot) => gradient(plot, series, index) : data.kind === "bar" ? colour(seriesColour(series, index), 0.85) : undefined,
      })),
    ],
    plugins: [tooltip(data)],
  };
  const values = [data.x, ...data.series.map((series) => series.values)];
  const plot = new uPlot(options, values, element);
  const watcher = new ResizeObserver(() => {
    if (element.clientWidth && Math.abs(element.clientWidth - plot.width) > 1) plot.setSize({ width: element.clientWidth, height: element.clientHeight - above });
  });
  watcher.observe(element);
  const topic = element.dataset.liveChart;
  const append = (event) => {
    const points = event.detail?.point ?? event.detail;
    if (!points || !Number.isFinite(points.t)) return;
    values[0].push(points.t);
    data.series.forEach((series, index) => values[index + 1].push(points.v?.[index] ?? points.v ?? null));
    if (values[0].length > 5000) values.forEach((column) => column.shift());
    plot.setData(values);
  };
  if (topic) document.body.addEventListener(`live:${topic}`, append);
  return {
    destroy: () => {
      watcher.disconnect();
      if (topic) document.body.removeEventListener(`live:${topic}`, append);
      plot.destroy();
    },
  };
};

mount("uplot", draw);
