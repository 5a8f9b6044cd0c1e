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
  /**
   * `row(number)` is the row that is kept, `replays(number)` the numbers of its replays; `choose(number)` goes to another
   * delivery, `back()` to the list.
   */
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
    this.root.replaceChildren(
      el(
        "div",
        { class: "nothing" },
        el("p", null, "Choose a delivery to see what was in it."),
        el(
          "p",
          null,
          el("kbd", null, "j"),
          " and ",
          el("kbd", null, "k"),
          " go through the list, ",
          el("kbd", null, "?"),
          " shows all keys.",
        ),
      ),
    );
  }

  show(number) {
    if (number === this.number) return;
    this.number = number;
    this.detail = null;
    const row = this.row(number);
    this.slots = slots();
    this.filled = {};
    this.root.replaceChildren(
      el("button", { type: "button", id: "back", onclick: this.back }, "Back to the list"),
      ...Object.values(this.slots),
    );
    this.root.scrollTop = 0;
    if (row) this.head(row);
    this.loadSoon();
  }

  /** Something may have changed in it: a row of this number or of the same event came. */
  changed(rows) {
    if (this.number === null) return;
    const same = (row) =>
      [row.number, row.replay_of].includes(this.number) || (row.key && row.key === this.detail?.key);
    if (rows.some(same)) this.loadSoon(300);
  }

  loadSoon(pause = PAUSE_MS) {
    clearTimeout(this.timer);
    if (this.number !== null) this.timer = setTimeout(() => this.load(), pause);
  }

  async load({ again = false } = {}) {
    const { number } = this;
    try {
      const detail = await api.detail(number);
      if (this.number === number) this.fill(detail, again);
    } catch (error) {
      // What is here already stays to be read.
      if (this.number === number && (!this.detail || error.status === 404)) this.say(error.message);
    }
  }

  /** Says that something does not work. */
  say(problem) {
    const { result } = this.slots;
    result.className = "bad";
    result.replaceChildren(problem);
  }

  head(row) {
    const { verdict } = this.slots;
    verdict.dataset.outcome = row.outcome;
    const claimed = !row.event && row.unverified?.event;
    verdict.replaceChildren(
      el(
        "h2",
        null,
        el("span", { class: "badge", id: "verdict-outcome" }, outcomeName(row.outcome)),
        " ",
        el("bdi", null, subject(row)),
        claimed && el("span", { class: "unproven" }, "not proven"),
      ),
      el("p", { id: "verdict-says" }, says(row)),
    );
  }

  /** Fills the parts. What did not change is left alone, with what is opened or being edited in it. */
  fill(detail, again) {
    // A program that was started again counts from 1 again: the number alone does not say that it is the same.
    if (this.detail?.received_at !== detail.received_at) {
      this.filled = {};
      this.slots.editor.replaceChildren();
      this.slots.result.replaceChildren();
    }
    if (again) delete this.filled.why;
    this.detail = detail;
    const [info, choose] = [this.info(), this.choose];
    const { body, headers, forward, forward_answer: answer, ...rest } = detail;
    const reasons = allowed(detail, info);
    const replays = this.replays(detail.number);
    const isReplay = (number) => Boolean(this.row(number)?.replay_of);
    this.head(detail);
    this.put("actions", reasons, () => this.actions(detail, reasons));
    this.put("why", [detail.outcome, forward], () => [whyPart(detail, info)]);
    this.put("forward", [forward, answer], () => [forwardPart(detail)]);
    this.put("facts", [rest, replays, info.endpoints], () => [
      factsPart(detail, info, { replays, choose }),
      agePart(detail),
    ]);
    this.put("attempts", [detail.key, detail.attempts, detail.schedule], () => [
      attemptsPart(detail, { isReplay, choose }),
    ]);
    this.put("body", [body?.size, body?.shown, body?.complete], () => [
      bodyPart("body", "Body", body, headers),
    ]);
    this.put("headers", headers, () => [headersPart("headers", "Headers", headers)]);
  }

  /** Makes a part anew if what it is made of is not what it was. */
  put(name, from, make) {
    const key = JSON.stringify(from);
    if (this.filled[name] === key) return;
    this.filled[name] = key;
    this.slots[name].replaceChildren(...make().filter(Boolean));
  }

  actions(detail, reasons) {
    const act = (id, label, to, key) =>
      button(
        {
          id,
          title: reasons[to] ?? "With a fresh signature",
          disabled: reasons[to] !== null,
          class: to === "receiver" ? "strong" : null,
          "aria-keyshortcuts": key,
        },
        label,
        () => this.replay({ to }),
      );
    const copies = Object.entries(FORMS).map(([as, [label]]) =>
      button(
        {
          id: `copy-${as}`,
          "aria-keyshortcuts": as === "curl" ? "c" : null,
          "aria-label": `Copy as ${label}`,
        },
        label,
        () => copyAs(detail.number, as),
      ),
    );
    return [
      el(
        "div",
        { class: "buttons" },
        act("replay-receiver", "Replay", "receiver", "r"),
        act("replay-target", "Replay to your program", "target"),
        el(
          "button",
          {
            type: "button",
            id: "edit",
            "aria-expanded": "false",
            "aria-keyshortcuts": "e",
            onclick: () => this.edit(),
          },
          "Edit and replay",
        ),
      ),
      el(
        "div",
        { class: "buttons copies", role: "group", "aria-label": "Copy as" },
        el("span", { class: "label" }, "Copy as"),
        copies,
      ),
      reasons.receiver && el("p", { class: "quiet" }, `It cannot be replayed. ${reasons.receiver}`),
    ];
  }

  async replay(how) {
    if (!this.detail || this.sending) return;
    const reason = allowed(this.detail, this.info())[how.to];
    if (reason) {
      this.say(reason);
      return;
    }
    this.sending = true;
    await replay(this.detail, how, { result: this.slots.result, choose: this.choose });
    this.sending = false;
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
    const made = editor(this.detail, {
      reasons: allowed(this.detail, this.info()),
      send: (how) => this.replay(how),
      close: () => this.edit(),
    });
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
