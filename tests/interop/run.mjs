// Official SDKs judge our verifier and our signer. See README.md.
//
//   node run.mjs [--seed TEXT] [--only ID]… [--count N] -- ENGINE [ARGUMENT]…

import './clock.mjs'; // before the SDKs
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Engine } from './engine.mjs';
import { judgeSamples, judgeSigner, judgeVerifier } from './judge.mjs';
import REASONS from './reasons.mjs';
import SDKS from './sdks/index.mjs';
import { table } from './table.mjs';

const ROUNDS = 4; // of every body form, for our signer
const SHOWN = 5; // failures of one provider that are printed in full

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

console.warn = () => {}; // some SDKs explain a refusal there

const split = process.argv.indexOf('--');
if (split < 0 || split === process.argv.length - 1) fail('usage: node run.mjs [--seed TEXT] [--only ID]… [--count N] -- ENGINE [ARGUMENT]…');
const { values: options } = parseArgs({
  args: process.argv.slice(2, split),
  options: {
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
    count: { type: 'string', default: '200' },
  },
});
const unknown = options.only.filter((id) => !SDKS.some((sdk) => sdk.id === id));
if (unknown.length > 0) fail(`no SDK for ${unknown.join(', ')}`);
const chosen = SDKS.filter(({ id }) => options.only.length === 0 || options.only.includes(id));

const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

const engine = new Engine(process.argv.slice(split + 1));
const used = new Set();
const rows = [];
const failures = [];
let passed = 0;

/** Counts of one direction; what no listed reason covers goes to `failures`. */
function count(sdk, results) {
  const counts = { all: results.length, agreed: 0, excused: 0, wrong: 0 };
  for (const { kind, agreed, oursIsRight, sdk: verdict, text } of results) {
    const reason = `${sdk.id} ${kind} ${verdict}`;
    if (agreed) {
      counts.agreed += 1;
    } else if (oursIsRight && REASONS.has(reason)) {
      counts.excused += 1;
      used.add(reason);
    } else {
      counts.wrong += 1;
      failures.push({ id: sdk.id, text: `${sdk.id} ${kind}: ${text}` });
    }
  }
  passed += counts.agreed + counts.excused;
  return counts;
}

try {
  for (const sdk of chosen) {
    const toUs = count(sdk, await judgeVerifier(sdk, engine, options.seed, Number(options.count)));
    const signed = await judgeSigner(sdk, engine, options.seed, ROUNDS);
    const toSdk = count(sdk, [...signed, ...await judgeSamples(sdk, engine, options.seed)]);
    rows.push({ id: sdk.id, library: `${sdk.package}@${version(sdk.package)}${sdk.official ? '' : ' *'}`, toUs, toSdk });
  }
} catch (error) {
  fail(`stopped after ${rows.length} of ${chosen.length} providers: ${error.stack}`);
}
engine.close();

const idle = [...REASONS.keys()].filter((reason) => chosen.some(({ id }) => reason.startsWith(`${id} `)) && !used.has(reason));
process.stdout.write(table(rows));
for (const { id } of chosen) {
  const own = failures.filter((failure) => failure.id === id);
  own.slice(0, SHOWN).forEach(({ text }) => process.stdout.write(`WRONG ${text}\n`));
  if (own.length > SHOWN) process.stdout.write(`WRONG ${id}: and ${own.length - SHOWN} more\n`);
}
idle.forEach((reason) => process.stdout.write(`NOT NEEDED in reasons.mjs: ${reason}\n`));
process.stdout.write(`seed ${options.seed}, ${rows.length} providers, ${used.size} listed differences met, ${idle.length} not met\n`);
process.stdout.write(`interop: ${passed} passed, ${failures.length + idle.length} failed\n`);
process.exit(failures.length + idle.length === 0 ? 0 : 1);
