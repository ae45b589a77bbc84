// "3 hours ago" stays true while the page is open.
const STEPS = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"], [4.35, "week"], [12, "month"], [Infinity, "year"]];

const relative = (format, seconds) => {
  let value = seconds;
  for (const [size, unit] of STEPS) {
    if (Math.abs(value) < size) return format.format(Math.round(value), unit);
    value /= size;
  }
  return "";
};
const refresh = () => {
  const nodes = document.querySelectorAll("time[data-ago]");
  if (!nodes.length || document.hidden) return;
  const format = new Intl.RelativeTimeFormat(`${document.documentElement.lang}-u-nu-latn`, { numeric: "always" });
  for (const node of nodes) {
    const seconds = (Date.parse(node.dateTime) - Date.now()) / 1000;
    if (Math.abs(seconds) >= 60) node.textContent = relative(format, seconds);
  }
};
setInterval(refresh, 30000);
