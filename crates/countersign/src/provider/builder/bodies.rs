//! Which bodies a provider sends.

use super::ProviderBuilder;

impl ProviderBuilder {
    /// Some bodies are JSON with an array at the top.
    ///
    /// A path goes into an array with the step `0` (`0.eventId`, `events.0.id`), and only into one that
    /// has a single item. A delivery with several events has no event type and no id of its own, and is
    /// keyed by its signed content: two such deliveries may begin with the same event and differ in the
    /// others. Take `Webhook<Vec<T>>`.
    ///
    /// ```
    /// # use countersign::{Provider, Signature};
    /// let acme = Provider::builder("acme")
    ///     .hmac_sha256(Signature::header("X-Acme-Signature"))
    ///     .json_array()
    ///     .optional_event_type("0.type")
    ///     .event_id("0.id")
    ///     .build()?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn json_array(mut self) -> Self {
        self.bodies.array = true;
        self
    }

    /// Some bodies are forms (`application/x-www-form-urlencoded`), and the form is the event: Slack's
    /// commands. A path is the whole name of a field, and its value is text.
    ///
    /// What begins with `{` or `[` is JSON, and everything else a form. The `Content-Type` does not
    /// decide: it is not proven. A field that is looked at occurs once and is UTF-8, or the delivery is
    /// refused (400). Without this call, a form is a body that the provider does not send.
    ///
    /// With [`Part::SortedForm`](crate::Part::SortedForm) every body is a form, also without this call.
    /// The boundaries of its fields are not signed, so no path may lead into it.
    pub fn form(mut self) -> Self {
        self.bodies.form = true;
        self
    }

    /// Some bodies are forms, and the field of this name holds the event as JSON: GitHub's `payload`.
    /// It is read as if it were the body, also by [`FromDelivery`](crate::FromDelivery). A form without
    /// the field is refused (400) unless [`form`](Self::form) says that the form may be the event.
    /// One that has the field twice is refused.
    ///
    /// The choice is made as for [`form`](Self::form). With
    /// [`Part::SortedForm`](crate::Part::SortedForm) the form must have no other field.
    pub fn form_field(mut self, name: &str) -> Self {
        self.set(self.bodies.field.as_ref().map(|_| "form_field"), "form_field");
        self.bodies.field = Some(name.into());
        self
    }

    /// Some bodies are neither JSON nor forms, such as XML. Nothing is read from them: they have no
    /// event type and no id, and are keyed by their signed content.
    pub fn not_only_json(mut self) -> Self {
        self.bodies.other = true;
        self
    }
}
