//! A delivery that was captured, to be sent again.

use bytes::Bytes;

use super::{Outgoing, Sender, SignError, SignedRequest};
use crate::provider::TimeSource;

/// What belongs to a connection, and not to the delivery that came over it.
const OF_CONNECTION: [&str; 6] =
    ["host", "content-length", "connection", "transfer-encoding", "expect", "keep-alive"];

impl Sender {
    /// The event of a delivery that was captured, to be sent again with a new signature: its body, its id
    /// and its headers, without those that signing makes and those of the connection.
    ///
    /// # Errors
    ///
    /// [`SignError`] where the system has no random numbers.
    pub fn captured<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: impl Into<Bytes>,
    ) -> Result<Outgoing, SignError> {
        let id = self.provider.spec().id_header.as_ref();
        let mut event = Outgoing::bytes("", body)?;
        event.headers.clear();
        for (name, value) in headers.into_iter().filter(|(name, _)| self.keeps(name)) {
            if id.is_some_and(|id| id.as_str().eq_ignore_ascii_case(name)) {
                event = event.id(value);
            } else {
                event.headers.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(event)
    }

    /// Whether a header of this name belongs to the event of a captured delivery: it is not one that
    /// signing makes, nor of the connection.
    #[must_use]
    pub fn keeps(&self, header: &str) -> bool {
        let spec = self.provider.spec();
        let mut made =
            spec.scheme.proofs.iter().flat_map(|proof| proof.headers()).collect::<Vec<_>>();
        if let Some(TimeSource::Header { time, .. }) = &spec.time {
            made.push(&time.name);
        }
        made.extend(spec.required_time.as_ref().map(|time| &time.name));
        !made.iter().any(|other| other.as_str().eq_ignore_ascii_case(header))
            && is_of_delivery(&(header, ""))
    }

    /// A delivery that was captured, to be sent again as it is, with its own signature: a replay.
    ///
    /// # Errors
    ///
    /// [`SignError`] if no request has such a method or such headers.
    pub fn replay<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: impl Into<Bytes>,
    ) -> Result<SignedRequest, SignError> {
        let (method, origin, target) = self.line();
        let headers = headers.into_iter().filter(is_of_delivery);
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let body = body.into();
        headers.push(("content-length".to_owned(), body.len().to_string()));
        SignedRequest::new(method.to_owned(), origin.to_owned(), target.to_owned(), headers, body)
    }
}

fn is_of_delivery((name, _): &(&str, &str)) -> bool {
    !OF_CONNECTION.iter().any(|other| other.eq_ignore_ascii_case(name))
}
