//! What an unsigned request costs: refused by the layer, against a 404 of bare axum.

use bytes::Bytes;
use countersign_benches::service::{LAYERED, app, one_thread, unsigned};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::StatusCode;
use tower::ServiceExt;

fn flood(criterion: &mut Criterion) {
    let (runtime, app) = (one_thread(), app());
    let body = Bytes::from(vec![b'x'; 1024]);
    let mut group = criterion.benchmark_group("flood");
    for (name, path, status) in [
        ("bare axum 404", "/elsewhere", StatusCode::NOT_FOUND),
        ("layer refuses", LAYERED, StatusCode::UNAUTHORIZED),
    ] {
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || (app.clone(), unsigned(path, &body)),
                |(app, request)| {
                    let Ok(response) = runtime.block_on(app.oneshot(request));
                    assert_eq!(response.status(), status);
                    response
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, flood);
criterion_main!(benches);
