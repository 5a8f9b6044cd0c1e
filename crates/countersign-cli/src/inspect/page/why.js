// Why a delivery was not accepted, and what to do.

import * as api from "./api.js";
import { el, part } from "./dom.js";
import { visible } from "./format.js";

/** The part for a delivery that was not accepted; null for the others. */
export function whyPart(detail, info) {
  switch (detail.outcome) {
    case "rejected":
      return diagnosed(detail);
    case "failed":
      return part("why", "Why", failed(detail));
    case "parked":
      return part("why", "Why", parked(detail));
    case "in_flight":
      return part(
        "why",
        "Why",
        says("Another delivery of this event was being handled at that moment."),
        remedy("Nothing: the provider sends it again later."),
      );
    case "duplicate":
      return part(
        "why",
        "Why",
        says("Another delivery of this event was handled before."),
        remedy("Nothing. A new event needs an id or a content of its own."),
      );
    case "not_found":
    case "wrong_method":
      return part(
        "why",
        "Why",
        says(detail.outcome === "not_found" ? "No endpoint has this path." : "Deliveries are POST requests."),
        remedy("Set one of these at the provider:"),
        el(
          "ul",
          { class: "paths" },
          info.endpoints.map((endpoint) => el("li", null, el("code", null, `POST ${endpoint.path}`))),
        ),
      );
    default:
      return null;
  }
}

const says = (text) => el("p", { class: "cause" }, text);
const remedy = (text) => el("p", { class: "remedy" }, el("strong", null, "What to do: "), text);

function failed({ forward, reason }) {
  if (forward?.error) {
    return [
      says("The delivery is genuine, but your program gave no answer."),
      remedy(
        "See that your program runs and answers in time, or correct --forward-to. Then replay the delivery, or wait for its retry.",
      ),
    ];
  }
  if (forward) {
    return [
      says(`The delivery is genuine, but your program answered ${forward.status}.`),
      remedy("Look into your program's log. Once it answers 2xx, the event counts as handled."),
    ];
  }
  return [
    says("The delivery is genuine, but it was not handled."),
    reason && el("p", { class: "code" }, `Code: ${visible(reason)}`),
  ];
}

function parked({ says: sentence, key }) {
  return [
    says(visible(sentence ?? "This event failed too often, and is parked.", 1000)),
    remedy("Repair what fails. Then let the store forget the event, and replay it, or have the provider send it again:"),
    el("p", { class: "code" }, el("code", null, `countersign store STORE forget ${visible(key ?? "KEY", 64)}`)),
  ];
}

/** Filled when the program has found out. */
function diagnosed({ number }) {
  const found = el(
    "div",
    { id: "why-text", "aria-live": "polite", "aria-busy": "true" },
    el("p", { class: "quiet" }, "Finding out …"),
  );
  api
    .why(number)
    .then(
      (why) => found.replaceChildren(...report(why).filter(Boolean)),
      (error) => found.replaceChildren(says(error.message)),
    )
    .finally(() => found.setAttribute("aria-busy", "false"));
  return part("why", "Why", found);
}

function report({ genuine, causes, difference }) {
  if (causes.length === 0) {
    return genuine
      ? [
          says("Judged again with the secrets as they are now, it is genuine."),
          remedy("Replay it to have it handled."),
        ]
      : [says("It is not genuine. Nothing that usually goes wrong explains it.")];
  }
  const list = causes.map((cause) =>
    el(
      "li",
      null,
      says(visible(cause.says, 2000)),
      cause.remedy && remedy(visible(cause.remedy, 2000)),
      el("p", { class: "code" }, `Code: ${visible(cause.cause)}`),
    ),
  );
  return [el("ul", { class: "causes" }, list), difference && sideBySide(difference)];
}

/** The bytes around the first that differs. */
function sideBySide({ at, received, signed, mark }) {
  const line = (name, text) => {
    const characters = [...text];
    const rest = characters.slice(mark).join("");
    // An escape is one byte or character: it is marked as a whole.
    const marked = rest.match(/^(?:\\(?:x[0-9a-f]{2}|u\{[0-9a-f]+\}|.)|[\s\S])/u)?.[0] ?? " ";
    return el(
      "tr",
      null,
      el("th", { scope: "row" }, name),
      el(
        "td",
        null,
        el(
          "code",
          null,
          characters.slice(0, mark).join(""),
          el("mark", null, marked),
          rest.slice(marked.length),
        ),
      ),
    );
  };
  return el(
    "div",
    { id: "difference" },
    el("p", null, `The body differs from the signed one from byte ${at.toLocaleString("en")} on:`),
    el(
      "div",
      { class: "scrolls", tabindex: "0", role: "group", "aria-label": "The bytes that differ" },
      el(
        "table",
        { class: "bytes" },
        el("tbody", null, line("received", visible(received, 2000)), line("signed", visible(signed, 2000))),
      ),
    ),
  );
}
