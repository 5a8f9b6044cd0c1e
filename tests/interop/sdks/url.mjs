// Schemes that sign the URL, and for some the method.

import { createHash } from 'node:crypto';
import { parse as parseForm } from 'node:querystring';
import { signRequest, verifyRequest } from '@contentful/node-apps-toolkit';
import { Signature } from '@hubspot/api-client';
import { WebhooksHelper } from 'square';
import twilio from 'twilio';
import { header, headersOf, hmac, text, textSecret } from './signing.mjs';

const base = { official: true, secret: textSecret, signsUrl: true };

/** HubSpot signs the URL with these twelve escapes decoded, and leaves all others as they are. */
const HUBSPOT_ESCAPES = /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi;
const hubspotUrl = (url) => url.replace(HUBSPOT_ESCAPES, decodeURIComponent);

const pathOf = (url) => url.replace(/^https:\/\/[^/]*/, '');

export default [
  {
    ...base,
    id: 'twilio',
    package: 'twilio',
    fieldForms: true,
    signature: { header: 'X-Twilio-Signature', encoding: 'base64', prefix: '' },
    sign: ({ secret, body, url }) => ({
      headers: { 'X-Twilio-Signature': twilio.getExpectedTwilioSignature(secret, url, parseForm(body)) },
    }),
    verify: (d, secret) => twilio.validateRequest(secret, header(d, 'x-twilio-signature'), d.url, parseForm(text(d))),
  },
  {
    ...base,
    id: 'twilio-json',
    package: 'twilio',
    signature: { header: 'X-Twilio-Signature', encoding: 'base64', prefix: '' },
    sign: ({ secret, body, url }) => {
      const hash = createHash('sha256').update(body).digest('hex');
      const signedUrl = `${url}${url.includes('?') ? '&' : '?'}bodySHA256=${hash}`;
      return { url: signedUrl, headers: { 'X-Twilio-Signature': twilio.getExpectedTwilioSignature(secret, signedUrl, {}) } };
    },
    verify: (d, secret) => twilio.validateRequestWithBody(secret, header(d, 'x-twilio-signature'), d.url, text(d)),
  },
  {
    ...base,
    id: 'square',
    package: 'square',
    signature: { header: 'x-square-hmacsha256-signature', encoding: 'base64', prefix: '' },
    sign: ({ secret, body, url }) => ({ headers: { 'x-square-hmacsha256-signature': hmac(secret, url + body, 'base64') } }),
    verify: (d, signatureKey) => WebhooksHelper.verifySignature({
      requestBody: text(d),
      signatureHeader: header(d, 'x-square-hmacsha256-signature'),
      signatureKey,
      notificationUrl: d.url,
    }),
  },
  {
    ...base,
    id: 'hubspot',
    package: '@hubspot/api-client',
    signsMethod: true,
    joined: 'body-then-time',
    window: { past: 300, future: 300 },
    signature: { header: 'X-HubSpot-Signature-v3', encoding: 'base64', prefix: '' },
    time: { header: 'X-HubSpot-Request-Timestamp' },
    sign: ({ secret, body, url, method, at }) => ({
      headers: {
        'X-HubSpot-Request-Timestamp': String(at),
        'X-HubSpot-Signature-v3': Signature.getSignature(method, 'v3', {
          clientSecret: secret, requestBody: body, url: hubspotUrl(url), timestamp: at,
        }),
      },
    }),
    verify: (d, clientSecret) => Signature.isValid({
      signatureVersion: 'v3',
      signature: header(d, 'x-hubspot-signature-v3'),
      method: d.method,
      clientSecret,
      requestBody: text(d),
      url: d.url,
      timestamp: header(d, 'x-hubspot-request-timestamp'),
    }),
  },
  {
    ...base,
    id: 'contentful',
    package: '@contentful/node-apps-toolkit',
    signsMethod: true,
    window: { past: 30, future: 30 },
    secret: (random) => random.text(64), // the SDK asks for exactly this length
    signature: { header: 'x-contentful-signature', encoding: 'hex', prefix: '' },
    time: { header: 'x-contentful-timestamp' },
    // One header of the sender is signed beside the two that Contentful adds.
    companions: { 'X-Contentful-CRN': 'crn:contentful:::content:spaces/example' },
    sign: ({ secret, body, url, method, at, companions }) => ({
      headers: signRequest(secret, { method, path: pathOf(url), headers: companions, body }, at),
    }),
    verify: (d, secret) => verifyRequest(secret, {
      method: d.method,
      path: pathOf(d.url),
      headers: headersOf(d),
      body: text(d),
    }),
  },
];
