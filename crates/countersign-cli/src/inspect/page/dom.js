// Elements without HTML in strings: what a sender wrote only ever becomes text.

/** An element with attributes, listeners (`onclick`) and children, which are nodes or text. */
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A button that shows that it is at work, and cannot be pressed twice. */
export function button(attributes, label, work) {
  const element = el("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", async () => {
    if (element.getAttribute("aria-busy") === "true") return;
    element.setAttribute("aria-busy", "true");
    try {
      await work(element);
    } finally {
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

/** A part of the detail, with a heading. */
export function part(id, title, ...children) {
  return el(
    "section",
    { id, "aria-labelledby": `${id}-title`, class: "part" },
    el("h3", { id: `${id}-title` }, title),
    ...children,
  );
}

/** Rows of a name and a value. */
export function facts(rows) {
  const given = rows.filter(([, value]) => value !== null && value !== undefined && value !== false);
  return el(
    "dl",
    { class: "facts" },
    given.map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value))),
  );
}
