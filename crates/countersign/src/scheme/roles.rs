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
        let keyed = self.key_all(secrets)?.0.into_iter();
        Ok(Keyed(keyed.filter(|keys| keys.used().next().is_some()).collect()))
    }

    /// The keys of nobody, for a delivery that no secrets are known for: it goes the way of one whose
    /// proof is wrong.
    #[cfg(feature = "resolver")]
    pub(crate) fn unknown_keys(&self, random: &[u8; 32]) -> Keyed {
        Keyed(self.proofs.iter().map(|proof| proof.unknown_key(random)).collect())
    }

    /// As [`key`](Self::key), and every proof is there, also one that none of the secrets is for: what a head shows can
    /// be read without any secret, and held against each set.
    pub(crate) fn key_all(&self, secrets: &[Secret]) -> Result<Keyed, BadSecret> {
        self.key_some(&secrets.iter().enumerate().collect::<Vec<_>>())
    }

    /// The same for some of the secrets. Each has its place among all of them.
    pub(crate) fn key_some(&self, secrets: &[(usize, &Secret)]) -> Result<Keyed, BadSecret> {
        let (mut public, mut shared) = (Vec::new(), Vec::new());
        for &(index, secret) in secrets {
            match self.role(secret) {
                Some(Role::PublicKey) => public.push((index, secret)),
                Some(Role::Shared) => shared.push((index, secret)),
                Some(Role::Untold) => return Err(BadSecret::Ambiguous { index }),
                None => {
                    let said_public = secret.role() == Role::PublicKey;
                    let meant = |proof: &&Proof| !said_public || proof.takes_public_keys();
                    let meant = self.proofs.iter().find(meant).or(self.proofs.first());
                    let expected = meant.map_or("", Proof::expected);
                    return Err(BadSecret::Unusable { index, expected });
                }
            }
        }
        let key =
            |proof: &Proof| proof.key(if proof.takes_public_keys() { &public } else { &shared });
        Ok(Keyed(self.proofs.iter().map(key).collect()))
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
        let text = secret.expose();
        let says = |public: bool| of(public).any(|proof| proof.has_own_form(text));
        match (public, shared, secret.role()) {
            (true, _, Role::PublicKey) | (true, false, Role::Untold) => Some(Role::PublicKey),
            (_, true, Role::Shared) => Some(Role::Shared),
            (true, true, Role::Untold) => Some(match [true, false].map(says) {
                [true, false] => Role::PublicKey,
                [false, true] => Role::Shared,
                _ => Role::Untold,
            }),
            // A public key that is broken, or of another kind, is still known to everybody.
            (false, true, Role::Untold) => {
                let like_public = of(true).any(|proof| proof.is_like_public_key(text));
                Some(if like_public && !says(false) { Role::Untold } else { Role::Shared })
            }
            _ => None,
        }
    }
}
