// JSON for people: indented, with every token as it is written. A parser would change numbers such as
// 12345678901234567890 and 1.10, and would drop a name that comes twice.

const TOKEN =
  /[ \t\n\r]+|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y;
/** Deeper levels are not indented further: a body of brackets alone must not become gigabytes of spaces. */
const DEEPEST = 40;
/** So much is made at most: a browser needs a second and more for what is longer. */
const LONGEST = 2 * 1024 * 1024;
const MOST = 300_000;

/**
 * The tokens of a text that begins like JSON, as `[kind, text]` with line breaks and indents between them. `ends` says where
 * the text stops being JSON, or where it became too long (`long`); null where it is JSON to its end.
 */
export function pretty(text) {
  const out = [];
  const levels = [];
  let [at, length, previous, values] = [0, 0, "", 0];
  const push = (kind, token) => {
    out.push([kind, token]);
    length += token.length;
  };
  const newline = () => push("space", `\n${"  ".repeat(Math.min(levels.length, DEEPEST))}`);
  const stop = (long) => ({ tokens: out, ends: at, long });

  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return stop(false);
    if (length > LONGEST || out.length > MOST) return stop(true);
    const first = token[0];
    if (" \t\n\r".includes(first)) {
      at += token.length;
      continue;
    }
    const closes = first === "}" || first === "]";
    if (!fits(first, previous, levels) || (levels.length === 0 && values > 0)) return stop(false);
    if (closes) {
      levels.pop();
      if (previous !== "{" && previous !== "[") newline();
    } else if (previous === "{" || previous === "[" || previous === ",") newline();
    push(kindOf(first, text, at + token.length, levels, previous), token);
    if (first === ":") push("space", " ");
    if (first === "{" || first === "[") levels.push(first);
    if (levels.length === 0) values += 1;
    previous = closes ? "value" : "{[,:".includes(first) ? first : nameOf(levels, previous);
    at += token.length;
  }
  return { tokens: out, ends: levels.length === 0 && values === 1 ? null : at, long: false };
}

/** After a text or a number: whether it was a name, which a colon has to follow. */
const nameOf = (levels, previous) =>
  levels.at(-1) === "{" && (previous === "{" || previous === ",") ? "name" : "value";

/** Whether a token may stand here. */
function fits(first, previous, levels) {
  const inObject = levels.at(-1) === "{";
  const wantsName = inObject && (previous === "{" || previous === ",");
  switch (first) {
    case ":":
      return previous === "name";
    case ",":
      return levels.length > 0 && previous === "value";
    case "}":
      return inObject && (previous === "{" || previous === "value");
    case "]":
      return levels.at(-1) === "[" && (previous === "[" || previous === "value");
    case '"':
      return previous !== "value" && previous !== "name";
    default:
      return previous !== "value" && previous !== "name" && !wantsName;
  }
}

function kindOf(first, text, after, levels, previous) {
  if (first === '"') return nameOf(levels, previous) === "name" ? "name" : "string";
  if ("{}[],:".includes(first)) return "mark";
  return first === "-" || (first >= "0" && first <= "9") ? "number" : "word";
}
