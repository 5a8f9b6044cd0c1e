//! What an unsigned request costs: refused by the layer, against a 404 of bare axum.

use axum::body::Body;
use bytes::Bytes;
use countersign_benches::headers;
use countersign_benches::service::{LAYERED, app, one_thread};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{Request, StatusCode};
use tower::ServiceExt;

fn unsigned(path: &str, body: &Bytes) -> Request<Body> {
    let mut request = Request::post(path).body(Body::from(body.clone())).expect("sound");
    *request.headers_mut() = headers::with(body.len(), []);
    request
}

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
