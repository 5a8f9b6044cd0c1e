// An HMAC over a time and the body; time and signatures stand in one list, in one header.

import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import Mux from '@mux/mux-node';
import { Paddle } from '@paddle/paddle-node-sdk';
import { encodeSignatureHeader, isValidSignature } from '@sanity/webhook';
import { WorkOS } from '@workos-inc/node';
import { Retell } from 'retell-sdk';
import Stripe from 'stripe';
import { header, hmac, seconds, text, textSecret } from './signing.mjs';

const listed = (id, pkg, { past, future, name, time = 't=', prefix = 'v1=', separator = ',', between = '.', write = seconds }, verify, rest = {}) => ({
  id,
  package: pkg,
  official: true,
  secret: textSecret,
  window: { past, future },
  signature: { header: name, encoding: 'hex', prefix, separator },
  time: { header: name, item: time },
  sign: ({ secret, body, at }) => ({
    headers: { [name]: `${time}${write(at)}${separator}${prefix}${hmac(secret, write(at) + between + body, 'hex')}` },
  }),
  verify,
  ...rest,
});

const milliseconds = (at) => String(at);

const eleven = new ElevenLabsClient({ apiKey: 'unused' });
const mux = new Mux({ tokenId: 'unused', tokenSecret: 'unused' });
const paddle = new Paddle('unused');
const stripe = new Stripe('sk_test_unused');
const workos = new WorkOS('unused');

export default [
  listed('stripe', 'stripe', { past: 300, future: 300, name: 'Stripe-Signature' }, (d, secret) =>
    stripe.webhooks.constructEvent(d.body, header(d, 'stripe-signature'), secret) !== null, {
    sign: ({ secret, body, at }) => ({
      headers: {
        'Stripe-Signature': stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: Math.floor(at / 1000) }),
      },
    }),
  }),
  listed('mux', '@mux/mux-node', { past: 300, future: 300, name: 'Mux-Signature' }, async (d, secret) => {
    await mux.webhooks.verifySignature(text(d), { 'mux-signature': header(d, 'mux-signature') }, secret);
    return true;
  }, {
    sign: async ({ secret, body, at }) => ({
      headers: {
        'Mux-Signature': `t=${seconds(at)},v1=${await mux.webhooks.computeSignature(`${seconds(at)}.${body}`, secret)}`,
      },
    }),
  }),
  listed('paddle', '@paddle/paddle-node-sdk', {
    past: 5, future: 5, name: 'Paddle-Signature', time: 'ts=', prefix: 'h1=', separator: ';', between: ':',
  }, (d, secret) => paddle.webhooks.isSignatureValid(text(d), secret, header(d, 'paddle-signature'))),
  listed('elevenlabs', '@elevenlabs/elevenlabs-js', {
    past: 1800, future: 1800, name: 'ElevenLabs-Signature', prefix: 'v0=',
  }, async (d, secret) =>
    (await eleven.webhooks.constructEvent(text(d), header(d, 'elevenlabs-signature'), secret)) !== null),
  listed('workos', '@workos-inc/node', {
    past: 180, future: 180, name: 'WorkOS-Signature', separator: ', ', write: milliseconds,
  }, (d, secret) =>
    workos.webhooks.verifyHeader({ payload: JSON.parse(text(d)), sigHeader: header(d, 'workos-signature'), secret })),
  listed('retell', 'retell-sdk', {
    past: 300, future: 300, name: 'x-retell-signature', time: 'v=', prefix: 'd=', write: milliseconds,
  }, (d, secret) => Retell.verify(text(d), secret, header(d, 'x-retell-signature')), {
    joined: 'body-then-time',
    // The body comes before the time, and the SDK signs at the present time only.
    sign: ({ secret, body, at }) => ({
      headers: { 'x-retell-signature': `v=${at},d=${hmac(secret, `${body}${at}`, 'hex')}` },
    }),
  }),
  listed('sanity', '@sanity/webhook', {
    past: 300, future: 300, name: 'sanity-webhook-signature', write: milliseconds,
  }, (d, secret) => isValidSignature(text(d), header(d, 'sanity-webhook-signature'), secret), {
    signature: { header: 'sanity-webhook-signature', encoding: 'base64url', prefix: 'v1=', separator: ',' },
    sign: async ({ secret, body, at }) => ({
      // The SDK cannot sign an empty body, nor a time before 2021.
      headers: { 'sanity-webhook-signature': await encodeSignatureHeader(body, at, secret).catch(() =>
        `t=${at},v1=${hmac(secret, `${at}.${body}`, 'base64url')}`) },
    }),
  }),
];
