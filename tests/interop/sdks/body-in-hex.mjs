// An HMAC over the body alone, in hexadecimal.

import { LinearWebhookClient } from '@linear/sdk/webhooks';
import { verifyWebhookSignature as notionVerify, signWebhookPayload } from '@notionhq/client';
import { sign as githubSign, verify as githubVerify } from '@octokit/webhooks-methods';
import { WebhookEventVerifier } from '@onfido/api';
import coinbase from 'coinbase-commerce-node';
import { verifyWebhookSignature as creemVerify } from 'creem/webhooks';
import EasyPost from '@easypost/api';
import { verifySignature as gocardlessVerify } from 'gocardless-nodejs/webhooks';
import { verifyWebhookSignature as mailtrapVerify } from 'mailtrap';
import ModernTreasury from 'modern-treasury';
import Pusher from 'pusher';
import Razorpay from 'razorpay';
import { StreamChat } from 'stream-chat';
import { header, headersOf, hmac, text, textSecret } from './signing.mjs';

const bodyHex = (id, pkg, name, verify, { prefix = '', ...rest } = {}) => ({
  id,
  package: pkg,
  official: true,
  secret: textSecret,
  signature: { header: name, encoding: 'hex', prefix },
  sign: ({ secret, body }) => ({ headers: { [name]: prefix + hmac(secret, body, 'hex') } }),
  verify,
  ...rest,
});

const treasury = new ModernTreasury({ apiKey: 'unused', organizationID: 'unused' });
const easypost = new EasyPost('unused');

export default [
  bodyHex('github', '@octokit/webhooks-methods', 'X-Hub-Signature-256', (d, secret) =>
    githubVerify(secret, text(d), header(d, 'x-hub-signature-256')), {
    prefix: 'sha256=',
    forms: true,
    sign: async ({ secret, body }) => ({ headers: { 'X-Hub-Signature-256': await githubSign(secret, body) } }),
  }),
  bodyHex('coinbase-commerce', 'coinbase-commerce-node', 'X-CC-Webhook-Signature', (d, secret) =>
    coinbase.Webhook.verifySigHeader(text(d), header(d, 'x-cc-webhook-signature'), secret), {
    sign: ({ secret, body }) => ({ headers: { 'X-CC-Webhook-Signature': coinbase.Webhook.computeSignature(body, secret) } }),
  }),
  bodyHex('creem-legacy', 'creem', 'creem-signature', async (d, secret) => {
    await creemVerify(text(d), headersOf(d), secret);
    return true;
  }),
  bodyHex('easypost', '@easypost/api', 'X-Hmac-Signature', (d, secret) =>
    easypost.Utils.validateWebhook(d.body, headersOf(d), secret) !== null, {
    prefix: 'hmac-sha256-hex=',
    // The SDK puts other than ASCII into Unicode form NFKD first; countersign refuses such a secret.
    secret: (random) => `secret-${random.text(24)}`,
    sign: ({ secret, body }) => ({
      headers: { 'X-Hmac-Signature': `hmac-sha256-hex=${hmac(secret, body, 'hex')}` },
    }),
    bodies: {
      'weight-with-fraction': (random) => `{"id":"evt_${random.text(8)}","weight": 12.0,"length":3}`,
      'weight-without-fraction': (random) => `{"id":"evt_${random.text(8)}","weight": 12,"length":3}`,
    },
  }),
  bodyHex('gocardless', 'gocardless-nodejs', 'Webhook-Signature', (d, secret) => {
    gocardlessVerify(d.body, secret, header(d, 'webhook-signature')); // throws, returns nothing
    return true;
  }),
  bodyHex('linear', '@linear/sdk', 'Linear-Signature', (d, secret) =>
    new LinearWebhookClient(secret).verify(d.body, header(d, 'linear-signature')), {
    window: { past: 60, future: 60 },
    // The only time that is signed stands in the body.
    fields: (at) => ({ webhookTimestamp: at }),
  }),
  bodyHex('mailtrap', 'mailtrap', 'Mailtrap-Signature', (d, secret) =>
    mailtrapVerify(text(d), header(d, 'mailtrap-signature'), secret)),
  bodyHex('modern-treasury', 'modern-treasury', 'X-Signature', (d, key) =>
    treasury.webhooks.validateSignature(text(d), headersOf(d), { key }), {
    sign: ({ secret, body }) => ({ headers: { 'X-Signature': treasury.webhooks.getSignature(body, { key: secret }) } }),
  }),
  bodyHex('notion', '@notionhq/client', 'X-Notion-Signature', (d, verificationToken) =>
    notionVerify({ body: text(d), signature: header(d, 'x-notion-signature'), verificationToken }), {
    prefix: 'sha256=',
    sign: async ({ secret, body }) => ({
      headers: { 'X-Notion-Signature': await signWebhookPayload({ body, verificationToken: secret }) },
    }),
  }),
  bodyHex('onfido', '@onfido/api', 'X-SHA2-Signature', (d, secret) =>
    new WebhookEventVerifier(secret).readPayload(d.body, header(d, 'x-sha2-signature')) !== null),
  bodyHex('pusher', 'pusher', 'X-Pusher-Signature', (d, secret) =>
    new Pusher({ appId: '1', key: 'app-key', secret, cluster: 'eu' })
      .webhook({ headers: headersOf(d), rawBody: text(d) })
      .isValid(), {
    companions: { 'X-Pusher-Key': 'app-key' },
  }),
  bodyHex('razorpay', 'razorpay', 'X-Razorpay-Signature', (d, secret) =>
    Razorpay.validateWebhookSignature(text(d), header(d, 'x-razorpay-signature'), secret)),
  bodyHex('stream', 'stream-chat', 'X-Signature', (d, secret) =>
    new StreamChat('unused', secret).verifyWebhook(text(d), header(d, 'x-signature'))),
];
