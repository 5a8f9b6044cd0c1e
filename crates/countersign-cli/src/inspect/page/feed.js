// The deliveries as they come: the list that is kept, then what changes in it.

import * as api from "./api.js";

const PAGE = 1000;
const REST_MS = 60_000;

/**
 * Holds `/events` open and keeps `deliveries` up to date. After every gap the whole list is loaded anew, so that nothing
 * that happened in between is missed, also when the program was started again.
 */
export class Feed {
  constructor({ deliveries, changed, state, failed }) {
    Object.assign(this, { deliveries, changed, state, failed });
    /** What came and is not shown yet, by number. */
    this.waiting = new Map();
    this.loading = null;
    this.retryMs = 500;
    // A browser has few connections to one address for all its pages: one that nobody looks at lets go.
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.resting);
      if (document.hidden) this.resting = setTimeout(() => this.rest(), REST_MS);
      else if (this.events === null) this.start();
    });
  }

  rest() {
    clearTimeout(this.restarting);
    this.events?.close();
    this.events = null;
    this.state("connecting");
  }

  start() {
    clearTimeout(this.restarting);
    this.state("connecting");
    const events = new EventSource("/events");
    this.events = events;
    events.addEventListener("open", () => {
      this.retryMs = 500;
      this.state("live");
      this.load();
    });
    events.addEventListener("error", () => {
      this.state("lost");
      // Otherwise the browser connects again by itself.
      if (events.readyState === EventSource.CLOSED) this.restart(events);
    });
    events.addEventListener("delivery", (event) => this.take(event.data));
    events.addEventListener("reload", () => this.load());
    events.addEventListener("cleared", () => {
      this.waiting.clear();
      this.deliveries.clear();
      if (this.loading) this.load();
      this.changed({ cleared: true });
    });
    events.addEventListener("dropped", (event) => {
      const oldest = parse(event.data)?.oldest;
      if (typeof oldest !== "number") return;
      this.deliveries.forgetBefore(oldest);
      this.schedule();
    });
  }

  restart(events) {
    events.close();
    if (this.events !== events) return;
    this.restarting = setTimeout(() => this.start(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, 10_000);
  }

  take(data) {
    const row = parse(data);
    if (typeof row?.number !== "number") return;
    this.waiting.set(row.number, row);
    // A page in the background is not painted: what it will never show is not kept.
    while (this.waiting.size > this.deliveries.limit) this.waiting.delete(this.waiting.keys().next().value);
    this.schedule();
  }

  /** Shows what waits with the next frame; in the background, from time to time. */
  schedule() {
    if (this.scheduled || this.loading) return;
    this.scheduled = true;
    const flush = () => {
      this.scheduled = false;
      if (this.loading) return;
      const rows = [...this.waiting.values()];
      this.waiting.clear();
      this.changed({ rows, fresh: this.deliveries.put(rows) });
    };
    if (document.hidden) setTimeout(flush, 1000);
    else requestAnimationFrame(flush);
  }

  /** Loads the list anew. What comes while it loads is newer than what it has. */
  async load() {
    const turn = {};
    this.loading = turn;
    try {
      const rows = [];
      let before;
      for (;;) {
        const page = await api.list(Math.min(PAGE, this.deliveries.limit), before);
        if (this.loading !== turn) return;
        rows.push(...page.deliveries);
        before = rows.at(-1)?.number;
        if (!page.more || page.deliveries.length === 0 || rows.length >= this.deliveries.limit) break;
      }
      this.loading = null;
      this.deliveries.replace(rows);
      this.changed({ loaded: true });
      this.schedule();
    } catch (error) {
      if (this.loading !== turn) return;
      this.loading = null;
      this.failed(error);
      if (this.events?.readyState === EventSource.OPEN) setTimeout(() => this.load(), 2000);
    }
  }
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
