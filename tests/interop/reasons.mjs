// Where an SDK decides otherwise than we do, and why. Every entry is needed: one that no delivery uses is an error.
// A reason never excuses a wrong verdict of ours: what we say must be what kinds.mjs expects.

const STALE = ['stale/two-seconds', 'stale/a-day', 'stale/years'];
const FUTURE = ['future/three-seconds', 'future/a-year'];

const rewritten = (start) => ['escapes', 'pretty', 'trailing-newline'].map((body) => `${start}/${body}`);

const REASONS = [
  {
    providers: ['crisp', 'discord', 'discord-events', 'replicate', 'sanity', 'sendgrid', 'webflow'],
    kinds: [...STALE, ...FUTURE],
    sdk: 'accepts',
    because: 'the SDK does not look at the age of a delivery',
  },
  {
    providers: ['contentful', 'elevenlabs', 'hubspot', 'mux', 'paddle', 'slack', 'stripe', 'workos'],
    kinds: FUTURE,
    sdk: 'accepts',
    because: 'the SDK looks for old deliveries only',
  },
  {
    providers: ['box'],
    kinds: ['genuine/ahead'],
    sdk: 'refuses',
    because: 'the SDK refuses every time in the future; we allow for clocks that differ',
  },

  {
    providers: ['crisp', 'workos'],
    kinds: [...rewritten('genuine'), ...rewritten('signed-by-us')],
    sdk: 'refuses',
    because: 'the SDK takes a parsed body and writes it anew; the provider sends compact JSON',
  },
  {
    providers: ['crisp', 'workos'],
    kinds: ['tampered-body/newline-added'],
    sdk: 'accepts',
    because: 'the SDK takes a parsed body, so it does not see white space between the values',
  },
  {
    providers: ['easypost'],
    kinds: ['genuine/weight-without-fraction', 'signed-by-us/weight-without-fraction'],
    sdk: 'refuses',
    because: 'the SDK writes an integral "weight" with a fraction before it computes the MAC',
  },
  {
    providers: ['hubspot'],
    kinds: ['genuine/url-with-escapes'],
    sdk: 'refuses',
    because: 'the provider signs the URL with some escapes decoded; the SDK leaves that to its caller',
  },

  {
    providers: ['elevenlabs', 'workos'],
    kinds: ['rotation/sender-good-last', 'rotation/sender-broken-first'],
    sdk: 'refuses',
    because: 'the SDK compares only the first signature of the list',
  },
  {
    providers: ['paddle'],
    kinds: ['rotation/sender-good-first'],
    sdk: 'refuses',
    because: 'the SDK compares only the last signature of the list',
  },
  {
    providers: ['retell', 'sanity'],
    kinds: ['rotation/sender-good-first', 'rotation/sender-good-last', 'rotation/sender-broken-first'],
    sdk: 'refuses',
    because: 'the SDK takes exactly one signature',
  },
  {
    providers: ['liveblocks', 'replicate', 'workos'],
    kinds: ['tampered-signature/prefix-changed'],
    sdk: 'accepts',
    because: 'the SDK does not read the version before a signature',
  },
  {
    providers: ['openai'],
    kinds: ['tampered-signature/prefix-missing'],
    sdk: 'accepts',
    because: 'the SDK takes a signature without its version as well',
  },

  {
    providers: ['adyen-platform', 'box', 'line', 'openai'],
    kinds: ['tampered-signature/text-appended', 'tampered-signature/padding-removed'],
    sdk: 'accepts',
    because: 'the SDK decodes base64 with a decoder that passes over what does not belong there',
  },
  {
    providers: ['sendgrid'],
    kinds: ['tampered-signature/text-appended'],
    sdk: 'accepts',
    because: 'the SDK decodes base64 with a decoder that stops at the padding',
  },
  {
    providers: ['polar'],
    kinds: ['tampered-signature/padding-removed'],
    sdk: 'accepts',
    because: 'the SDK decodes base64 with a decoder that does without padding',
  },
  {
    providers: ['gocardless', 'onfido'],
    kinds: ['tampered-signature/text-appended'],
    sdk: 'accepts',
    because: 'the SDK decodes hexadecimal with a decoder that stops at the first other character',
  },

  {
    providers: [
      'anthropic', 'brex', 'clerk', 'contentful', 'creem', 'dodo', 'finch', 'gemini', 'gitlab-signed', 'mux', 'paddle',
      'resend', 'seam', 'standard-webhooks', 'stripe', 'supabase-auth-hooks', 'svix',
    ],
    kinds: ['tampered-time/letter-appended'],
    sdk: 'accepts',
    because: 'the SDK reads the digits at the start of the time and signs those; we sign the text as sent',
  },
  {
    providers: ['box', 'discord', 'discord-events', 'hubspot', 'sendgrid'],
    kinds: ['tampered-time/byte-of-the-body-moved-in'],
    sdk: 'accepts',
    because: 'nothing stands between time and body in what is signed, and the SDK takes a time that is none',
  },
];

/** `provider kind verdict` -> reason. */
export default new Map(REASONS.flatMap(({ providers, kinds, sdk, because }) =>
  providers.flatMap((id) => kinds.map((kind) => [`${id} ${kind} ${sdk}`, because]))));
