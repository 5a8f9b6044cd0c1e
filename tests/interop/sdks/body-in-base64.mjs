// An HMAC over the body alone, in base64.

import { hmacValidator as HmacValidator } from '@adyen/api-library';
import { signatureHelper } from '@kontent-ai/webhook-helper';
import { validateSignature } from '@line/bot-sdk';
import { LogSeverity, shopifyApi } from '@shopify/shopify-api';
import '@shopify/shopify-api/adapters/web-api';
import Cronofy from 'cronofy';
import { header, hmac, text, textSecret } from './signing.mjs';

const bodyBase64 = (id, pkg, name, verify, rest = {}) => ({
  id,
  package: pkg,
  official: true,
  secret: textSecret,
  signature: { header: name, encoding: 'base64', prefix: '' },
  sign: ({ secret, body }) => ({ headers: { [name]: hmac(secret, body, 'base64') } }),
  verify,
  ...rest,
});

const adyen = new HmacValidator();

const cronofy = new Cronofy({ client_id: 'unused', client_secret: 'unused' });

const shopify = (apiSecretKey) => shopifyApi({
  apiKey: 'unused',
  apiSecretKey,
  hostName: 'hooks.example.test',
  isEmbeddedApp: false,
  apiVersion: '2026-10',
  logger: { level: LogSeverity.Error },
});

const shopifyVerify = async (d, secret) => {
  const rawRequest = new Request(d.url, { method: d.method, headers: d.headers, body: d.body });
  return (await shopify(secret).webhooks.validate({ rawBody: text(d), rawRequest })).valid;
};

/** Headers that Shopify sends and its SDK asks for. They are not signed. */
const shopifyHeaders = (start, more) => ({
  [`${start}Topic`]: 'orders/create',
  [`${start}Shop-Domain`]: 'example.myshopify.com',
  [`${start}API-Version`]: '2026-10',
  [`${start}Webhook-Id`]: 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
  ...more,
});

export default [
  bodyBase64('adyen-platform', '@adyen/api-library', 'HmacSignature', (d, key) =>
    adyen.validateHMACSignature(key, header(d, 'hmacsignature'), text(d)), {
    secret: (random) => random.bytes(32).toString('hex').toUpperCase(),
    sign: ({ secret, body }) => ({ headers: { HmacSignature: adyen.calculateHmac(body, secret) } }),
  }),
  bodyBase64('cronofy', 'cronofy', 'Cronofy-HMAC-SHA256', (d, client_secret) =>
    cronofy.hmacValid({ hmac: header(d, 'cronofy-hmac-sha256'), body: text(d), client_secret }), {
    signature: { header: 'Cronofy-HMAC-SHA256', encoding: 'base64', prefix: '', separator: ',' },
  }),
  bodyBase64('kontent-ai', '@kontent-ai/webhook-helper', 'X-Kontent-ai-Signature', (d, secret) =>
    signatureHelper.isValidSignatureFromString(text(d), secret, header(d, 'x-kontent-ai-signature')), {
    sign: ({ secret, body }) => ({ headers: { 'X-Kontent-ai-Signature': signatureHelper.getHashFromString(body, secret) } }),
  }),
  bodyBase64('line', '@line/bot-sdk', 'x-line-signature', (d, secret) =>
    validateSignature(d.body, secret, header(d, 'x-line-signature'))),
  bodyBase64('shopify', '@shopify/shopify-api', 'X-Shopify-Hmac-SHA256', shopifyVerify, {
    companions: shopifyHeaders('X-Shopify-'),
  }),
  bodyBase64('shopify-events', '@shopify/shopify-api', 'shopify-hmac-sha256', shopifyVerify, {
    companions: shopifyHeaders('Shopify-', { 'Shopify-Event-Id': '98880550-7158-44d4-b7cd-2c97c8a091b5' }),
  }),
];
