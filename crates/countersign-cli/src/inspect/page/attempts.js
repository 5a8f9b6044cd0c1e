// The deliveries of one event beside the provider's retry schedule.

import { el, part } from "./dom.js";
import { count, duration, fullTime, outcomeName, visible } from "./format.js";

const MS = 1000;
/** So many of a long schedule are shown beyond the next one that is due. */
const AHEAD = 2;

/**
 * The part with the attempts. `isReplay` tells which ones were sent from here: they are not the provider's, and not on its
 * schedule. `choose` goes to another delivery.
 */
export function attemptsPart(detail, { isReplay, choose }) {
  const attempts = [...(detail.attempts ?? [])].sort((one, other) => one.number - other.number);
  const waits = detail.schedule?.waits_s ?? null;
  const text = detail.schedule?.text;
  if (!detail.endpoint || (attempts.length < 2 && !text)) return null;
  const retries = text && el("p", { class: "quiet" }, "The provider's retries: ", visible(text));
  if (!detail.key)
    return part(
      "attempts",
      "Attempts",
      el("p", null, "No event is proven, so it is not known which other deliveries are of the same one."),
      retries,
    );
  const sent = attempts.filter((attempt) => !isReplay(attempt.number));
  const rows = attempts.map((attempt) => {
    const nth = sent.indexOf(attempt);
    return came(attempt, {
      nth,
      before: sent[nth - 1],
      wait: waits?.[nth - 1],
      shown: attempt.number === detail.number,
      choose,
    });
  });
  const last = attempts.findLast(({ outcome }) => ["parked", "accepted", "failed"].includes(outcome))?.outcome;
  const parked = last === "parked";
  // A duplicate of a parked event is answered 200, too.
  const answered = attempts.some((attempt) => attempt.status >= 200 && attempt.status < 300);
  const handled = last ? last === "accepted" : answered;
  const stands = parked ? "it is parked" : handled ? "it is handled" : "it is not handled yet";
  const made = part("attempts", "Attempts", el("p", null, heading(attempts, stands)));
  if (retries) made.append(retries);
  if (waits && sent.length > 0) rows.push(...ahead(sent, waits, handled || parked));
  made.append(
    el(
      "table",
      { class: "attempts" },
      el(
        "thead",
        null,
        el(
          "tr",
          null,
          ["Attempt", "Received", "After", "Schedule", "Answer"].map((name) =>
            el("th", { scope: "col" }, name),
          ),
        ),
      ),
      el("tbody", null, rows),
    ),
  );
  return made;
}

const heading = (attempts, stands) =>
  `${count(attempts.length, "delivery", "deliveries")} of this event; ${stands}.`;

function came(attempt, { nth, before, wait, shown, choose }) {
  const after = before && duration(new Date(attempt.received_at) - new Date(before.received_at));
  const name = nth === -1 ? "replay" : `${nth + 1}`;
  const link = shown
    ? el("span", { "aria-current": "true" }, `#${attempt.number}`)
    : el(
        "button",
        { type: "button", class: "link", onclick: () => choose(attempt.number) },
        `#${attempt.number}`,
      );
  return el(
    "tr",
    { class: shown ? "shown" : null },
    el("td", null, name, " ", link),
    el("td", null, fullTime(attempt.received_at).slice(5, 19)),
    el("td", null, after ?? ""),
    el("td", null, wait === undefined ? "" : duration(wait * MS)),
    el(
      "td",
      { class: "verdict", "data-outcome": attempt.outcome },
      `${outcomeName(attempt.outcome)}${attempt.status ? ` ${attempt.status}` : ""}`,
    ),
  );
}

/** The retries that have not come. They are due only while the provider was not told to stop. */
function ahead(sent, waits, ended) {
  const left = waits.slice(sent.length - 1);
  if (ended) return [];
  if (left.length === 0) return [note("The provider's last retry has come. It sends this event no more.")];
  let at = new Date(sent.at(-1).received_at).getTime();
  const rows = left.slice(0, 1 + AHEAD).map((wait, nth) => {
    at += wait * MS;
    return el(
      "tr",
      { class: "ahead" },
      el("td", null, `${sent.length + nth + 1}`),
      el("td", null, fullTime(at).slice(5, 19)),
      el("td", null, ""),
      el("td", null, duration(wait * MS)),
      nth === 0 ? el("td", { id: "due", "data-at": at }, due(at)) : el("td", null, ""),
    );
  });
  if (left.length > rows.length)
    rows.push(note(`and ${count(left.length - rows.length, "more retry", "more retries")}`));
  return rows;
}

const note = (text) => el("tr", { class: "ahead" }, el("td", { colspan: "5" }, text));

const due = (at) => {
  const left = at - Date.now();
  return left > 0 ? `due in ${duration(left)}` : `due since ${duration(left)}`;
};

/** Keeps what is due next up to date; called every second. */
export function tick(root) {
  const cell = root.querySelector("#due");
  if (cell) cell.textContent = due(Number(cell.dataset.at));
}
