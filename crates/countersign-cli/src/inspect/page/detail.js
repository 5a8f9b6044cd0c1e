// One delivery, with everything that is known of it.

import * as api from "./api.js";
import { attemptsPart, tick } from "./attempts.js";
import { bodyPart } from "./body.js";
import { copyAs, FORMS } from "./copy.js";
import { button, el } from "./dom.js";
import { outcomeName, says, subject } from "./format.js";
import { agePart, factsPart, forwardPart, headersPart } from "./parts.js";
import { allowed, editor, replay } from "./replay.js";
import { whyPart } from "./why.js";

/** Rows that are only passed by are not loaded. */
const PAUSE_MS = 60;

export class Detail {
  /** `row(number)` is the row that is kept, `replays(number)` the numbers of its replays; `choose(number)` goes to another delivery; `back()` to the list. */
  constructor(root, { info, row, replays, choose, back }) {
    Object.assign(this, { root, info, row, replays, choose, back });
    this.number = null;
    setInterval(() => tick(root), 1000);
    this.showNothing();
  }

  showNothing() {
    this.number = null;
    this.detail = null;
    clearTimeout(this.timer);
    this.root.replaceChildren(el("div", { class: "nothing" }, el("p", null, "Choose a delivery to see what was in it."),
      el("p", null, el("kbd", null, "j"), " and ", el("kbd", null, "k"), " go through the list, ", el("kbd", null, "?"), " shows all keys.")));
  }

  show(number) {
    if (number === this.number) return;
    this.number = number;
    this.detail = null;
    const row = this.row(number);
    this.slots = slots();
    this.root.replaceChildren(el("button", { type: "button", id: "back", onclick: this.back }, "Back to the list"), ...Object.values(this.slots));
    this.root.scrollTop = 0;
    if (row) this.head(row);
    this.loadSoon(PAUSE_MS);
  }

  /** Something may have changed in it: a row of this number or of the same event came. */
  changed(rows) {
    if (this.number === null) return;
    const same = (row) => [row.number, row.replay_of].includes(this.number) || (row.key && row.key === this.detail?.key);
    if (rows.some(same)) this.loadSoon(300);
  }

  loadSoon(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), pause);
  }

  async load({ again = false } = {}) {
    const { number } = this;
    try {
      const detail = await api.detail(number);
      if (this.number === number) this.fill(detail, again);
    } catch (error) {
      if (this.number !== number) return;
      if (this.detail) return;
      this.slots.result.className = "bad";
      this.slots.result.replaceChildren(error.message);
    }
  }

  head(row) {
    const { verdict } = this.slots;
    verdict.dataset.outcome = row.outcome;
    const claimed = !row.event && row.unverified?.event;
    verdict.replaceChildren(
      el("h2", null, el("span", { class: "badge", id: "verdict-outcome" }, outcomeName(row.outcome)), " ", el("bdi", null, subject(row)),
        claimed && el("span", { class: "unproven" }, "not proven")),
      el("p", { id: "verdict-says" }, says(row)));
  }

  /** Fills the parts, or brings them up to date without touching what is being edited. */
  fill(detail, again) {
    const before = this.detail;
    this.detail = detail;
    const info = this.info();
    const { slots: at } = this;
    this.head(detail);
    if (!before) this.actions(detail, info);
    if (!before || again || before.outcome !== detail.outcome) at.why.replaceChildren(...given(whyPart(detail, info)));
    const isReplay = (number) => Boolean(this.row(number)?.replay_of);
    const choose = this.choose;
    at.facts.replaceChildren(...given(factsPart(detail, info, { replays: this.replays(detail.number), choose })), ...given(agePart(detail)));
    at.forward.replaceChildren(...given(forwardPart(detail)));
    at.attempts.replaceChildren(...given(attemptsPart(detail, { isReplay, choose })));
    if (before && before.body.size === detail.body.size && before.body.complete === detail.body.complete) return;
    at.body.replaceChildren(...given(bodyPart("body", "Body", detail.body, detail.headers)));
    at.headers.replaceChildren(headersPart("headers", "Headers", detail.headers));
  }

  actions(detail, info) {
    const reasons = allowed(detail, info);
    const act = (id, label, to, key) => button({ id, title: reasons[to] ?? "With a fresh signature", disabled: reasons[to] !== null,
      class: to === "receiver" ? "strong" : null, "aria-keyshortcuts": key }, label, () => this.replay({ to }));
    const copies = Object.entries(FORMS).map(([as, [label]]) => button({ id: `copy-${as}`, "aria-keyshortcuts": as === "curl" ? "c" : null,
      "aria-label": `Copy as ${label}` }, label, () => copyAs(detail.number, as)));
    this.slots.actions.replaceChildren(
      el("div", { class: "buttons" }, act("replay-receiver", "Replay", "receiver", "r"), act("replay-target", "Replay to your program", "target"),
        el("button", { type: "button", id: "edit", "aria-expanded": "false", "aria-keyshortcuts": "e", onclick: () => this.edit() }, "Edit and replay")),
      el("div", { class: "buttons copies", role: "group", "aria-label": "Copy as" }, el("span", { class: "label" }, "Copy as"), copies));
    const reason = reasons.receiver;
    if (reason) this.slots.actions.append(el("p", { class: "quiet" }, `It cannot be replayed. ${reason}`));
  }

  async replay(how) {
    if (!this.detail) return;
    const { result } = this.slots;
    const reason = allowed(this.detail, this.info())[how.to];
    if (reason) {
      result.className = "bad";
      result.replaceChildren(reason);
      return;
    }
    await replay(this.detail, how, { result, choose: this.choose });
  }

  edit() {
    if (!this.detail) return;
    const open = this.root.querySelector("#editor");
    const toggle = this.root.querySelector("#edit");
    if (open) {
      open.remove();
      toggle.setAttribute("aria-expanded", "false");
      toggle.focus();
      return;
    }
    toggle.setAttribute("aria-expanded", "true");
    const made = editor(this.detail, { reasons: allowed(this.detail, this.info()), send: (how) => this.replay(how), close: () => this.edit() });
    this.slots.editor.replaceChildren(made);
    made.querySelector("textarea").focus();
  }

  copyCurl() {
    if (this.number !== null) copyAs(this.number, "curl");
  }
}

/** The places of the parts, from top to bottom. */
const slots = () => ({
  verdict: el("header", { id: "verdict" }),
  actions: el("div", { id: "actions" }),
  result: el("p", { id: "replay-result", role: "status" }),
  editor: el("div"),
  why: el("div"),
  forward: el("div"),
  facts: el("div"),
  attempts: el("div"),
  body: el("div"),
  headers: el("div"),
});

const given = (element) => (element ? [element] : []);
