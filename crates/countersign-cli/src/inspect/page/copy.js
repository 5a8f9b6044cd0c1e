// To the clipboard, or to where the reader can copy it by hand.

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { notify } from "./notice.js";

export const FORMS = {
  curl: ["curl", "A curl command is copied."],
  rust: ["Rust test", "A Rust test is copied."],
  verify: ["Capture", "A capture for `countersign verify --request -` is copied."],
};

/** Copies a delivery in one of the forms above. */
export async function copyAs(number, as) {
  try {
    const answer = await api.copy(number, as);
    const bytes = await answer.arrayBuffer();
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      save(bytes, `delivery-${number}.http`);
      return;
    }
    await copyText(text, FORMS[as][1]);
  } catch (error) {
    notify(error.message, "bad");
  }
}

export async function copyText(text, done) {
  if (await written(text)) {
    notify(done, "good");
    return;
  }
  const [dialog, area] = [byId("copy-dialog"), byId("copy-text")];
  area.value = text;
  dialog.showModal();
  area.focus();
  area.select();
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not allowed, or not there: a page over plain HTTP has none, except on loopback.
  }
  const area = el("textarea", { class: "hidden-text", readonly: true, "aria-hidden": "true" });
  area.value = text;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
    focused?.focus?.({ preventScroll: true });
  }
}

/** Bytes that are no text do not fit into the clipboard. */
function save(bytes, name) {
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  notify(`The capture has bytes that are not text. It is saved as ${name}.`, "good");
}
