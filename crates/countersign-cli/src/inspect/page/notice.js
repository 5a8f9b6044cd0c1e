// One line at the top for what was done and what went wrong.

import { byId } from "./dom.js";

const STAYS_MS = 6000;
let timer;

/** Shows a sentence: `good` goes away by itself, `bad` stays until it is closed. */
export function notify(text, kind) {
  clearTimeout(timer);
  const notice = byId("notice");
  notice.dataset.kind = kind;
  notice.hidden = false;
  byId("notice-text").textContent = text;
  if (kind === "good") timer = setTimeout(hide, STAYS_MS);
}

export function hide() {
  byId("notice").hidden = true;
  byId("notice-text").textContent = "";
}
