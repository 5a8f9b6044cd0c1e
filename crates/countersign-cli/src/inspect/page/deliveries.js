// The rows that are kept, and which of them are shown in which order.

import { isFine, outcomeName, subject } from "./format.js";

/** More than this a page does not hold, whatever the program keeps. */
const MOST = 20_000;
/** Larger groups are closed until somebody opens them. */
const OPEN_UP_TO = 6;

export class Deliveries {
  constructor() {
    this.limit = MOST;
    /** Kept rows by number, and their numbers from old to new. */
    this.rows = new Map();
    this.numbers = [];
    this.oldest = 0;
    this.filter = { words: [], outcome: "", type: "", endpoint: "" };
    this.grouped = true;
    /** Groups that somebody opened or closed, by key. */
    this.opened = new Map();
    this.generation = 0;
  }

  setLimit(limit) {
    if (limit > 0) this.limit = Math.min(limit, MOST);
  }

  /** Takes rows in, in place of those of the same number. Returns those that are new. */
  put(rows) {
    let sorted = true;
    const fresh = [];
    for (const row of rows) {
      if (row.number < this.oldest) continue;
      if (!this.rows.has(row.number)) {
        sorted &&= this.numbers.length === 0 || this.numbers.at(-1) < row.number;
        this.numbers.push(row.number);
        fresh.push(row);
      }
      this.rows.set(row.number, { ...row, hay: hay(row), seen: -1, matches: false });
    }
    if (!sorted) this.numbers.sort((one, other) => one - other);
    this.forget(this.numbers.length - this.limit);
    return fresh;
  }

  replace(rows) {
    this.rows.clear();
    this.numbers = [];
    this.oldest = 0;
    this.put(rows);
  }

  clear() {
    this.replace([]);
    this.opened.clear();
  }

  /** The program keeps no older ones than this any more. */
  forgetBefore(number) {
    this.oldest = number;
    const kept = this.numbers.findIndex((other) => other >= number);
    this.forget(kept === -1 ? this.numbers.length : kept);
  }

  forget(many) {
    if (many <= 0) return;
    for (const number of this.numbers.splice(0, many)) this.rows.delete(number);
    if (this.opened.size > this.limit) this.opened.clear();
  }

  setFilter({ search, outcome, type, endpoint }) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    this.filter = { words, outcome, type, endpoint };
    this.generation += 1;
  }

  get isFiltered() {
    const { words, outcome, type, endpoint } = this.filter;
    return words.length > 0 || outcome !== "" || type !== "" || endpoint !== "";
  }

  matches(row) {
    if (row.seen === this.generation) return row.matches;
    const { words, outcome, type, endpoint } = this.filter;
    row.seen = this.generation;
    row.matches =
      (outcome === "" || row.outcome === outcome || (outcome === "!" && !isFine(row.outcome))) &&
      (type === "" || typeOf(row) === type) &&
      (endpoint === "" || row.endpoint === endpoint) &&
      words.every((word) => row.hay.includes(word));
    return row.matches;
  }

  /** Opens or closes a group. */
  toggle(key, open) {
    this.opened.set(key, open);
  }

  /**
   * The rows to show, from new to old: `{row, of, nth, open}`. The deliveries of one event stand together, where the newest of
   * them is: `of` is how many they are, `nth` counts from the newest one, 0.
   */
  view(selected) {
    const groups = new Map();
    const heads = [];
    for (let at = this.numbers.length - 1; at >= 0; at -= 1) {
      const row = this.rows.get(this.numbers[at]);
      if (!this.matches(row)) continue;
      const group = this.grouped && row.key ? groups.get(row.key) : undefined;
      if (group) {
        group.push(row);
        continue;
      }
      const alone = [row];
      if (this.grouped && row.key) groups.set(row.key, alone);
      heads.push(alone);
    }
    const items = [];
    for (const group of heads) {
      const of = group.length;
      const key = group[0].key;
      const open =
        this.opened.get(key) ??
        (of <= OPEN_UP_TO || group.some((row, nth) => nth > 0 && row.number === selected));
      for (let nth = 0; nth < (open ? of : 1); nth += 1) items.push({ row: group[nth], of, nth, open });
    }
    return items;
  }

  /** The numbers of the newest replays of a delivery. */
  replaysOf(number) {
    return this.numbers.filter((other) => this.rows.get(other).replay_of === number).slice(-20);
  }

  /** How many rows there are of each outcome, type and endpoint. */
  counts() {
    const counts = { outcome: new Map(), type: new Map(), endpoint: new Map() };
    const add = (map, name) => name && map.set(name, (map.get(name) ?? 0) + 1);
    for (const row of this.rows.values()) {
      add(counts.outcome, row.outcome);
      add(counts.type, typeOf(row));
      add(counts.endpoint, row.endpoint);
    }
    return counts;
  }
}

const typeOf = (row) => row.event ?? row.unverified?.event ?? "";

/** Everything that the search looks through. */
function hay(row) {
  const { event, id, key, path, reason, says, endpoint, provider, unverified, method } = row;
  const texts = [
    subject(row),
    event,
    id,
    key,
    path,
    reason,
    says,
    endpoint,
    provider,
    method,
    unverified?.event,
    unverified?.id,
    outcomeName(row.outcome),
    row.status,
    `#${row.number}`,
  ];
  return texts
    .filter((text) => text !== null && text !== undefined)
    .map((text) => String(text).slice(0, 500))
    .join("\n")
    .toLowerCase();
}
