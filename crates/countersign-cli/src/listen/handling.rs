//! What handles an event: a line on stdout, the user's program, or a closure.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use countersign::{Delivery, Outcome, Report};
use tokio::time::sleep;

use super::{Current, Mount};
use crate::forward::Forwarder;
use crate::output::{Explainer, Output};
use crate::record::{Record, Recording};
use crate::serve::Place;
use crate::signals::Stop;

/// How long lines may wait at the end for the reader of stdout: first those that are a delivery's
/// handling, then, all answered, the reports.
pub(crate) const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// A user's handler.
pub(crate) type Closure =
    dyn Fn(Delivery) -> Pin<Box<dyn Future<Output = u16> + Send>> + Send + Sync;

/// What handles events, and where their lines go.
#[derive(Clone)]
pub(crate) struct Handling {
    /// For endpoints that have nothing of their own.
    pub(crate) by: By,
    /// Where each request has its line; nothing in a library.
    pub(crate) output: Option<Output>,
    /// Says why deliveries are refused, where people read the lines.
    pub(crate) explainer: Option<Explainer>,
    pub(crate) stop: Stop,
}

/// What handles an event.
#[derive(Clone)]
pub(crate) enum By {
    /// The line on stdout is the handling.
    Printing(Output),
    Forwarding(Box<Forwarder>),
    Closure(Arc<Closure>),
}

/// A delivery's handler has this beside the delivery.
pub(crate) struct Work {
    pub(crate) content_type: Option<HeaderValue>,
    /// None for a replay, which has no connection.
    pub(crate) place: Option<Place>,
    pub(crate) recording: Recording,
    pub(crate) lease: Duration,
    /// The number of the request that this one repeats.
    pub(crate) replay_of: Option<u64>,
}

impl Handling {
    /// What handles the events of an endpoint.
    pub(crate) fn by<'a>(&'a self, mount: &'a Mount) -> &'a By {
        mount.by.as_ref().unwrap_or(&self.by)
    }

    /// Handles a delivery, and gives what to answer.
    pub(crate) async fn handle(&self, by: &By, delivery: &Delivery, work: Work) -> StatusCode {
        match by {
            By::Printing(output) => self.print(output, delivery, &work).await,
            By::Forwarding(forwarder) => forwarder.forward(delivery, work).await,
            By::Closure(handler) => {
                let status = handler(delivery.clone()).await;
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// Printing is the handling: what cannot be printed, or is not before the end, is not handled.
    async fn print(&self, output: &Output, delivery: &Delivery, work: &Work) -> StatusCode {
        let overdue = async {
            self.stop.clone().stopped().await;
            sleep(OUTPUT_GRACE).await;
        };
        let printed = tokio::select! {
            printed = output.print(delivery, &work.recording) => printed,
            () = overdue => false,
        };
        if printed { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
    }

    /// A delivery has come to its end.
    pub(crate) fn ended(&self, by: &By, record: &Record, report: &Report<'_>) {
        // Its line is written already where that was its handling.
        let is_printed = matches!(by, By::Printing(_)) && report.outcome == Outcome::Accepted;
        if let Some(output) = self.output.as_ref().filter(|_| !is_printed) {
            output.report(record, report.delivery);
        }
    }

    /// It is answered, and all of its body is there that will be.
    pub(crate) fn is_over(&self, current: &Arc<Current>, recording: &Recording) {
        if let Some(explainer) = &self.explainer {
            explainer.offer(current, recording);
        }
    }

    /// No endpoint has the request's path.
    pub(crate) fn not_found(&self, record: &Record) {
        if let Some(output) = &self.output {
            output.report(record, None);
        }
    }
}
