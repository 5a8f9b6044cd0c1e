// Words, numbers and times as people read them.

/** What each outcome is called, and the sentence for it where the program gives none. */
export const OUTCOMES = {
  accepted: ["Accepted", "Genuine, fresh and new. It was handled."],
  duplicate: ["Duplicate", "This event was handled before. It was acknowledged and not handled again."],
  in_flight: ["In flight", "This event is being handled. The provider sends it again later."],
  handshake: [
    "Handshake",
    "The provider asked whether the endpoint is there. The program answered; there is no event.",
  ],
  rejected: ["Rejected", "It was not proven genuine, fresh and well formed."],
  failed: ["Failed", "It is genuine, but it was not handled. Its next delivery is accepted."],
  parked: ["Parked", "It failed too often. The provider was told to stop, and an operator decides."],
  not_found: ["Wrong path", "No endpoint has this path."],
  wrong_method: ["Not a POST", "Endpoints take POST only."],
  working: ["Working", "Its body is still being received, or it is being handled."],
};

export const outcomeName = (outcome) => OUTCOMES[outcome]?.[0] ?? String(outcome);

/** Whether nothing is wrong with a delivery of this outcome. */
export const isFine = (outcome) => ["accepted", "duplicate", "handshake", "working"].includes(outcome);

// Control characters, those that turn the direction of text around, and those that are not seen.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const UNSEEN_LINE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export const escape = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;

/** One line of a sender's text: what cannot be seen is written out. Cut when it is too long to be read. */
export function visible(text, longest = 500) {
  const given = String(text ?? "");
  const cut = given.length > longest ? `${given.slice(0, longest)}…` : given;
  return cut.replace(UNSEEN_LINE, escape);
}

export function hasUnseen(text) {
  for (const [, escaped] of pieces(text)) if (escaped) return true;
  return false;
}

/** The pieces of a text of several lines: `[text, whether it is an escape]`. */
export function* pieces(text) {
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    // The CR of a line end is no surprise.
    if (match[0] === "\r" && text[match.index + 1] === "\n") continue;
    if (match.index > from) yield [text.slice(from, match.index), false];
    yield [escape(match[0]), true];
    from = match.index + match[0].length;
  }
  if (from < text.length) yield [from === 0 ? text : text.slice(from), false];
}

const two = (number) => String(number).padStart(2, "0");
const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
const date = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

/** The time of a row: today's without the date. */
export function shortTime(rfc3339) {
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return "";
  return date(at) === date(new Date()) ? clock(at) : `${date(at).slice(5)} ${clock(at).slice(0, 5)}`;
}

/** Date and time to the millisecond, where the reader lives. */
export function fullTime(rfc3339) {
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return String(rfc3339);
  return `${date(at)} ${clock(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** `778 B`, `12.4 KiB`. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
}

/** `4.1 ms`, `12 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  const given = Math.abs(ms);
  if (given < 9.95) return `${given.toFixed(1)} ms`;
  if (given < 999.5) return `${given.toFixed(0)} ms`;
  if (given < 9950) return `${(given / 1000).toFixed(1)} s`;
  const s = Math.round(given / 1000);
  if (s < 60) return `${s} s`;
  const units =
    s < 3600
      ? [Math.floor(s / 60), "min", s % 60, "s"]
      : s < 86400
        ? [Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min"]
        : [Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h"];
  return units[2] === 0 ? `${units[0]} ${units[1]}` : units.join(" ");
}

export const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** What a delivery is about: its type; else the type that is only claimed; else what was asked for. */
export function subject(row) {
  if (row.event) return visible(row.event);
  if (row.unverified?.event) return visible(row.unverified.event);
  return `${visible(row.method, 12)} ${visible(row.path, 200)}`;
}

/** The verdict in a sentence. */
export const says = (row) => visible(row.says ?? OUTCOMES[row.outcome]?.[1] ?? "", 1000);
