//! Parts for the tests of actix-web alone.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_core::Stream;

/// A body that an outer middleware lets only so much through of.
pub struct LimitedPayload {
    pub payload: Payload,
    pub left: usize,
}

impl Stream for LimitedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(chunk) = ready!(Pin::new(&mut self.payload).poll_next(cx)?) else {
            return Poll::Ready(None);
        };
        let left = self.left.checked_sub(chunk.len());
        self.left = left.unwrap_or_default();
        Poll::Ready(Some(left.map(|_| chunk).ok_or(PayloadError::Overflow)))
    }
}

pub fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Sends what actix-web's middleware logs, which is through the `log` crate, where the thread's
/// other log goes.
pub fn access_log() {
    struct Forward;

    impl log::Log for Forward {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            metadata.target().starts_with("actix_web::middleware")
        }

        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                tracing::info!("{}", record.args());
            }
        }

        fn flush(&self) {}
    }

    if log::set_logger(&Forward).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}
