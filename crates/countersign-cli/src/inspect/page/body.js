// A body: readable, and as it came.

import { el, part } from "./dom.js";
import { pieces, size, visible } from "./format.js";
import { pretty } from "./json.js";
import { copyText } from "./copy.js";

/** Each colour and each mark is an element: with more tokens there are no colours, and further characters get no mark. */
const COLOURED = 30_000;
const MARKED = 2000;
/** Bytes of a body that is no text are shown up to here. */
const DUMPED = 16_384;

/** The part of the detail that shows a body, which is as in the API. */
export function bodyPart(id, title, body, headers) {
  if (!body) return null;
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  const notes = [];
  if (!body.complete) notes.push("It did not arrive completely.");
  if (body.shown < body.size)
    notes.push(`Only the first ${size(body.shown)} of ${size(body.size)} are here.`);
  const view = el("div", { class: "body" });
  const readable = body.text === null ? null : read(body.text, type);
  if (body.size === 0) {
    view.append(el("p", { class: "quiet" }, body.complete ? "It is empty." : "Nothing of it was read."));
    return part(id, title, view);
  }
  if (body.text === null) {
    notes.push("It is not UTF-8 text.");
    view.append(dump(body.base64 ?? ""));
  } else if (!readable) view.append(raw(body.text));
  else {
    if (readable.note) notes.push(readable.note);
    const choose = (which) => {
      view.replaceChildren(which === "raw" ? raw(body.text) : readable.element());
      tabs
        .querySelectorAll("button")
        .forEach((tab) => tab.setAttribute("aria-pressed", tab.dataset.which === which));
    };
    const tab = (which, label) =>
      el("button", { type: "button", "data-which": which, onclick: () => choose(which) }, label);
    const tabs = el(
      "div",
      { class: "tabs", role: "group", "aria-label": `${title}: how it is shown` },
      tab("pretty", readable.name),
      tab("raw", "Raw"),
    );
    const made = part(id, title, tools(tabs, body), notesOf(notes), view);
    choose("pretty");
    return made;
  }
  return part(id, title, tools(null, body), notesOf(notes), view);
}

const notesOf = (notes) => notes.length > 0 && el("p", { class: "quiet" }, notes.join(" "));

function tools(tabs, body) {
  const all = body.text !== null && body.complete && body.shown === body.size;
  const copy =
    all &&
    el("button", { type: "button", onclick: () => copyText(body.text, "The body is copied.") }, "Copy");
  return el("div", { class: "tools" }, tabs, copy);
}

/** How a text can be shown so that it is easier to read, if there is a way. */
function read(text, type) {
  if (/^application\/x-www-form-urlencoded\b/i.test(type))
    return { name: "Decoded", element: () => form(text) };
  const marked = text.startsWith("\ufeff");
  const plain = marked ? text.slice(1) : text;
  const start = plain.trimStart()[0];
  if (start !== "{" && start !== "[" && !/\bjson\b/i.test(type)) return null;
  const { tokens, ends, long } = pretty(plain);
  if (ends !== null && tokens.length < 2) return null;
  const notes = [
    marked && "It begins with a byte order mark, which JSON does not have.",
    long &&
      `It is long: the first ${ends.toLocaleString("en")} characters are indented, and the rest is as it came.`,
    ends !== null &&
      !long &&
      `It stops being JSON at character ${(ends + 1).toLocaleString("en")}; the rest is as it came.`,
  ];
  return {
    name: "Pretty",
    note: notes.filter(Boolean).join(" "),
    element: () => json(tokens, ends === null ? "" : plain.slice(ends)),
  };
}

function json(tokens, rest) {
  const pre = el("pre");
  if (tokens.length > COLOURED) append(pre, tokens.map(([, text]) => text).join(""));
  else {
    for (const [kind, text] of tokens) {
      if (kind === "space" || kind === "mark") append(pre, text);
      else pre.append(append(el("span", { class: `json-${kind}` }), text));
    }
  }
  if (rest) pre.append(append(el("span", { class: "rest" }), `\n${rest}`));
  return pre;
}

const raw = (text) => append(el("pre"), text);

/** Appends a text; what cannot be seen in it is written out and marked. */
export function append(element, text) {
  let marks = 0;
  let plain = "";
  for (const [piece, escaped] of pieces(text)) {
    if (!escaped || marks >= MARKED) {
      plain += piece;
      continue;
    }
    marks += 1;
    element.append(plain, el("span", { class: "unseen", title: "This character cannot be seen." }, piece));
    plain = "";
  }
  element.append(plain);
  return element;
}

/** The fields of a form. A field that holds JSON is indented. */
function form(text) {
  const rows = text
    .split("&")
    .slice(0, 2000)
    .filter(Boolean)
    .map((field) => {
      const equals = field.indexOf("=");
      const [name, value] = equals === -1 ? [field, ""] : [field.slice(0, equals), field.slice(equals + 1)];
      const plain = decode(value);
      const { tokens, ends } = /^\s*[{[]/.test(plain) ? pretty(plain) : { ends: 0 };
      const cell = ends === null ? json(tokens, "") : append(el("span", { class: "value" }), plain);
      return el(
        "tr",
        null,
        el("th", { scope: "row" }, el("bdi", null, visible(decode(name)))),
        el("td", null, cell),
      );
    });
  return el("table", { class: "pairs" }, el("tbody", null, rows));
}

function decode(text) {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** Bytes in hexadecimal, beside the letters among them. */
function dump(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, DUMPED); at += 16) {
    const row = [...bytes.slice(at, at + 16)];
    const hex = row
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join(" ")
      .padEnd(47);
    const letters = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex}  ${letters}`);
  }
  if (bytes.length > DUMPED) lines.push(`… ${size(bytes.length - DUMPED)} more`);
  return el("pre", { class: "dump", tabindex: "0" }, lines.join("\n"));
}
