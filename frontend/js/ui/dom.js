// Small helpers. Behaviour hangs on the document, so it survives every htmx swap.
export const on = (type, selector, handler, options) =>
  document.addEventListener(
    type,
    (event) => {
      const element = event.target instanceof Element ? event.target.closest(selector) : null;
      if (element) handler(event, element);
    },
    options,
  );

export const whenReady = (task) =>
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", task, { once: true }) : task();

/** Run `task` on the document now and on everything htmx puts in later. */
export const onContent = (task) => {
  whenReady(() => task(document));
  document.addEventListener("htmx:after:settle", () => task(document));
};

/** Translated texts the shell renders as data attributes of its <body>. */
export const text = (name) => document.body.dataset[`text${name[0].toUpperCase()}${name.slice(1)}`] ?? "";

export const isRtl = () => document.documentElement.dir === "rtl";

/** Put a top-layer box next to its anchor, inside the viewport, aligned to the reading direction. */
export const placeBeside = (box, anchor, { gap = 6, align = "start", side = "below" } = {}) => {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const physicalStart = (align === "start") !== isRtl();
  let x = align === "center" ? at.left + (at.width - width) / 2 : physicalStart ? at.left : at.right - width;
  let y = side === "above" ? at.top - height - gap : at.bottom + gap;
  if (y + height > innerHeight - 8 && at.top - height - gap > 8) y = at.top - height - gap;
  if (y < 8) y = at.bottom + gap;
  x = Math.min(Math.max(8, x), innerWidth - width - 8);
  box.style.left = `${Math.round(x)}px`;
  box.style.top = `${Math.round(y)}px`;
};
