// Dashboards by ECharts, only the parts we draw with.
import * as echarts from "echarts/core";
import { BarChart, CandlestickChart, FunnelChart, GaugeChart, HeatmapChart, LineChart, PieChart, TreemapChart } from "echarts/charts";
import { AriaComponent, DataZoomComponent, GridComponent, LegendComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";
import { colour, dateText, isolate, mount, palette, seriesColour, theme, valueText } from "./ui/chart_kit.js";

echarts.use([BarChart, CandlestickChart, FunnelChart, GaugeChart, HeatmapChart, LineChart, PieChart, TreemapChart, AriaComponent, DataZoomComponent, GridComponent, LegendComponent, TooltipComponent, VisualMapComponent, SVGRenderer]);

const label = (data, x) => (data.time ? dateText(data, x, { day: "numeric", month: "short" }) : isolate(x));

const frame = (data, look) => ({
  animationDuration: 250,
  color: palette(),
  textStyle: { fontFamily: look.font, color: look.muted },
  tooltip: {
    confine: true, backgroundColor: colour("--color-neutral"), borderWidth: 0, padding: [6, 10],
    textStyle: { color: colour("--color-neutral-content"), fontSize: 12, fontFamily: look.font },
    // SVG and HTML tips without inline style attributes: the CSP allows scripts to set styles, not markup to carry them.
    renderMode: "richText",
  },
  legend: { show: data.series.length > 1, bottom: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { color: look.muted } },
});

const axes = (data, look) => ({
  grid: { left: data.rtl ? 8 : 56, right: data.rtl ? 56 : 12, top: 12, bottom: data.series.length > 1 ? 52 : 26 },
  xAxis: { type: "category", data: data.x.map((x) => label(data, x)), axisLine: { lineStyle: { color: look.line } }, axisTick: { show: false }, axisLabel: { color: look.muted, hideOverlap: true, fontSize: 11 } },
  yAxis: { type: "value", position: data.rtl ? "right" : "left", scale: !data.zero && data.kind !== "bar" && data.kind !== "stacked", axisLabel: { color: look.muted, fontSize: 11, formatter: (value) => valueText(data, value, true) }, splitLine: { lineStyle: { color: look.line } } },
});

const cartesian = (data, look) => ({
  ...frame(data, look),
  ...axes(data, look),
  tooltip: { ...frame(data, look).tooltip, trigger: "axis", valueFormatter: (value) => valueText(data, value) },
  series: data.series.map((series, index) => {
    const base = { name: series.name, data: series.values, itemStyle: { color: seriesColour(series, index) } };
    if (data.kind === "bar" || data.kind === "stacked") {
      return { ...base, type: "bar", stack: data.kind === "stacked" ? "all" : undefined, barMaxWidth: 28, itemStyle: { ...base.itemStyle, borderRadius: data.kind === "bar" ? [4, 4, 0, 0] : 0 } };
    }
    return { ...base, type: "line", showSymbol: false, smooth: 0.25, lineStyle: { width: 2 }, areaStyle: data.kind === "area" ? { opacity: 0.14 } : undefined };
  }),
});

const candles = (data, look) => ({
  ...frame(data, look),
  ...axes(data, look),
  tooltip: { ...frame(data, look).tooltip, trigger: "axis" },
  series: data.series.map((series) => ({
    type: "candlestick", name: series.name,
    // ECharts wants open, close, low, high; we speak open, high, low, close as the platforms do.
    data: series.values.map(([open, high, low, close]) => [open, close, low, high]),
    itemStyle: { color: colour("--color-success"), borderColor: colour("--color-success"), color0: colour("--color-error"), borderColor0: colour("--color-error") },
  })),
});

const slices = (data) => data.x.map((name, index) => ({ name, value: data.series[0].values[index] }));
const donut = (data, look) => ({
  ...frame(data, look),
  legend: { ...frame(data, look).legend, show: true },
  tooltip: { ...frame(data, look).tooltip, trigger: "item", valueFormatter: (value) => valueText(data, value) },
  series: [{ type: "pie", radius: ["58%", "82%"], center: ["50%", "44%"], data: slices(data), label: { show: false }, itemStyle: { borderColor: look.surface, borderWidth: 2, borderRadius: 4 } }],
});
const funnel = (data, look) => ({
  ...frame(data, look),
  tooltip: { ...frame(data, look).tooltip, trigger: "item", valueFormatter: (value) => valueText(data, value) },
  series: [{
    // The least width has room for its words.
    type: "funnel", sort: "none", left: 8, right: 8, top: 8, bottom: 8, gap: 3, minSize: "30%", data: slices(data), itemStyle: { borderWidth: 0 },
    label: { position: "inside", color: colour("--brand-fg"), formatter: ({ name, value }) => `${isolate(name)}  ${valueText(data, value)}` },
    color: data.x.map((_, index) => colour("--brand", 1 - 0.08 * index)),
  }],
});
const heatmap = (data, look) => ({
  ...frame(data, look),
  grid: { left: 72, right: 12, top: 8, bottom: 28 },
  tooltip: { ...frame(data, look).tooltip, trigger: "item", formatter: ({ value }) => `${isolate(data.series[value[1]].name)}, ${isolate(data.x[value[0]])}: ${valueText(data, value[2])}` },
  xAxis: { type: "category", data: data.x.map(isolate), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: look.muted, fontSize: 11 } },
  yAxis: { type: "category", data: data.series.map((series) => isolate(series.name)), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: look.muted, fontSize: 11 } },
  visualMap: { show: false, min: 0, max: Math.max(1, ...data.series.flatMap((series) => series.values)), inRange: { color: [colour("--brand", 0.08), colour("--brand")] } },
  series: [{ type: "heatmap", data: data.series.flatMap((series, row) => series.values.map((value, column) => [column, row, value])), itemStyle: { borderColor: look.surface, borderWidth: 2, borderRadius: 4 } }],
});
const gauge = (data, look) => ({
  ...frame(data, look),
  series: [{
    type: "gauge", min: data.min ?? 0, max: data.max ?? 100, startAngle: 200, endAngle: -20, radius: "100%", center: ["50%", "62%"],
    progress: { show: true, width: 14, roundCap: true, itemStyle: { color: seriesColour(data.series[0], 0) } }, pointer: { show: false },
    axisLine: { roundCap: true, lineStyle: { width: 14, color: [[1, look.line]] } }, axisTick: { show: false }, splitLine: { show: false }, axisLabel: { show: false }, anchor: { show: false },
    detail: { valueAnimation: false, offsetCenter: [0, "-8%"], fontSize: 24, fontWeight: 600, color: look.text, formatter: (value) => valueText(data, value) },
    data: [{ value: data.series[0].values.at(-1) ?? 0 }],
  }],
});
const treemap = (data, look) => ({
  ...frame(data, look),
  tooltip: { ...frame(data, look).tooltip, trigger: "item", valueFormatter: (value) => valueText(data, value) },
  series: [{ type: "treemap", roam: false, nodeClick: false, breadcrumb: { show: false }, left: 0, right: 0, top: 0, bottom: 0, itemStyle: { borderColor: look.surface, gapWidth: 2, borderRadius: 4 }, label: { formatter: ({ name }) => isolate(name) }, data: slices(data) }],
});

const BUILDERS = { line: cartesian, area: cartesian, bar: cartesian, stacked: cartesian, candlestick: candles, donut, funnel, heatmap, gauge, treemap };

const draw = (element, data) => {
  if (!data.x.length) {
    element.textContent = data.empty;
    return {};
  }
  const chart = echarts.init(element, null, { renderer: "svg" });
  chart.setOption(BUILDERS[data.kind](data, theme()));
  const watcher = new ResizeObserver(() => chart.resize());
  watcher.observe(element);
  return { destroy: () => { watcher.disconnect(); chart.dispose(); } };
};

mount("echarts", draw);
