// The search and the three filters above the list.

import { byId, el } from "./dom.js";
import { isFine, OUTCOMES, outcomeName, visible } from "./format.js";

/** More types than this are not offered; the search finds the others. */
const MOST_TYPES = 200;
const PAUSE_MS = 500;

export class Filters {
  constructor(deliveries, changed) {
    this.deliveries = deliveries;
    this.selects = {
      outcome: byId("filter-outcome"),
      type: byId("filter-type"),
      endpoint: byId("filter-endpoint"),
    };
    this.changed = () => {
      deliveries.setFilter(this.values());
      changed();
    };
    byId("search").addEventListener("input", this.changed);
    for (const select of Object.values(this.selects)) select.addEventListener("change", this.changed);
    byId("group").addEventListener("change", (event) => {
      deliveries.grouped = event.target.checked;
      changed();
    });
    this.offer();
  }

  values() {
    const { outcome, type, endpoint } = this.selects;
    return {
      search: byId("search").value,
      outcome: outcome.value,
      type: type.value,
      endpoint: endpoint.value,
    };
  }

  reset() {
    byId("search").value = "";
    for (const select of Object.values(this.selects)) select.value = "";
    this.changed();
  }

  /** Brings what can be chosen up to date, not more often than somebody could read it. */
  offerSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.offer();
    }, PAUSE_MS);
  }

  offer() {
    const counts = this.deliveries.counts();
    const bad = [...counts.outcome].filter(([name]) => !isFine(name));
    const outcomes = Object.keys(OUTCOMES).filter((name) => counts.outcome.has(name));
    options(this.selects.outcome, "All outcomes", [
      ...(bad.length > 0 ? [["!", "Not accepted", bad.reduce((sum, [, many]) => sum + many, 0)]] : []),
      ...outcomes.map((name) => [name, outcomeName(name), counts.outcome.get(name)]),
    ]);
    const byName = (map) =>
      [...map]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, many]) => [name, visible(name, 60), many]);
    const often = [...counts.type].sort(([, one], [, other]) => other - one).slice(0, MOST_TYPES);
    options(this.selects.type, "All types", byName(often));
    options(this.selects.endpoint, "All endpoints", byName(counts.endpoint));
  }
}

function options(select, all, given) {
  // A list that is open must not change under the reader's finger.
  if (document.activeElement === select) return;
  const chosen = select.value;
  if (chosen && !given.some(([value]) => value === chosen))
    given.push([chosen, chosen === "!" ? "Not accepted" : visible(chosen, 60), 0]);
  const made = given.map(([value, label, many]) =>
    el("option", { value }, `${label} (${many.toLocaleString("en")})`),
  );
  select.replaceChildren(el("option", { value: "" }, all), ...made);
  select.value = chosen;
}
