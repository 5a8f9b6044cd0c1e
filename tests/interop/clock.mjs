// SDKs read the time from `Date` and take no clock. While `at` runs, `Date` shows the given time.
// Import this file before the SDKs: some of them keep the `Date` that they found when they were loaded.

const RealDate = globalThis.Date;
let frozen = null;

globalThis.Date = new Proxy(RealDate, {
  construct(target, args, newTarget) {
    const fixed = args.length === 0 && frozen !== null ? [frozen] : args;
    return Reflect.construct(target, fixed, newTarget === globalThis.Date ? target : newTarget);
  },
  apply(target) {
    return new target(frozen ?? RealDate.now()).toString();
  },
  get(target, name) {
    return name === 'now' && frozen !== null ? () => frozen : Reflect.get(target, name);
  },
});

/** Runs `work` at this time (unix seconds). Runs must not overlap. */
export async function at(seconds, work) {
  frozen = seconds * 1000;
  try {
    return await work();
  } finally {
    frozen = null;
  }
}
