// Everything a page needs before any chart: htmx, its SSE extension, Alpine (CSP build) and the shells' behaviour.
import htmx from "htmx.org/dist/htmx.esm.js";
import "htmx.org/dist/ext/hx-sse.js";
import "htmx.org/dist/ext/hx-alpine-compat.js";
import Alpine from "@alpinejs/csp";
import "./ui/requests.js"; // first what a refresh waits for,
import "./ui/kept.js"; // then what it keeps, before anybody looks at the new content
import "./ui/dialogs.js";
import "./ui/menus.js";
import "./ui/tabs.js";
import "./ui/toasts.js";
import "./ui/tables.js";
import "./ui/scroll.js";
import "./ui/forms.js";
import "./ui/choices.js";
import "./ui/uploads.js";
import "./ui/palette.js";
import "./ui/hotkeys.js";
import "./ui/preferences.js";
import "./ui/times.js";
import "./ui/keys.js";
import "./ui/lazy.js";
import "./ui/focus.js";
import "./ui/refused.js";
import { startLive } from "./ui/live.js";
import { registerData } from "./ui/data.js";

window.htmx = htmx;
window.Alpine = Alpine;
registerData(Alpine);
Alpine.start();
startLive();
document.documentElement.dataset.ready = "";
