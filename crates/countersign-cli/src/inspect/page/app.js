// The inspector's page: what belongs together is put together here.

import * as api from "./api.js";
import { Deliveries } from "./deliveries.js";
import { Detail } from "./detail.js";
import { button, byId } from "./dom.js";
import { Feed } from "./feed.js";
import { Filters } from "./filters.js";
import { count, isFine, outcomeName, says, size, subject } from "./format.js";
import { keys } from "./keys.js";
import { List } from "./list.js";
import { hide, notify } from "./notice.js";
import { themeButton } from "./themes.js";
import { welcome } from "./welcome.js";

/** New deliveries are announced to those who listen, but not more often than this. */
const ANNOUNCED_MS = 4000;
const STATES = { connecting: "Connecting …", live: "Live", lost: "Connection lost. Trying again …" };

/** One column: the detail lies over the list. */
const narrow = matchMedia("(max-width: 759px)");

let info = { endpoints: [], forward: [], listening: "", keeps: {} };
let loaded = false;

const deliveries = new Deliveries();
const detail = new Detail(byId("detail"), {
  info: () => info,
  row: (number) => deliveries.rows.get(number),
  replays: (number) => deliveries.replaysOf(number),
  choose,
  back: leave,
});
const list = new List({
  scroller: byId("scroller"),
  rows: byId("rows"),
  newer: byId("newer"),
  chosen: choose,
  entered: enter,
  toggled(key, open, head) {
    deliveries.toggle(key, open);
    if (!open) choose(head);
    show();
  },
});
const filters = new Filters(deliveries, () => {
  byId("scroller").scrollTop = 0;
  show();
});
const feed = new Feed({
  deliveries,
  changed,
  failed: (error) => notify(error.message, "bad"),
  state(state) {
    const connection = byId("connection");
    connection.dataset.state = state;
    connection.textContent = STATES[state];
    if (state === "live") refreshInfo();
  },
});

function show(added = 0) {
  const items = deliveries.view(list.selected);
  list.show(items, { added });
  const [total, shown] = [deliveries.rows.size, items.length];
  byId("count").textContent = deliveries.isFiltered
    ? `${matching().toLocaleString("en")} of ${count(total, "delivery", "deliveries")}`
    : count(total, "delivery", "deliveries");
  const empty = loaded && total === 0;
  document.body.classList.toggle("empty", empty);
  byId("welcome").hidden = !empty;
  byId("none").hidden = empty || !loaded || shown > 0;
  byId("none-text").textContent = "No delivery matches the search and the filters.";
}

function matching() {
  let matches = 0;
  for (const row of deliveries.rows.values()) matches += deliveries.matches(row) ? 1 : 0;
  return matches;
}

/** Deliveries came, or the list is another one. */
function changed({ rows = [], fresh = [], cleared, loaded: anew }) {
  if (anew || cleared) loaded = true;
  if (cleared) forgetChoice();
  show(fresh.length);
  filters.offerSoon();
  detail.changed(rows);
  if (anew) {
    fromAddress();
    detail.loadSoon();
  } else announce(fresh);
}

let addressing;
function choose(number) {
  list.selected = number;
  // A closed group opens for the delivery that is chosen in it.
  show();
  list.reveal(number);
  detail.show(number);
  // Browsers refuse it when it is done for each of the rows that a key runs through.
  clearTimeout(addressing);
  addressing = setTimeout(() => history.replaceState(history.state, "", `#${number}`), 150);
}

/** Into the detail: on a phone it lies over the list, and the way back is also the browser's. */
function enter(number, { byPointer = false } = {}) {
  if (narrow.matches && !document.body.classList.contains("inside")) {
    document.body.classList.add("inside");
    history.pushState({ inside: true }, "", `#${number}`);
  }
  if (!byPointer) byId("detail").focus({ preventScroll: true });
}

function leave() {
  outside();
  byId("rows").focus({ preventScroll: true });
}

function outside() {
  if (!document.body.classList.contains("inside")) return;
  document.body.classList.remove("inside");
  if (history.state?.inside) history.back();
}

function forgetChoice() {
  clearTimeout(addressing);
  outside();
  list.selected = null;
  detail.showNothing();
  history.replaceState(history.state, "", location.pathname);
}

/** The delivery that the address names. */
function fromAddress() {
  const number = Number(location.hash.slice(1));
  if (number > 0 && number !== list.selected) choose(number);
}

let unannounced = [];
let announcing;
function announce(fresh) {
  unannounced.push(...fresh.map((row) => row.number));
  if (unannounced.length === 0) return;
  announcing ??= setTimeout(() => {
    // As they are by now: most were still arriving when they came.
    const rows = unannounced.map((number) => deliveries.rows.get(number)).filter(Boolean);
    const bad = rows.filter((row) => !isFine(row.outcome)).length;
    byId("announcer").textContent =
      rows.length === 1
        ? `${outcomeName(rows[0].outcome)}: ${subject(rows[0])}. ${bad > 0 ? says(rows[0]) : ""}`
        : `${count(unannounced.length, "new delivery", "new deliveries")}, ${bad} not accepted.`;
    [unannounced, announcing] = [[], undefined];
  }, ANNOUNCED_MS);
}

async function refreshInfo() {
  try {
    info = await api.info();
  } catch (error) {
    notify(error.message, "bad");
    return;
  }
  deliveries.setLimit(info.keeps?.deliveries ?? 0);
  byId("listening").textContent = info.listening;
  byId("about").textContent =
    `countersign ${info.version}. It keeps the last ${count(info.keeps.deliveries, "delivery", "deliveries")}` +
    `, up to ${size(info.keeps.bytes)}, ${info.keeps.file ? `in ${info.keeps.file}` : "in memory"}. Store: ${info.store}.`;
  welcome(byId("welcome"), info);
}

async function reloadSecrets() {
  try {
    const { endpoints, from_environment: fixed = [] } = await api.reloadSecrets();
    const start = fixed.length
      ? ` ${fixed.join(", ")} is as it was at the start: a running program cannot see a new value, so restart it.`
      : "";
    notify(`The secrets of ${endpoints.join(", ")} are read again.${start}`, "good");
    if (detail.number !== null) detail.load({ again: true });
    refreshInfo();
  } catch (error) {
    notify(error.message, "bad");
  }
}

async function clear() {
  byId("clear-dialog").close();
  try {
    await api.clear();
    notify("All deliveries are forgotten.", "good");
  } catch (error) {
    notify(error.message, "bad");
  }
}

byId("reload-secrets").replaceWith(button({ id: "reload-secrets" }, "Read the secrets again", reloadSecrets));
byId("clear").addEventListener("click", () => byId("clear-dialog").showModal());
byId("clear-yes").addEventListener("click", clear);
byId("clear-no").addEventListener("click", () => byId("clear-dialog").close());
byId("help").addEventListener("click", () => byId("help-dialog").showModal());
byId("help-close").addEventListener("click", () => byId("help-dialog").close());
byId("copy-close").addEventListener("click", () => byId("copy-dialog").close());
byId("notice-close").addEventListener("click", hide);
byId("show-all").addEventListener("click", () => filters.reset());
addEventListener("popstate", () => {
  if (!history.state?.inside) document.body.classList.remove("inside");
  fromAddress();
});
themeButton(byId("theme"));
keys({ list, detail, leave, filters });
feed.start();
