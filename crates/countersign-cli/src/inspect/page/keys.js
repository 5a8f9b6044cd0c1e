// Keys that work wherever nothing is being typed.

import { byId } from "./dom.js";

const MOVES = ["j", "k", "ArrowDown", "ArrowUp"];

export function keys({ list, detail, leave, filters }) {
  const rows = byId("rows");
  const actions = {
    j: () => list.move(1),
    k: () => list.move(-1),
    ArrowDown: () => list.move(1),
    ArrowUp: () => list.move(-1),
    Enter: () => list.enter(),
    "/": () => {
      byId("search").focus();
      byId("search").select();
    },
    r: () => detail.replay({ to: "receiver" }),
    e: () => detail.edit(),
    c: () => detail.copyCurl(),
    "?": () => byId("help-dialog").showModal(),
    Escape: () => leave(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target.id === "search") {
      inSearch(event);
      return;
    }
    if (event.key === "Escape" && target.closest("#editor")) {
      detail.edit();
      event.preventDefault();
      return;
    }
    if (target.matches("input, textarea, select")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    // A button that has the focus is pressed; the details are scrolled.
    const own = target.matches("button, summary, a") && event.key === "Enter";
    const scrolls = target.closest("#detail") && event.key.startsWith("Arrow");
    if (own || scrolls || !Object.hasOwn(actions, event.key)) return;
    // A key that is held down moves on, and does nothing else.
    if (event.repeat && !MOVES.includes(event.key)) return;
    actions[event.key]();
    event.preventDefault();
  });

  function inSearch(event) {
    if (event.key === "Escape") {
      if (byId("search").value === "") rows.focus();
      else filters.reset();
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      rows.focus();
      list.move(
        list.selected === null || list.indexOf(list.selected) === -1 ? 0 : event.key === "ArrowDown" ? 1 : 0,
      );
    } else return;
    event.preventDefault();
  }
}
