// The smaller parts of the detail: facts, age, your program's answer, headers.

import { bodyPart } from "./body.js";
import { el, facts, part } from "./dom.js";
import { duration, fullTime, size, visible } from "./format.js";

export function factsPart(detail, info, { replays, choose }) {
  const endpoint = info.endpoints.find(({ name }) => name === detail.endpoint);
  const mono = (text) => text && el("code", null, el("bdi", null, visible(text)));
  const { unverified } = detail;
  return part(
    "facts",
    "Delivery",
    facts([
      [
        "Received",
        el("time", { datetime: detail.received_at, title: detail.received_at }, fullTime(detail.received_at)),
      ],
      ["Request", mono(`${detail.method} ${detail.path}`)],
      [
        "Endpoint",
        detail.endpoint &&
          `${visible(detail.endpoint)}${endpoint?.title ? ` (${visible(endpoint.title)})` : ""}`,
      ],
      ["Proof", endpoint && visible(endpoint.proof)],
      ["Freshness", endpoint && visible(endpoint.freshness)],
      ["Secret", detail.secret && el("span", null, mono(detail.secret), " matched")],
      ["Answered", detail.status && `${detail.status} in ${duration(detail.elapsed_ms)}`],
      ["Reason", mono(detail.reason)],
      ["Event", mono(detail.event)],
      ["Event id", mono(detail.id)],
      [
        "Claimed",
        unverified &&
          el("span", null, mono([unverified.event, unverified.id].filter(Boolean).join(" ")), " not proven"),
      ],
      ["Event key", mono(detail.key)],
      [
        "Size",
        `${size(detail.size)}${detail.size >= 1024 ? ` (${detail.size.toLocaleString("en")} bytes)` : ""}`,
      ],
      ["Replay of", detail.replay_of && link(detail.replay_of, choose)],
      [
        "Replayed as",
        replays.length > 0 &&
          el(
            "span",
            null,
            replays.flatMap((number, nth) => [nth > 0 && ", ", link(number, choose)]),
          ),
      ],
      ["Number", `#${detail.number}`],
    ]),
  );
}

const link = (number, choose) =>
  el("button", { type: "button", class: "link", onclick: () => choose(number) }, `#${number}`);

/** How old it was when it came, against the window. */
export function agePart(detail) {
  const { time, age_ms: age, window_ms: window } = detail;
  if (time === null || age === null) return null;
  const early = age < 0;
  const old = early
    ? `Its time is ${duration(age)} ahead of this computer's clock`
    : `It was ${duration(age)} old when it came`;
  if (window === null) return part("age", "Age", el("p", null, `${old}. There is no window.`));
  const over = Math.abs(age) > window;
  const text = over
    ? `${old}: ${duration(Math.abs(age) - window)} more than the window of ${duration(window)} allows.`
    : `${old}. The window is ${duration(window)}.`;
  const fill = el("span", { class: "fill" });
  fill.style.width = `${(over ? window / Math.abs(age) : Math.abs(age) / window) * 100}%`;
  return part(
    "age",
    "Age",
    el("div", { class: "bar", "data-over": String(over), "aria-hidden": "true" }, fill),
    el("p", null, text),
    el("p", { class: "quiet" }, `Signed time: ${fullTime(time)}`),
  );
}

/** What the forwarded program did: its answer, or that there was none. */
export function forwardPart({ forward, forward_answer: answer }) {
  if (!forward) return null;
  const url = el("code", null, el("bdi", null, visible(forward.url)));
  if (forward.error) {
    return part(
      "forward",
      "Your program",
      el(
        "p",
        { class: "answer", "data-kind": "none" },
        el("span", { class: "badge" }, "No answer"),
        " from ",
        url,
      ),
      el(
        "p",
        { id: "forward-says" },
        `No answer came: ${visible(forward.error)} (after ${duration(forward.elapsed_ms)}).`,
      ),
    );
  }
  if (!forward.status)
    return part("forward", "Your program", el("p", { class: "answer" }, "Waiting for its answer at ", url));
  const kind = forward.status >= 200 && forward.status < 300 ? "good" : "bad";
  const made = part(
    "forward",
    "Your program",
    el(
      "p",
      { class: "answer", "data-kind": kind },
      el("span", { class: "badge" }, `Answered ${forward.status}`),
      " at ",
      url,
    ),
    el(
      "p",
      { id: "forward-says" },
      `It answered ${forward.status} in ${duration(forward.elapsed_ms)}${kind === "good" ? ": handled." : ": not handled."}`,
    ),
  );
  if (answer) {
    const body = answer.body && { complete: true, ...answer.body };
    const inner =
      body && body.size > 0 ? bodyPart("forward-body", "Body of the answer", body, answer.headers) : null;
    made.append(
      el(
        "details",
        null,
        el("summary", null, "Its answer"),
        headersPart("forward-headers", "Headers of the answer", answer.headers),
        inner ?? "",
      ),
    );
  }
  return made;
}

/** Headers, in the order in which they came, with a search from ten on. */
export function headersPart(id, title, headers) {
  const rows = headers.map(([name, value]) => {
    const redacted = value === "[redacted]";
    return el(
      "tr",
      null,
      el("th", { scope: "row" }, el("bdi", null, visible(name))),
      el("td", null, el("bdi", { class: redacted ? "redacted" : "value" }, visible(value, 4000))),
    );
  });
  const search =
    headers.length >= 10 &&
    el("input", {
      type: "search",
      class: "small",
      placeholder: "Search the headers",
      "aria-label": `Search: ${title}`,
      autocomplete: "off",
      spellcheck: "false",
      oninput: ({ target }) => {
        const words = target.value.toLowerCase().split(/\s+/).filter(Boolean);
        rows.forEach((row) => {
          row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
        });
      },
    });
  if (rows.length === 0) return part(id, title, el("p", { class: "quiet" }, "There are none."));
  return part(id, title, search, el("table", { class: "pairs" }, el("tbody", null, rows)));
}
