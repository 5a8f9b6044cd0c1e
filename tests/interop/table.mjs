// The table at the end of a run.

const HEAD = ['provider', 'SDK', 'to us', 'agreed', 'reason', 'wrong', 'to SDK', 'agreed', 'reason', 'wrong'];

const cells = ({ id, library, toUs, toSdk }) =>
  [id, library, ...[toUs, toSdk].flatMap(({ all, agreed, excused, wrong }) => [all, agreed, excused, wrong])].map(String);

const total = (rows, side) => rows.reduce((sum, row) => {
  for (const [name, value] of Object.entries(row[side])) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}, {});

/**
 * "to us": deliveries that the SDK signed, or that are signed as the provider documents.
 * "to SDK": deliveries that our signer signed. "reason": different verdicts that reasons.mjs explains.
 */
export function table(rows) {
  const lines = [HEAD, ...rows.map(cells)];
  if (rows.length > 1) {
    lines.push(cells({ id: 'all', library: `${rows.length} providers`, toUs: total(rows, 'toUs'), toSdk: total(rows, 'toSdk') }));
  }
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const print = (line) => line
    .map((cell, n) => (n < 2 ? cell.padEnd(widths[n]) : cell.padStart(widths[n])))
    .join('  ')
    .trimEnd();
  const note = '* the reference library of the Standard Webhooks specification; the provider has no JavaScript SDK for it\n';
  const starred = rows.some(({ library }) => library.endsWith('*'));
  return `${lines.map(print).join('\n')}\n${starred ? note : ''}`;
}
