// The list. Only the rows that can be seen are in the document, each of the same height.

import { el } from "./dom.js";
import { count, duration, fullTime, outcomeName, says, shortTime, size, subject, visible } from "./format.js";

/** Rows above and below what can be seen, for scrolling without gaps. */
const SPARE = 6;

export class List {
  /** `chosen(number)` is called when a row is chosen, `entered` when the reader wants to go into it. */
  constructor({ scroller, rows, newer, chosen, entered, toggled }) {
    Object.assign(this, { scroller, rows, newer, chosen, entered, toggled });
    this.items = [];
    this.shown = new Map();
    this.selected = null;
    this.unseen = 0;
    scroller.addEventListener("scroll", () => this.paintSoon(), { passive: true });
    new ResizeObserver(() => {
      this.measure();
      this.paintSoon();
    }).observe(scroller);
    rows.addEventListener("click", (event) => this.click(event));
    rows.addEventListener("keydown", (event) => this.key(event));
    newer.addEventListener("click", () => {
      scroller.scrollTop = 0;
      rows.focus();
    });
    this.measure();
  }

  measure() {
    const height = Number.parseFloat(getComputedStyle(this.rows).getPropertyValue("--row"));
    this.height = height > 0 ? height : 46;
  }

  /** Shows these items. What the reader looks at stays where it is, unless that is the top. */
  show(items, { added = 0 } = {}) {
    const top = this.scroller.scrollTop;
    const anchor = top > this.height / 2 ? this.items[Math.floor(top / this.height)] : null;
    this.items = items;
    this.rows.style.height = `${items.length * this.height}px`;
    if (anchor) {
      const index = this.indexOf(anchor.row.number);
      if (index !== -1) this.scroller.scrollTop = index * this.height + (top % this.height);
      this.unseen += added;
    }
    this.paint();
  }

  indexOf(number) {
    return this.items.findIndex((item) => item.row.number === number);
  }

  /** Scrolls as little as is needed to see a row. */
  reveal(number) {
    const index = this.indexOf(number);
    if (index === -1) return;
    const [top, room] = [index * this.height, this.scroller.clientHeight];
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + this.height > this.scroller.scrollTop + room)
      this.scroller.scrollTop = top + this.height - room;
    this.paint();
  }

  /** Chooses the row that is so many rows below the chosen one. */
  move(by) {
    if (this.items.length === 0) return;
    const last = this.items.length - 1;
    const from = this.selected === null ? -1 : this.indexOf(this.selected);
    // With none chosen, a step goes to the first one.
    const to = from === -1 && by <= last ? 0 : Math.min(Math.max(from + by, 0), last);
    this.chosen(this.items[to].row.number);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(Math.floor(this.scroller.clientHeight / this.height) - 1, 1);
    const by = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.items.length,
      End: this.items.length,
    };
    if (event.key in by) this.move(by[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.enter();
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight")
      this.toggle(this.selected, event.key === "ArrowRight");
    else return;
    event.preventDefault();
  }

  enter() {
    if (this.indexOf(this.selected) === -1) this.move(0);
    if (this.selected !== null) this.entered(this.selected);
  }

  toggle(number, open) {
    const item = this.items[this.indexOf(number)];
    if (!item || item.of < 2 || item.open === open) return;
    const head = this.items[this.indexOf(number) - item.nth];
    this.toggled(item.row.key, open, head.row.number);
  }

  click(event) {
    const row = event.target.closest("[role=option]");
    if (!row) return;
    const number = Number(row.dataset.number);
    if (event.target.closest(".attempts")) {
      const item = this.items[this.indexOf(number)];
      this.toggle(number, !item?.open);
      return;
    }
    this.chosen(number);
    this.entered(number, { byPointer: true });
  }

  paintSoon() {
    if (this.soon) return;
    this.soon = true;
    requestAnimationFrame(() => {
      this.soon = false;
      this.paint();
    });
  }

  paint() {
    const top = this.scroller.scrollTop;
    const first = Math.max(Math.floor(top / this.height) - SPARE, 0);
    const last = Math.min(
      Math.ceil((top + this.scroller.clientHeight) / this.height) + SPARE,
      this.items.length,
    );
    if (this.rows.style.height !== `${this.items.length * this.height}px`) {
      this.rows.style.height = `${this.items.length * this.height}px`;
    }
    const wanted = new Set();
    for (let index = first; index < last; index += 1) wanted.add(this.items[index].row.number);
    for (const [number, element] of this.shown) {
      if (wanted.has(number)) continue;
      element.remove();
      this.shown.delete(number);
    }
    // In the order of the list, also for those who hear it.
    let next = this.rows.firstChild;
    for (let index = first; index < last; index += 1) {
      const element = this.element(index);
      if (element === next) next = next.nextSibling;
      else this.rows.insertBefore(element, next);
    }
    const chosen = this.shown.get(this.selected);
    if (chosen) this.rows.setAttribute("aria-activedescendant", chosen.id);
    else this.rows.removeAttribute("aria-activedescendant");
    if (top < this.height / 2) this.unseen = 0;
    this.newer.hidden = this.unseen === 0;
    if (this.unseen > 0) this.newer.textContent = count(this.unseen, "newer delivery", "newer deliveries");
  }

  /** The element of a row, made or brought up to date. */
  element(index) {
    const item = this.items[index];
    const { number } = item.row;
    let element = this.shown.get(number);
    if (!element) {
      element = el("div", { id: `delivery-${number}`, role: "option", "data-number": number });
      this.shown.set(number, element);
    }
    if (
      element.row !== item.row ||
      element.of !== item.of ||
      element.nth !== item.nth ||
      element.open !== item.open
    ) {
      fill(element, item);
    }
    const chosen = number === this.selected;
    if (element.getAttribute("aria-selected") !== String(chosen))
      element.setAttribute("aria-selected", chosen);
    if (element.at !== index || element.height !== this.height) {
      Object.assign(element, { at: index, height: this.height });
      element.style.transform = `translateY(${index * this.height}px)`;
      element.setAttribute("aria-posinset", index + 1);
    }
    if (element.total !== this.items.length) {
      element.total = this.items.length;
      element.setAttribute("aria-setsize", this.items.length);
    }
    return element;
  }
}

