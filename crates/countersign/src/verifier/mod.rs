//! Steps 1 to 4 without I/O: begin with the headers, push chunks, finish.

mod head;
mod incoming;
mod proven;
mod verified;

pub use incoming::Incoming;
pub use proven::{Opened, Proven};
pub use verified::Verified;

use crate::endpoint::Endpoint;
use crate::provider::InFamily;
use crate::rejection::{Rejection, RejectionKind};
use crate::reply::Reply;
use crate::request_head::RequestHead;
use crate::scheme::Refused;
use crate::trace;
use head::{Head, is_packed};

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
        match self.replaced() {
            None if self.lookups().is_some() => Err(self.reject(RejectionKind::SecretsUnavailable)),
            None => self.judge(head),
            Some(now) => now.judge(head),
        }
    }

    /// Step 1 with these secrets, or with none where they are still to come.
    #[inline(never)]
    pub(crate) fn judge(&self, head: &(impl RequestHead + ?Sized)) -> Result<Incoming, Rejection> {
        let head = self.in_family(head).map_err(|kind| self.reject_head(kind))?;
        // Made of its parts where it is returned: to move it costs as much as to read a header.
        self.inner().secrets.keys.start(&head, |started| {
            let proving = match started {
                Ok(proving) => proving,
                Err(refused) => return Err(self.reject_head(self.trace(refused))),
            };
            let mut read = Head::default();
            match read.read_before_body(self, &head) {
                Ok(()) => read.move_to(|head| Ok(Incoming::new(self.clone(), proving, head))),
                Err(kind) => Err(self.reject_head(kind)),
            }
        })
    }

    /// Steps 1 to 3 for a body that is there already, as in a function that is called with the whole
    /// request, in a worker that takes deliveries from a queue, or in a test. It accepts and refuses
    /// what [`begin`](Self::begin), [`Incoming::push`] and [`Incoming::prove`] would: the method, the
    /// proof, a time in the headers and its window, the declared length and the body's limit. Nothing
    /// is copied or kept.
    ///
    /// This says that the delivery is genuine, not that it is new: **a replay within the window, or
    /// a retry, is verified again.** It also does not read the body: a time in the body is not held
    /// against the window, no handshake is answered, and there is no event key. For all of that give
    /// the delivery to a [`Receiver`](crate::Receiver), or call [`Incoming::finish`].
    ///
    /// ```
    /// use countersign::{Endpoint, RejectionKind, Secret, providers::hostwares};
    ///
    /// let endpoint = Endpoint::builder("hostwares", hostwares::provider())
    ///     .secret(Secret::new("your_webhook_signing_secret")?.labeled("2026"))
    ///     .build()?;
    /// # let headers = countersign::testing::Signer::new(
    /// #     &hostwares::provider(),
    /// #     &Secret::new("your_webhook_signing_secret")?,
    /// # )
    /// # .sign(br#"{"id":"evt_1"}"#);
    /// # let body = br#"{"id":"evt_1"}"#;
    ///
    /// // `headers` and `body` as the provider sent them: the proof is over the bytes.
    /// let verified = endpoint.verify(&headers, body)?;
    /// assert_eq!(verified.secret_label(), Some("2026"));
    ///
    /// let forged = endpoint.verify(&headers, br#"{"id":"evt_2"}"#).unwrap_err();
    /// assert_eq!(forged.kind(), RejectionKind::SignatureMismatch);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`Rejection`], as of those three. One that looks its secrets up
    /// ([`SecretsUnavailable`](RejectionKind::SecretsUnavailable)) needs a [`Receiver`](crate::Receiver).
    #[inline]
    pub fn verify(
        &self,
        head: &(impl RequestHead + ?Sized),
        body: &[u8],
    ) -> Result<Verified<'_>, Rejection> {
        let mut read = Head::default();
        if self.lookups().is_some() {
            return Err(self.reject(RejectionKind::SecretsUnavailable));
        }
        let replaced = self.replaced();
        let with = replaced.as_ref().unwrap_or(self);
        match with.matching_secret(head, body, &mut read) {
            Ok(secret) => Ok(Verified::new(self, replaced, secret, read.time)),
            Err(kind) => Err(self.reject_head(kind)),
        }
    }

    #[inline(always)]
    fn matching_secret(
        &self,
        head: &(impl RequestHead + ?Sized),
        body: &[u8],
        read: &mut Head,
    ) -> Result<usize, RejectionKind> {
        let head = self.in_family(head)?;
        let inner = self.inner();
        let rest = || {
            let read = read;
            read.read(self, &head)?;
            // Asked only where it matters.
            if read.length.is_some_and(|length| (body.len() as u64) < length) && is_packed(&head) {
                read.length = None;
            }
            self.judge_length(read, body)?;
            Ok(read.texts())
        };
        let content = &inner.provider.spec().scheme.content;
        let matched = inner.secrets.keys.verify(&head, content, body, rest);
        matched.map_err(|refused| self.trace(refused))
    }

    /// Whether a body that is there may be of this length.
    #[inline(always)]
    fn judge_length(&self, head: &Head, body: &[u8]) -> Result<(), RejectionKind> {
        if body.len() > self.max_body() {
            return Err(RejectionKind::BodyTooLarge);
        }
        // Servers should tell this themselves, and some have not. A token covers nothing of a body.
        if head.length.is_some_and(|length| (body.len() as u64) < length) {
            return Err(RejectionKind::BodyIncomplete);
        }
        Ok(())
    }

    /// Before step 1: the answer to a [handshake](crate::Handshake) that is not signed, or the
    /// rejection of one; nothing if the request is none. A [`Receiver`](crate::Receiver) asks this
    /// itself.
    #[inline]
    pub fn handshake(
        &self,
        head: &(impl RequestHead + ?Sized),
    ) -> Option<Result<Reply, Rejection>> {
        let inner = self.inner();
        let mut kinds = inner.provider.spec().handshakes.unsigned.iter();
        let answer = kinds
            .find_map(|kind| kind.answer(head, inner.verify_token.as_deref(), &inner.allow))?;
        Some(answer.map(Reply::handshake_answered).map_err(|kind| self.reject(kind)))
    }

    /// A head whose method is accepted, in the family of its proof.
    #[inline(always)]
    fn in_family<'h, H: RequestHead + ?Sized>(
        &'h self,
        head: &'h H,
    ) -> Result<InFamily<'h, H>, RejectionKind> {
        let inner = self.inner();
        let method = head.method();
        if !inner.methods.iter().any(|accepted| **accepted == *method) {
            return Err(RejectionKind::MethodNotAllowed);
        }
        match &inner.provider.spec().families {
            None => Ok(InFamily::usual(head)),
            Some(families) => families.read(head).map_err(|refused| self.trace(refused)),
        }
    }

    fn trace(&self, Refused { kind, header }: Refused<'_>) -> RejectionKind {
        if let Some(header) = header {
            trace::header_refused(self, header, kind);
        }
        kind
    }
}
