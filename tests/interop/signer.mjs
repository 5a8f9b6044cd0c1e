// Signs drafts with an SDK, and changes single parts of what came out.

/** A secret for both directions: they differ only where a scheme has a public key. */
export function newKey(sdk, random) {
  const secret = sdk.secret(random);
  return typeof secret === 'string' ? { verify: secret, sign: secret } : secret;
}

/** Header names in lower case in every second delivery: HTTP/2 sends them so. */
const spelled = (headers, lower) =>
  Object.entries(headers).map(([name, value]) => [lower ? name.toLowerCase() : name, value]);

/** A delivery of this draft. `signWith` replaces the SDK's own way of signing. */
export async function sign(sdk, draft, key, signWith = sdk.sign) {
  const companions = sdk.companions ?? {};
  const signed = await signWith({ ...draft, secret: key.sign, key: key.key, companions });
  return {
    now: draft.now,
    method: draft.method,
    url: signed.url ?? draft.url,
    headers: spelled({ 'Content-Type': draft.contentType, ...companions, ...signed.headers }, draft.lower),
    body: Buffer.from(draft.body),
    secrets: [key.verify],
  };
}

/** The delivery with one header changed; `change` returns null to drop the header. */
export function changeHeader(delivery, name, change) {
  const headers = delivery.headers
    .map(([n, value]) => [n, n.toLowerCase() === name.toLowerCase() ? change(value) : value])
    .filter(([, value]) => value !== null);
  return { ...delivery, headers };
}

const isSignature = (sdk, item) => item.startsWith(sdk.signature.prefix);

/** `change` gets the items of the signature header and returns the new ones. */
export function changeItems(sdk, delivery, change) {
  const { header, separator } = sdk.signature;
  return changeHeader(delivery, header, (value) =>
    separator === undefined ? change([value])[0] : change(value.split(separator)).join(separator));
}

/** The signature items of a delivery, prefix included. */
export function signatures(sdk, delivery) {
  let found;
  changeItems(sdk, delivery, (items) => {
    found = items.filter((item) => isSignature(sdk, item));
    return items;
  });
  return found;
}

/** The delivery with other signature items; the time stays where it is. */
export const withSignatures = (sdk, delivery, others) =>
  changeItems(sdk, delivery, (items) => {
    const first = items.findIndex((item) => isSignature(sdk, item));
    const rest = items.filter((item) => !isSignature(sdk, item));
    return [...rest.slice(0, first), ...others, ...rest.slice(first)];
  });

/** Changes the text of every signature, without its prefix. */
export const changeSignature = (sdk, delivery, change) => {
  const { prefix } = sdk.signature;
  return withSignatures(sdk, delivery, signatures(sdk, delivery).map((item) => prefix + change(item.slice(prefix.length))));
};

/** Changes the bytes of every signature. */
export const changeSignatureBytes = (sdk, delivery, change) => {
  const { encoding } = sdk.signature;
  return changeSignature(sdk, delivery, (value) => change(Buffer.from(value, encoding)).toString(encoding));
};

/** Changes the text of the time; `change` returns null to drop it. */
export function changeTime(sdk, delivery, change) {
  const { header, item } = sdk.time;
  if (item === undefined) {
    return changeHeader(delivery, header, change);
  }
  return changeItems(sdk, delivery, (items) => items.flatMap((text) => {
    if (!text.startsWith(item)) return [text];
    const changed = change(text.slice(item.length));
    return changed === null ? [] : [item + changed];
  }));
}
