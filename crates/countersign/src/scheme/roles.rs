//! Which of a provider's proofs a secret is for.

use super::{Keyed, Proof, Scheme};
use crate::secret::{Role, Secret};

/// Why a secret cannot be used.
pub(crate) enum BadSecret {
    /// No delivery can match it. What it should have been.
    Unusable { index: usize, expected: &'static str },
    /// It may be a public key, or the secret of another proof.
    Ambiguous { index: usize },
}

impl Scheme {
    /// Prepares the secrets. Each must be of use for one of the proofs.
    pub(crate) fn key(&self, secrets: &[Secret]) -> Result<Keyed, BadSecret> {
        let (mut public, mut shared) = (Vec::new(), Vec::new());
        for (index, secret) in secrets.iter().enumerate() {
            match self.role(secret) {
                Some(Role::PublicKey) => public.push((index, secret)),
                Some(Role::Shared) => shared.push((index, secret)),
                Some(Role::Untold) => return Err(BadSecret::Ambiguous { index }),
                None => {
                    let expected = self.proofs.first().map_or("", Proof::expected);
                    return Err(BadSecret::Unusable { index, expected });
                }
            }
        }
        let key =
            |proof: &Proof| proof.key(if proof.takes_public_keys() { &public } else { &shared });
        let keyed = self.proofs.iter().map(key);
        Ok(Keyed(keyed.filter(|keys| keys.used().next().is_some()).collect()))
    }

    /// What a secret is to this provider: nothing if no proof can use it, and untold if it could be
    /// either.
    ///
    /// Everybody knows a public key. As text or base64 it would do for a MAC or a token too, and then
    /// everybody could make that proof; so it is never used for both, and never by a guess.
    fn role(&self, secret: &Secret) -> Option<Role> {
        let of = |public: bool| {
            self.proofs.iter().filter(move |proof| proof.takes_public_keys() == public)
        };
        let is_used = |proof: &Proof| proof.key(&[(0, secret)]).used().next().is_some();
        let [public, shared] = [true, false].map(|public| of(public).any(is_used));
        match (public, shared, secret.role()) {
            (true, _, Role::PublicKey) | (true, false, Role::Untold) => Some(Role::PublicKey),
            (_, true, Role::Shared) | (false, true, Role::Untold) => Some(Role::Shared),
            (true, true, Role::Untold) => {
                let text = secret.expose();
                let says = |public: bool| of(public).any(|proof| proof.has_own_form(text));
                Some(match [true, false].map(says) {
                    [true, false] => Role::PublicKey,
                    [false, true] => Role::Shared,
                    _ => Role::Untold,
                })
            }
            _ => None,
        }
    }
}
