// The bodies of generated deliveries. Each has a name, which becomes part of the kind of a delivery.

const event = (random) => ({
  id: `evt_${random.text(16)}`,
  event: random.pick(['order.created', 'order.paid', 'order.cancelled']),
  data: { amount: random.below(100000), currency: 'EUR', ref: random.text(8), live: true, note: null },
});

const json = (random, fields, data) => JSON.stringify({ ...event(random), ...data, ...fields });

/** Name -> text. `fields` are what an SDK wants to find at the top of every body. */
export const JSON_BODIES = {
  plain: (random, fields) => json(random, fields),
  'non-ascii': (random, fields) => json(random, fields, { name: `Grüße, Ελλάδα, 日本 ${random.text(4)}` }),
  emoji: (random, fields) => json(random, fields, { name: `👋🏽 👩‍👩‍👧 ${random.text(4)}` }),
  // A JSON writer may write these characters either way: only the bytes as sent are signed.
  escapes: (random, fields) => json(random, fields, { path: `a/b/${random.text(4)}/ü` }).replaceAll('/', '\\/').replaceAll('ü', '\\u00fc'),
  'empty-object': (_, fields) => JSON.stringify(fields),
  large: (random, fields) => json(random, fields, { rows: Array.from({ length: 400 }, () => random.text(48)) }),
  'trailing-newline': (random, fields) => `${json(random, fields)}\n`,
  pretty: (random, fields) => JSON.stringify({ ...event(random), ...fields }, null, 2).replaceAll('\n', '\r\n'),
};

const form = (pairs) => new URLSearchParams(pairs).toString();

export const FORM_BODIES = {
  form: (random) => form([['token', random.text(12)], ['command', '/deploy'], ['text', `now ${random.text(5)} & später +1`], ['empty', '']]),
  'form-payload': (random) => form([['payload', json(random, {}, { name: 'Zoë 👋' })]]),
};

/** Forms whose fields are read and sorted: repeated names, names in any order, values with escapes. */
export const FIELD_BODIES = {
  fields: (random) => form([['To', '+14155550100'], ['From', `+1415555${1000 + random.below(9000)}`], ['Body', `Hello ${random.text(6)}`], ['CallSid', `CA${random.text(32)}`]]),
  'fields-non-ascii': (random) => form([['Body', `Grüße 👋 ${random.text(6)} 100% & more`], ['AccountSid', `AC${random.text(32)}`]]),
  'fields-repeated': (random) => form([['Media', `b${random.text(3)}`], ['Media', `a${random.text(3)}`], ['Media', 'zz'], ['Body', random.text(5)]]),
  'fields-empty-value': (random) => form([['Body', ''], ['SmsStatus', 'sent'], ['MessageSid', `SM${random.text(32)}`]]),
  'fields-large': (random) => form(Array.from({ length: 200 }, (_, n) => [`Field${n}`, random.text(80)])),
};

/** White space or escapes that a JSON writer would not repeat: an SDK may write the body anew. */
export const REWRITTEN = ['escapes', 'trailing-newline', 'pretty'];
