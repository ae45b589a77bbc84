// Puts the lead form into a broker's page: <script src="https://<portal>/static/leads/embed.js" data-language="de" async></script>
// Campaign parameters, click ids, partner code and the referrer of the page go along; the frame grows with its content.
(() => {
  const script = document.currentScript;
  const origin = new URL(script.src).origin;
  const address = new URL("/embed/lead-form", origin);
  const here = new URLSearchParams(location.search);
  for (const [name, value] of here) {
    if (/^(utm_\w+|gclid|fbclid|msclkid|ttclid|partner)$/.test(name)) address.searchParams.set(name, value);
  }
  if (script.dataset.language) address.searchParams.set("language", script.dataset.language);
  if (script.dataset.partner) address.searchParams.set("partner", script.dataset.partner);
  if (document.referrer) address.searchParams.set("referrer", document.referrer);
  address.searchParams.set("landing", location.origin + location.pathname);
  const frame = document.createElement("iframe");
  frame.src = address.href;
  frame.title = script.dataset.title || "Contact form";
  frame.style.cssText = "width:100%;border:0;min-height:36rem;color-scheme:normal";
  frame.loading = "lazy";
  script.after(frame);
  addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== frame.contentWindow) return;
    if (Number.isFinite(event.data?.rialtoHeight)) {
      frame.style.minHeight = "0";
      frame.style.height = `${event.data.rialtoHeight}px`;
    }
    if (event.data?.rialtoSent) script.dispatchEvent(new CustomEvent("rialto:sent", { bubbles: true }));
  });
})();
