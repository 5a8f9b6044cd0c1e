//! HMAC with SHA-1, SHA-256 or SHA-512.

use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore, UpdateCore};
use hmac::{EagerHash, KeyInit};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::algorithm::{Algorithm, Keys};
use super::candidates::Candidates;
use super::mac_texts;
use super::signature::Signature;
use crate::encoding::Encoding;

/// A MAC that is being computed. It is what [`hmac::Hmac`] is, which would be moved three times to be
/// started and finished, and to move it costs as much as to feed it a block.
pub(crate) struct Mac<H: EagerHash> {
    core: HmacCore<H>,
    buffer: Buffer<HmacCore<H>>,
}

impl<H: EagerHash> Mac<H> {
    #[inline(always)]
    fn new(key: &HmacCore<H>) -> Self {
        Self { core: key.clone(), buffer: Buffer::<HmacCore<H>>::default() }
    }

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        let core = &mut self.core;
        self.buffer.digest_blocks(bytes, |blocks| core.update_blocks(blocks));
    }

    /// Writes the MAC to where it can be wiped. Nothing can be done with what is left.
    #[inline]
    fn finish(&mut self, mac: &mut Output<HmacCore<H>>) {
        self.core.finalize_fixed_core(&mut self.buffer, mac);
    }
}

macro_rules! mac {
    ($name:ident, $hash:ty, bytes: $bytes:literal, words: $words:literal, second: $second:ty, hex: $hex:literal, $hex_words:literal) => {
        pub(crate) struct $name;

        impl Algorithm for $name {
            type Key = HmacCore<$hash>;
            type Candidate = [u64; $words];
            type Second = $second;
            type Running = Mac<$hash>;

            fn keys(signature: &Signature, secret: &[u8]) -> Vec<Self::Key> {
                let readings = signature.secret.read(secret);
                readings.iter().filter_map(|key| HmacCore::new_from_slice(key).ok()).collect()
            }

            #[cfg(feature = "resolver")]
            fn unknown(random: &[u8; 32]) -> Option<Self::Key> {
                HmacCore::new_from_slice(random).ok()
            }

            fn expected(signature: &Signature) -> &'static str {
                signature.secret.expected()
            }

            #[inline]
            fn decode(encoding: Encoding, text: &[u8]) -> Option<Self::Candidate> {
                encoding.decode::<$bytes>(text).map(|bytes| words(&bytes))
            }

            #[inline]
            fn may_be_one(encoding: Encoding, text: &[u8]) -> bool {
                mac_texts::read::<$bytes, $hex, $hex_words>(encoding, text).is_some()
            }

            fn length(encoding: Encoding) -> Option<usize> {
                mac_texts::length::<$bytes>(encoding)
            }

            #[inline]
            fn start(key: &Self::Key) -> Self::Running {
                Mac::new(key)
            }

            #[inline]
            fn feed(running: &mut Self::Running, bytes: &[u8]) {
                running.update(bytes);
            }

            /// One MAC is compared with every candidate, in a time that depends on their number
            /// alone. It is wiped if none fits: over a forged body it would be the forger's
            /// missing piece.
            #[inline(always)]
            fn verify(
                running: &mut Self::Running,
                _: &Self::Key,
                signature: &Signature,
                shown: &Candidates<Self>,
            ) -> bool {
                let mut bytes = [0; $bytes];
                running.finish((&mut bytes).into());
                let mac: Zeroizing<[u64; $words]> = Zeroizing::new(words(&bytes));
                let mut any = equal(shown.first(), &mac);
                if let Some(second) = shown.second() {
                    any |= equal(second, &mac);
                }
                if shown.has_more() {
                    any |= mac_texts::any_is::<$bytes, $hex, $hex_words>(
                        signature.encoding,
                        shown.more(signature),
                        &bytes,
                    );
                }
                let any = bool::from(any);
                if !any {
                    // If it is one of theirs, the sender knows it already.
                    bytes.zeroize();
                }
                any
            }
        }
    };
}

#[cfg(feature = "sha1")]
mac!(HmacSha1, sha1::Sha1, bytes: 20, words: 3, second: [u64; 3], hex: 40, 5);
mac!(HmacSha256, sha2::Sha256, bytes: 32, words: 4, second: [u64; 4], hex: 64, 8);
mac!(HmacSha512, sha2::Sha512, bytes: 64, words: 8, second: Box<[u64; 8]>, hex: 128, 16);

/// The MAC of a short text under the secret at this index, for handshakes.
pub(super) fn hmac_sha256(keys: &Keys<HmacSha256>, secret: usize, text: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Mac::<sha2::Sha256>::new(keys.of_secret(secret)?);
    mac.update(text);
    let mut bytes = [0; 32];
    mac.finish((&mut bytes).into());
    Some(bytes)
}

/// Compares in constant time, eight bytes at a step.
#[inline]
fn equal<const WORDS: usize>(left: &[u64; WORDS], right: &[u64; WORDS]) -> Choice {
    let pairs = left.iter().zip(right);
    pairs.fold(0, |difference, (left, right)| difference | (left ^ right)).ct_eq(&0)
}

/// Bytes as words, which is how they are compared, and wiped at a fraction of the cost.
#[inline]
pub(super) fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let (whole, rest) = bytes.as_chunks::<8>();
    let mut places = words.iter_mut();
    // In this order: the other would take a place for the chunk that is not there.
    for (bytes, place) in whole.iter().zip(places.by_ref()) {
        *place = u64::from_ne_bytes(*bytes);
    }
    let mut last = [0; 8];
    if let (Some(place), Some(start)) = (places.next(), last.get_mut(..rest.len())) {
        start.copy_from_slice(rest);
        *place = u64::from_ne_bytes(last);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_bit_counts<A: Algorithm>(bytes: usize) {
        let signature = Signature::header("x");
        let key = A::keys(&signature, b"a secret").remove(0);
        let mac = |content: &[u8]| {
            let mut running = A::start(&key);
            A::feed(&mut running, content);
            running
        };
        let holds = |text: &[u8]| {
            let shown = A::decode(Encoding::Hex, text).unwrap();
            A::verify(&mut mac(b"content"), &key, &signature, &Candidates::one(shown))
        };
        let right = right_mac(bytes);
        assert!(holds(right.as_bytes()));
        for place in 0..right.len() {
            let mut wrong = right.clone().into_bytes();
            wrong[place] = if wrong[place] == b'0' { b'1' } else { b'0' };
            assert!(!holds(&wrong), "digit {place} of {bytes} bytes does not count");
        }
    }

    /// The MAC of `content` under `a secret`, by OpenSSL 3.0:
    /// `printf content | openssl dgst -sha1 -hmac 'a secret'`.
    fn right_mac(bytes: usize) -> String {
        match bytes {
            20 => "68ab31aa0d90f88d150a0330c6c8e49b0315527b",
            32 => "a7f7f53d947699db006c7789ac088ecfd1402d2068f3d619c9f86136e4c2e2de",
            _ => "143a2503b4216a7e42ded1f0e2511d4af2f20e364766001b7bc6dcdd5d94df77cefc7e52bb53268352a9fb18f4f0a17211c8e03ecd83ad83fc5e79a2d4643adb",
        }
        .to_owned()
    }

    #[test]
    fn every_bit_of_a_mac_counts() {
        #[cfg(feature = "sha1")]
        every_bit_counts::<HmacSha1>(20);
        every_bit_counts::<HmacSha256>(32);
        every_bit_counts::<HmacSha512>(64);
    }
}
