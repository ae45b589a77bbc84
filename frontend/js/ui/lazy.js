// Charts and kanban boards bring their own scripts: fetched once, when the page first shows one.
import { onContent } from "./dom.js";

const BUNDLES = [
  ['[data-chart][data-engine="uplot"]', "uplot"],
  ['[data-chart][data-engine="echarts"]', "charts"],
  ["[data-kanban]", "kanban"],
];
const loaded = new Map();
const load = (name) => {
  if (!loaded.has(name)) {
    loaded.set(name, new Promise((resolve, reject) => {
      const source = document.querySelector(`meta[name="bundle-${name}"]`)?.content;
      if (!source) return reject(new Error(`no address for bundle ${name}`));
      const script = Object.assign(document.createElement("script"), { src: source, async: true });
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      document.head.append(script);
    }));
  }
  return loaded.get(name);
};
onContent((root) => {
  for (const [selector, name] of BUNDLES) {
    if (root.querySelector(selector)) load(name).then(() => document.dispatchEvent(new CustomEvent(`bundle:${name}`)));
  }
});