function fill(element, { row, of, nth, open }) {
  Object.assign(element, { row, of, nth, open });
  element.className = `row ${nth > 0 ? "older" : ""}`;
  element.dataset.outcome = row.outcome;
  const claimed = !row.event && row.unverified?.event;
  const note = noteOf(row);
  const attempts = attemptsOf(row, of, nth, open);
  element.replaceChildren(
    el("span", { class: "verdict" }, outcomeName(row.outcome)),
    el(
      "span",
      { class: "what" },
      el(
        "bdi",
        { class: claimed ? "type claimed" : "type", title: claimed ? "Not proven" : null },
        subject(row),
      ),
      attempts,
    ),
    el("span", { class: "status" }, row.status ?? "…"),
    el("time", { datetime: row.received_at, title: fullTime(row.received_at) }, shortTime(row.received_at)),
    el("span", { class: "endpoint" }, visible(row.endpoint ?? "no endpoint")),
    el("bdi", { class: "note" }, note),
    el("span", { class: "size" }, size(row.size)),
    el("span", { class: "took" }, duration(row.elapsed_ms)),
  );
  const label = [
    `${outcomeName(row.outcome)}: ${subject(row)}${claimed ? ", not proven" : ""}`,
    row.endpoint && visible(row.endpoint),
    note,
    row.status && `status ${row.status}`,
    attempts?.textContent,
    shortTime(row.received_at),
    size(row.size),
    duration(row.elapsed_ms),
  ];
  element.setAttribute("aria-label", label.filter(Boolean).join(", "));
}

/** What a row says besides its type: what is wrong; else which event it is. */
function noteOf(row) {
  const replay = row.replay_of ? `replay of #${row.replay_of}` : null;
  const fine = row.outcome === "accepted" || row.outcome === "handshake";
  const words = fine ? visible(row.id ?? row.unverified?.id ?? "", 120) : says(row);
  return [replay, words].filter(Boolean).join(" · ");
}

function attemptsOf(row, of, nth, open) {
  if (of > 1 && nth === 0) {
    return el(
      "span",
      { class: "attempts", title: open ? "Close the attempts (←)" : "Open the attempts (→)" },
      `${open ? "▾" : "▸"} ${of} attempts`,
    );
  }
  return row.attempt > 1 || of > 1
    ? el("span", { class: "attempt" }, `attempt ${row.attempt ?? of - nth}`)
    : null;
}
