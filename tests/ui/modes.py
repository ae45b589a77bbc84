"""What axe finds serious on the page in view, in light and in dark."""

# Colours are all that differs between the modes, so only what has to do with them is asked a second time; and the shell
# around the content, nine tenths of a page's elements, is the same on all of a surface's pages.
SERIOUS = """async (whole) => {
  const still = new CSSStyleSheet();  // whatever fades has the contrast of something fading
  still.replaceSync('*, *::before, *::after { transition: none !important; animation: none !important }');
  document.adoptedStyleSheets.push(still);
  const main = document.querySelector('main');
  if (main && !whole) for (let node = main; node !== document.body; node = node.parentElement)
    for (const other of [...node.parentElement.children]) if (other !== node && !other.matches('dialog[open]')) other.remove();
  const found = [];
  for (const mode of ['light', 'dark']) {
    document.documentElement.dataset.theme = mode;
    const rules = mode === 'dark' ? {runOnly: ['color-contrast', 'link-in-text-block']} : {};
    const result = await axe.run(document, {resultTypes: ['violations'], ...rules});
    for (const one of result.violations) if (['serious', 'critical'].includes(one.impact)) for (const node of one.nodes)
      found.push(`${mode}: ${one.id} (${one.impact}) ${node.target} ${node.html.slice(0, 200)} ${node.failureSummary}`);
  }
  return found;
}"""
