//! A receiver with an observer for one request.

use super::*;

type Told = Arc<Mutex<Vec<(Outcome, Option<Reason>)>>>;

/// The bench with the observer, and what it was told.
fn own(bench: &Bench<MemoryStore>) -> (Bench<MemoryStore>, Told) {
    let told: Told = Arc::default();
    let telling = Arc::clone(&told);
    let observer = move |report: &Report<'_>| {
        telling.lock().unwrap().push((report.outcome, report.reason));
    };
    let receiver = bench.receiver.clone().observed_by(Arc::new(observer));
    (Bench { receiver, seen: Arc::clone(&bench.seen) }, told)
}

fn told(told: &Told) -> Vec<(Outcome, Option<Reason>)> {
    std::mem::take(&mut *told.lock().unwrap())
}

const DUPLICATE: (Outcome, Option<Reason>) =
    (Outcome::Duplicate, Some(Reason::Rejected(RejectionKind::Duplicate)));

#[tokio::test]
async fn an_observer_of_one_request_is_told_of_that_request_alone() {
    let (bench, _) = Bench::new();
    let (one, of_one) = own(&bench);
    let (two, of_two) = own(&bench);
    one.send(1, 200).await.unwrap();
    assert_eq!(told(&of_one), [(Outcome::Accepted, None)]);
    two.send(1, 200).await.unwrap_err();
    assert_eq!(told(&of_two), [DUPLICATE]);
    two.send(2, 500).await.unwrap();
    assert_eq!(told(&of_two), [(Outcome::Failed, Some(Reason::HandlerStatus))]);
    let unsigned: [(&str, &str); 0] = [];
    one.receiver.begin(&unsigned).unwrap_err();
    let missing = RejectionKind::SignatureMissing;
    assert_eq!(told(&of_one), [(Outcome::Rejected, Some(Reason::Rejected(missing)))]);
    assert_eq!(told(&of_two), []);
    // The receiver's own observer is told of all.
    assert_eq!(bench.seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_to_the_observer_of_its_request() {
    let (bench, _) = Bench::new();
    let (one, of_one) = own(&bench);
    let headers = sign(&hostwares::provider(), body(1));
    let arriving = one.receiver.begin(&headers).unwrap();
    drop(one.receiver.receive(arriving, None::<Bytes>, no_deadline()));
    let incomplete = Reason::Rejected(RejectionKind::BodyIncomplete);
    assert_eq!(told(&of_one), [(Outcome::Rejected, Some(incomplete))]);
}
