// Sending a delivery once more, with a fresh signature, as it was or edited.

import * as api from "./api.js";
import { button, el } from "./dom.js";
import { hasUnseen, outcomeName, visible } from "./format.js";

/** Whether and why not a delivery can be replayed: to the receiver, to the program behind it. */
export function allowed(detail, info) {
  const body = detail.body?.complete === false ? "Its body did not arrive completely." : null;
  const signs =
    detail.can_sign === false ? (detail.cannot_sign_because ?? "It cannot be signed anew.") : null;
  const target =
    info.forward.length === 0 ? "No program is behind the receiver: start it with --forward-to." : null;
  return { receiver: signs ?? body, target: signs ?? body ?? target };
}

/** Replays, and says in `result` what came of it. */
export async function replay(detail, how, { result, choose }) {
  result.className = "working";
  result.replaceChildren(
    how.to === "target" ? "Sending it to your program …" : "Sending it through the receiver …",
  );
  try {
    const { number, status, outcome, says } = await api.replay(detail.number, how);
    result.className = "done";
    result.dataset.outcome = outcome;
    result.replaceChildren(
      "Replayed as ",
      el("button", { type: "button", class: "link", onclick: () => choose(number) }, `#${number}`),
      ": ",
      el("strong", null, outcomeName(outcome)),
      status ? `, answered ${status}.` : ".",
      says ? ` ${visible(says, 1000)}` : "",
    );
  } catch (error) {
    result.className = "bad";
    result.replaceChildren(error.message);
  }
}

/** The form to edit before a replay. */
export function editor(detail, { reasons, send, close }) {
  const { body } = detail;
  const binary = body.text === null;
  const whole = body.complete && body.shown === body.size;
  const original = binary ? (body.base64 ?? "") : body.text;
  const text = el("textarea", {
    id: "edit-body",
    rows: "12",
    spellcheck: "false",
    autocomplete: "off",
    wrap: "soft",
  });
  text.value = original;
  text.disabled = !whole;
  // What the text box made of it: it knows only one kind of line end.
  const untouched = text.value;
  const headers = el("textarea", {
    id: "edit-headers",
    rows: "3",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "content-type: application/json",
  });
  const error = el("p", { id: "edit-error", class: "bad", role: "alert" });
  const notes = [
    !whole && "Only a part of the body is here, so it cannot be edited.",
    binary && "The body is not text: these are its bytes in Base64.",
    !binary &&
      hasUnseen(original) &&
      "Some of its characters cannot be seen, or turn the direction of the text around.",
    !binary && /\r(?!\n)/.test(original) && "If you change the body, its line ends become LF.",
  ].filter(Boolean);

  const how = (to) => {
    const given = { to };
    const lines = headers.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const parsed = lines.map((line) => {
      const colon = line.indexOf(":");
      if (colon < 1) throw new Error(`This is no header line: ${line}. Write it as name: value.`);
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
    if (parsed.length > 0) given.headers = parsed;
    if (whole && text.value !== untouched) {
      if (binary) given.body_base64 = text.value.replace(/\s/g, "");
      else given.body = withLineEnds(text.value, original);
    }
    return given;
  };
  const go = (id, label, to) => {
    const made = button(
      { id, class: to === "receiver" ? "strong" : null, title: reasons[to], disabled: reasons[to] !== null },
      label,
      async () => {
        error.textContent = "";
        try {
          await send(how(to));
        } catch (problem) {
          error.textContent = problem.message;
        }
      },
    );
    return made;
  };
  return el(
    "section",
    { id: "editor", "aria-label": "Edit and replay" },
    el("label", { for: "edit-body" }, binary ? "Body (Base64)" : "Body"),
    text,
    notes.map((note) => el("p", { class: "quiet" }, note)),
    el("label", { for: "edit-headers" }, "Headers to change or add, one on a line"),
    headers,
    el("p", { class: "quiet" }, "The other headers stay. The signature and its time are made anew."),
    error,
    el(
      "div",
      { class: "buttons" },
      go("edit-receiver", "Replay through the receiver", "receiver"),
      go("edit-target", "Replay to your program", "target"),
      el("button", { type: "button", id: "edit-close", onclick: close }, "Cancel"),
    ),
  );
}

/** CR LF line ends come back where the body had no others. */
function withLineEnds(text, original) {
  const others = /(^|[^\r])\n|\r(?!\n)/.test(original);
  return original.includes("\r\n") && !others ? text.replaceAll("\n", "\r\n") : text;
}
