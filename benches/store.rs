//! The in-memory store: one claim and its completion, of keys never seen before, on one thread and
//! on two at once. And a claim's token alone, which is the operating system's randomness.

use std::time::{Duration, Instant};

use countersign::{ClaimToken, Claimed, MemoryStore, Settled, Store};
use countersign_benches::keys::{key, ready};
use criterion::{Criterion, criterion_group, criterion_main};

const LEASE: Duration = Duration::from_secs(300);
const RETENTION: Duration = Duration::from_secs(86_400);

fn claim_and_complete(store: &MemoryStore, from: u64, count: u64, token: ClaimToken) {
    for number in from..from + count {
        let key = key(number);
        let claimed = ready(store.claim(key, token, LEASE)).expect("there is room");
        assert_eq!(claimed, Claimed::Fresh);
        let settled = ready(store.complete(key, token, RETENTION)).expect("it is claimed");
        assert_eq!(settled, Settled::Settled);
    }
}

fn store(criterion: &mut Criterion) {
    let token = ClaimToken::random().expect("randomness");
    let empty = || MemoryStore::builder().capacity(usize::MAX).build();
    let mut group = criterion.benchmark_group("store");
    group.bench_function("claim and complete, 1 thread", |bench| {
        bench.iter_custom(|times| {
            let store = empty();
            let start = Instant::now();
            claim_and_complete(&store, 0, times, token);
            start.elapsed()
        });
    });
    // The time is that of both threads' work; half of it would be a perfect speed-up.
    group.bench_function("claim and complete, 2 threads", |bench| {
        bench.iter_custom(|times| {
            let (store, half) = (empty(), times.div_ceil(2));
            let start = Instant::now();
            std::thread::scope(|scope| {
                scope.spawn(|| claim_and_complete(&store, 0, half, token));
                claim_and_complete(&store, half, times - half.min(times), token);
            });
            start.elapsed()
        });
    });
    group.bench_function("token", |bench| bench.iter(ClaimToken::random));
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
