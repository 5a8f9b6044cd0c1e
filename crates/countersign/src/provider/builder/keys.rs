//! What makes two deliveries the same event.

use super::{Id, ProviderBuilder};

impl ProviderBuilder {
    /// The body field with the event's id, which is then its key unless
    /// [`key_fields`](Self::key_fields) says otherwise. An event without it is keyed by its signed
    /// content.
    pub fn event_id(mut self, path: &str) -> Self {
        self.set(self.id.as_ref().map(Id::method), "event_id");
        self.id = Some(Id::Field(path.into()));
        self
    }

    /// The header with the event's id, which is then its key. It must be part of the signed
    /// content: an id that anyone can change makes every replay a new event.
    pub fn event_id_header(mut self, name: &str) -> Self {
        self.set(self.id.as_ref().map(Id::method), "event_id_header");
        self.id = Some(Id::Header(name.into()));
        self
    }

    /// The body fields that together make the event's key, for providers without an id. Name
    /// every field that tells two events apart: events with equal keys are one event here. If one
    /// of these is missing from a body, that event is keyed by its signed content.
    pub fn key_fields<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        self.set((!self.key_fields.is_empty()).then_some("key_fields"), "key_fields");
        self.key_fields = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Further fields of the key that some events do not have.
    pub fn optional_key_fields<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        let before = (!self.optional_key_fields.is_empty()).then_some("optional_key_fields");
        self.set(before, "optional_key_fields");
        self.optional_key_fields = paths.into_iter().map(Into::into).collect();
        self
    }

    /// An event without an id or key fields is keyed by its body alone, where the signed content
    /// would do by default. For providers that sign every retry with a time of its own and send
    /// nothing to tell events apart: their retries are then known again, and two events whose
    /// bodies are equal to the byte are one.
    pub fn key_by_body(mut self) -> Self {
        self.key_by_body = true;
        self
    }

    /// An event is forgotten as soon as it is handled. For providers whose different events can be equal
    /// to the byte, with nothing signed that tells them apart: Dropbox says "this account has changed"
    /// each time in the same words. Remembered, the second change would be taken for a duplicate, and
    /// lost. An endpoint can decide otherwise, with
    /// [`EndpointBuilder::forget_when_handled`](crate::EndpointBuilder::forget_when_handled).
    ///
    /// What holds: only what is proven is handled; while the handler runs, further deliveries of the
    /// same bytes are answered 503; and after a handler that failed, the next delivery is handled.
    /// What does **not** hold: that a handled event is not handled again. A retry whose first answer got
    /// lost is handled again, and so is every replay of a captured delivery: inside the window
    /// where there is one, without an end where there is none. The handler must be one that may run
    /// twice. If it calls `complete_in`, its event is remembered.
    pub fn forget_when_handled(mut self) -> Self {
        self.forgets = true;
        self
    }
}
