// What to do when nothing has come yet.

import { copyText } from "./copy.js";
import { el } from "./dom.js";
import { visible } from "./format.js";

/** Fills the section for an inspector without deliveries. */
export function welcome(root, info) {
  const many = info.endpoints.length > 1;
  root.replaceChildren(
    el("h2", null, "No delivery is here yet"),
    el(
      "p",
      null,
      `Send one to ${many ? "one of these endpoints" : "this endpoint"}. It appears here at once.`,
    ),
    el(
      "ul",
      { class: "endpoints" },
      info.endpoints.map((endpoint) => entry(endpoint, info.listening)),
    ),
    info.forward.length > 0
      ? forwards(info.forward)
      : el(
          "p",
          { class: "quiet" },
          "Nothing is forwarded: a delivery is handled when it is printed. Use --forward-to to pass events on to your program.",
        ),
  );
}

function entry(endpoint, listening) {
  const url = listening + endpoint.path;
  const provider = visible(endpoint.provider ?? endpoint.name);
  const command = `countersign trigger ${provider} --to ${url} --secret ${source(endpoint)}`;
  return el(
    "li",
    null,
    el(
      "h3",
      null,
      visible(endpoint.title ?? endpoint.name),
      endpoint.title !== endpoint.name && el("span", { class: "quiet" }, ` ${visible(endpoint.name)}`),
    ),
    copied("URL", url, "The URL is copied."),
    copied("Command", command, "The command is copied."),
    !endpoint.can_sign &&
      el(
        "p",
        { class: "quiet" },
        "The receiver has a public key. To sign samples, give the private key of your own that belongs to it.",
      ),
    el(
      "p",
      { class: "quiet" },
      `Proof: ${visible(endpoint.proof)}. Freshness: ${visible(endpoint.freshness)}.`,
    ),
  );
}

/** Where the secret for signing is: where the receiver's is, except that a public key signs nothing. */
function source({ name, secrets, can_sign: signs }) {
  if (signs && secrets?.length > 0) return visible(secrets[0]);
  const variable = name.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
  return signs ? `env:${variable}_SECRET` : `file:${name}-private-key.pem`;
}

const copied = (name, text, done) =>
  el(
    "div",
    { class: "copyable" },
    el("span", { class: "label" }, name),
    el("code", null, words(text)),
    el(
      "button",
      { type: "button", "aria-label": `Copy: ${name}`, onclick: () => copyText(text, done) },
      "Copy",
    ),
  );

/** Lines break between words only, where they can: not at the hyphens of an option. */
const words = (text) => text.split(" ").flatMap((word, nth) => [nth > 0 && " ", el("span", null, word)]);

const forwards = (rules) =>
  el(
    "div",
    null,
    el("p", null, "Events are passed on to your program:"),
    el(
      "ul",
      { class: "paths" },
      rules.map(({ pattern, url }) =>
        el("li", null, el("code", null, visible(pattern)), " to ", el("code", null, visible(url))),
      ),
    ),
  );
