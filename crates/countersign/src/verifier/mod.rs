//! Steps 1 to 4 without I/O: begin with the headers, push chunks, finish.

mod head;
mod incoming;
mod proven;

pub use incoming::Incoming;
pub use proven::Proven;

use crate::endpoint::{Endpoint, Keys};
use crate::headers::Headers;
use crate::rejection::{Rejection, RejectionKind};
use crate::scheme::Scheme;
use crate::scheme::content::SignedContent;
use crate::scheme::hmac::Candidates;
use crate::trace;
use head::Head;

impl Endpoint {
    /// Step 1: judges a delivery by its method and headers alone. A shared token is proven here.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use countersign::{Endpoint, RejectionKind, Secret, Signature, Provider};
    ///
    /// // The example in GitHub's "Validating webhook deliveries".
    /// let github = Provider::builder("github")
    ///     .hmac_sha256(Signature::header("X-Hub-Signature-256").prefix("sha256="))
    ///     .build()?;
    /// let endpoint = Endpoint::builder("github", github)
    ///     .secret(Secret::new("It's a Secret to Everybody")?)
    ///     .build()?;
    /// let headers = [(
    ///     "X-Hub-Signature-256",
    ///     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    /// )];
    ///
    /// let mut incoming = endpoint.begin(&headers)?;
    /// incoming.push(Bytes::from_static(b"Hello, "))?;
    /// incoming.push(Bytes::from_static(b"World!"))?;
    /// assert_eq!(incoming.finish()?.body(), "Hello, World!");
    ///
    /// let unsigned: [(&str, &str); 0] = [];
    /// assert_eq!(endpoint.begin(&unsigned).unwrap_err().kind(), RejectionKind::SignatureMissing);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`Rejection`]: of the method, the signature or token, the id, the time, or the declared
    /// length.
    #[inline]
    pub fn begin(&self, headers: &(impl Headers + ?Sized)) -> Result<Incoming, Rejection> {
        match self.read_head(headers) {
            Ok((proof, head)) => Ok(Incoming::new(self.clone(), proof, head)),
            Err(kind) => Err(self.reject_head(kind)),
        }
    }

    fn read_head(&self, headers: &(impl Headers + ?Sized)) -> Result<(Proof, Head), RejectionKind> {
        let inner = self.inner();
        let method = headers.method();
        if !inner.methods.iter().any(|accepted| **accepted == *method) {
            return Err(RejectionKind::MethodNotAllowed);
        }
        match (&inner.provider.spec().scheme, &inner.keys) {
            (Scheme::Hmac { signature, content }, Keys::Hmac(_)) => {
                let candidates = signature.read(headers).inspect_err(|kind| {
                    trace::header_refused(self, &signature.header, *kind);
                })?;
                Ok((Proof::Mac(candidates), Head::read(self, headers, content)?))
            }
            (Scheme::Token(token), Keys::Token(keys)) => {
                let secret = token
                    .check(headers, keys)
                    .inspect_err(|kind| trace::header_refused(self, &token.header, *kind))?;
                Ok((Proof::Token(secret), Head::read(self, headers, &SignedContent::body_only())?))
            }
            // The builder prepares the keys by the scheme.
            _ => Err(RejectionKind::SignatureMismatch),
        }
    }
}

/// The proof that a head carries.
enum Proof {
    /// These signatures, one of which must be the MAC.
    Mac(Candidates),
    /// A token, which is this secret.
    Token(usize),
}
