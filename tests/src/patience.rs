//! Limits for what must not wait, which a machine that stands still does not use up.

use std::time::Duration;

use tokio::time::sleep;

const STEP: Duration = Duration::from_millis(10);

/// What a future gives, if it takes less than this. The time is counted in small steps, and a step in which the
/// whole machine stood still is one step.
pub async fn promptly<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let end = async {
        for _ in 0..limit.as_millis() / STEP.as_millis() {
            sleep(STEP).await;
        }
    };
    tokio::select! {
        biased;
        output = future => Some(output),
        () = end => None,
    }
}

/// The same, for what must be so.
///
/// # Panics
///
/// It is not.
pub async fn quickly<F: Future>(limit: Duration, future: F) -> F::Output {
    promptly(limit, future).await.unwrap_or_else(|| panic!("it takes longer than {limit:?}"))
}

#[tokio::test]
async fn a_step_that_takes_long_is_one_step() {
    let work = async {
        sleep(STEP / 2).await;
        std::thread::sleep(20 * STEP);
        sleep(STEP / 2).await;
    };
    assert!(promptly(10 * STEP, work).await.is_some());
    assert!(promptly(10 * STEP, std::future::pending::<()>()).await.is_none());
}
