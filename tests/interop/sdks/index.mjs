// All providers with an SDK, in the order of the table that `run.mjs` prints.

import bodyInBase64 from './body-in-base64.mjs';
import bodyInHex from './body-in-hex.mjs';
import publicKey from './public-key.mjs';
import standardWebhooks from './standard-webhooks.mjs';
import timeInHeader from './time-in-header.mjs';
import timeInList from './time-in-list.mjs';
import url from './url.mjs';

export default [
  ...bodyInHex,
  ...bodyInBase64,
  ...timeInHeader,
  ...timeInList,
  ...standardWebhooks,
  ...url,
  ...publicKey,
].sort((a, b) => a.id.localeCompare(b.id));
