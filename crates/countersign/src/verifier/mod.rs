//! Steps 1 to 4 without I/O: begin with the headers, push chunks, finish.

mod head;
mod incoming;
mod proven;

pub use incoming::Incoming;
pub use proven::{Opened, Proven};

use crate::endpoint::Endpoint;
use crate::rejection::{Rejection, RejectionKind};
use crate::reply::Reply;
use crate::request_head::RequestHead;
use crate::scheme::{Proving, Refused};
use crate::trace;
use head::Head;

impl Endpoint {
    /// Step 1: judges a delivery by its method, target and headers alone. A shared token is proven here.
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
    pub fn begin(&self, head: &(impl RequestHead + ?Sized)) -> Result<Incoming, Rejection> {
        match self.read_head(head) {
            Ok((proving, head)) => Ok(Incoming::new(self.clone(), proving, head)),
            Err(kind) => Err(self.reject_head(kind)),
        }
    }

    /// Before step 1: the answer to a [handshake](crate::Handshake) that nobody signs, or the
    /// rejection of one; nothing if the request is none. A [`Receiver`](crate::Receiver) asks this
    /// itself.
    #[inline]
    pub fn handshake(
        &self,
        head: &(impl RequestHead + ?Sized),
    ) -> Option<Result<Reply, Rejection>> {
        let inner = self.inner();
        let mut kinds = inner.provider.spec().handshakes.unsigned.iter();
        let answer =
            kinds.find_map(|kind| kind.answer(head, inner.verify_token.as_ref(), &inner.allow))?;
        Some(answer.map(Reply::handshake_answered).map_err(|kind| self.reject(kind)))
    }

    #[inline(always)]
    fn read_head(
        &self,
        request: &(impl RequestHead + ?Sized),
    ) -> Result<(Proving, Head), RejectionKind> {
        let inner = self.inner();
        let method = request.method();
        if !inner.methods.iter().any(|accepted| **accepted == *method) {
            return Err(RejectionKind::MethodNotAllowed);
        }
        match &inner.provider.spec().families {
            None => self.read_proof(request),
            Some(families) => match families.read(request) {
                Ok(request) => self.read_proof(&request),
                Err(refused) => Err(self.trace(refused)),
            },
        }
    }

    #[inline(always)]
    fn read_proof(
        &self,
        request: &(impl RequestHead + ?Sized),
    ) -> Result<(Proving, Head), RejectionKind> {
        let inner = self.inner();
        let scheme = &inner.provider.spec().scheme;
        let rest = || Head::read(self, request, scheme);
        inner.keys.start(request, rest).map_err(|refused| self.trace(refused))
    }

    fn trace(&self, Refused { kind, header }: Refused<'_>) -> RejectionKind {
        if let Some(header) = header {
            trace::header_refused(self, header, kind);
        }
        kind
    }
}
