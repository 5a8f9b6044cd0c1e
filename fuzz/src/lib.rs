//! What the targets share: a MAC that is not countersign's, a clock that stands still, bodies in
//! chunks.

pub mod json;
#[path = "../../tests/reference/mod.rs"]
pub mod reference;
pub mod senders;
pub mod time;

use std::time::{Duration, SystemTime};

use arbitrary::Arbitrary;
use bytes::Bytes;
use countersign::{Delivery, Endpoint, ManualClock, Rejection, RequestHead};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The time of day in every target, in seconds since 1970: 2024-05-23T15:10:00Z.
pub const NOW: u64 = 1_716_477_000;

/// [`NOW`] as a body's time.
pub const NOW_TEXT: &str = "2024-05-23T15:10:00Z";

/// A clock that shows [`NOW`].
pub fn clock() -> ManualClock {
    ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

/// HMAC-SHA256 over the parts, one after the other.
pub fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Where to cut a body into chunks; the same place twice makes an empty chunk.
#[derive(Arbitrary, Debug)]
pub struct Cuts(Vec<u16>);

impl Cuts {
    pub fn chunks(&self, body: &[u8]) -> Vec<Bytes> {
        let mut cuts: Vec<usize> = self.0.iter().take(16).map(|cut| usize::from(*cut)).collect();
        cuts.iter_mut().for_each(|cut| *cut %= body.len() + 1);
        cuts.sort_unstable();
        cuts.push(body.len());
        let mut start = 0;
        let cut = |end| {
            let chunk = Bytes::copy_from_slice(&body[start..end]);
            start = end;
            chunk
        };
        cuts.into_iter().map(cut).collect()
    }
}

/// Steps 1 to 4.
pub fn receive(
    endpoint: &Endpoint,
    headers: &(impl RequestHead + ?Sized),
    chunks: Vec<Bytes>,
) -> Result<Delivery, Rejection> {
    let mut incoming = endpoint.begin(headers)?;
    chunks.into_iter().try_for_each(|chunk| incoming.push(chunk))?;
    incoming.finish()
}
