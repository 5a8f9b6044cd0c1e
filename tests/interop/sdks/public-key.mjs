// Signatures with a private key: the receiver holds only the public one.

import { createSign, sign as signBytes } from 'node:crypto';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { verifyKey } from 'discord-interactions';
import Telnyx from 'telnyx';
import { ed25519Pair, header, headersOf, p256Pair, seconds, text } from './signing.mjs';

const telnyx = new Telnyx({ apiKey: 'unused' });
const sendgrid = new EventWebhook();

const ed25519 = (key, content, encoding) => signBytes(null, Buffer.from(content), key).toString(encoding);

const discord = (id) => ({
  id,
  package: 'discord-interactions',
  official: true,
  joined: 'time-then-body',
  secret: ed25519Pair('hex'),
  window: { past: 300, future: 300 },
  signature: { header: 'X-Signature-Ed25519', encoding: 'hex', prefix: '' },
  time: { header: 'X-Signature-Timestamp' },
  sign: ({ key, body, at }) => ({
    headers: {
      'X-Signature-Timestamp': seconds(at),
      'X-Signature-Ed25519': ed25519(key, seconds(at) + body, 'hex'),
    },
  }),
  verify: (d, secret) => verifyKey(d.body, header(d, 'x-signature-ed25519'), header(d, 'x-signature-timestamp'), secret),
});

export default [
  discord('discord'),
  discord('discord-events'),
  {
    id: 'telnyx',
    package: 'telnyx',
    official: true,
    secret: ed25519Pair('base64'),
    window: { past: 300, future: 300 },
    signature: { header: 'telnyx-signature-ed25519', encoding: 'base64', prefix: '' },
    time: { header: 'telnyx-timestamp' },
    sign: ({ key, body, at }) => ({
      headers: {
        'telnyx-timestamp': seconds(at),
        'telnyx-signature-ed25519': ed25519(key, `${seconds(at)}|${body}`, 'base64'),
      },
    }),
    verify: async (d, key) => (await telnyx.webhooks.unwrap(text(d), { headers: headersOf(d), key })) !== null,
  },
  {
    id: 'sendgrid',
    package: '@sendgrid/eventwebhook',
    official: true,
    joined: 'time-then-body',
    secret: p256Pair,
    window: { past: 300, future: 300 },
    signature: { header: 'X-Twilio-Email-Event-Webhook-Signature', encoding: 'base64', prefix: '', sizeVaries: true },
    time: { header: 'X-Twilio-Email-Event-Webhook-Timestamp' },
    sign: ({ key, body, at }) => ({
      headers: {
        'X-Twilio-Email-Event-Webhook-Timestamp': seconds(at),
        'X-Twilio-Email-Event-Webhook-Signature': createSign('sha256').update(seconds(at) + body).sign(key, 'base64'),
      },
    }),
    verify: (d, secret) => sendgrid.verifySignature(
      sendgrid.convertPublicKeyToECDSA(secret),
      text(d),
      header(d, 'x-twilio-email-event-webhook-signature'),
      header(d, 'x-twilio-email-event-webhook-timestamp'),
    ),
  },
];
