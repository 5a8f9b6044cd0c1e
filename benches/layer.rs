//! The whole layer around an axum handler, against the same handler written by hand: over a
//! kept-alive HTTP/1.1 connection on the loopback interface, and in process.

use countersign_benches::event::Events;
use countersign_benches::service::{
    BY_HAND, Client, LAYERED, app, one_thread, oneshots, serve, two_workers,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const ROUTES: [(&str, &str); 2] = [("by hand", BY_HAND), ("layer", LAYERED)];

fn over_a_socket(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer over a socket");
    for size in [1024, 16 * 1024] {
        let mut client = Client::connect(serve(two_workers()), 1, Events::of_size(size));
        for (name, path) in ROUTES {
            group.bench_function(BenchmarkId::new(name, size), |bench| {
                bench.iter_custom(|times| client.send(path, times));
            });
        }
    }
    group.finish();
}

fn in_process(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer in process");
    let (runtime, app) = (one_thread(), app());
    for size in [1024, 16 * 1024] {
        let mut events = Events::of_size(size);
        for (name, path) in ROUTES {
            group.bench_function(BenchmarkId::new(name, size), |bench| {
                let send = |times| runtime.block_on(oneshots(&app, path, &mut events, times));
                bench.iter_custom(send);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, over_a_socket, in_process);
criterion_main!(benches);
