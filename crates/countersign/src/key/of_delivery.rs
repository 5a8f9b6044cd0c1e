//! Which of a delivery's facts are its event's key: the decision, in one place.

use super::{EventKey, KeyHasher};
use crate::envelope::{Slot, Value};
use crate::provider::Spec;
use crate::scheme::Texts;
use crate::scheme::content::Part;

/// What makes two deliveries the same event.
#[derive(Clone, Debug)]
pub(crate) enum KeySpec {
    /// The signed content.
    Content,
    /// The event's id, else the signed content.
    Id,
    /// These fields of the body; if a required one is missing, the signed content.
    Fields { required: Box<[Slot]>, optional: Box<[Slot]> },
}

/// A proven delivery, as its key is made of it.
pub(crate) struct KeySource<'d> {
    pub(crate) spec: &'d Spec,
    pub(crate) texts: &'d Texts,
    pub(crate) body: &'d [u8],
    /// The value of a field that the envelope looked for.
    pub(crate) value: &'d dyn Fn(Slot) -> Option<&'d Value<'d>>,
}

impl KeySource<'_> {
    /// The signed id; else the signed key fields; else the signed content.
    pub(crate) fn key(&self, hasher: KeyHasher) -> EventKey {
        match &self.spec.key {
            KeySpec::Id => match self.spec.id {
                None => return hasher.id(self.texts.id()),
                Some(slot) => {
                    if let Some(id) = (self.value)(slot).filter(names) {
                        return hasher.fields([Some(id)].into_iter());
                    }
                }
            },
            KeySpec::Fields { required, optional } => {
                let all_there =
                    required.iter().all(|slot| (self.value)(*slot).filter(names).is_some());
                let none_odd =
                    optional.iter().all(|slot| (self.value)(*slot) != Some(&Value::Other));
                if all_there && none_odd {
                    return hasher
                        .fields(required.iter().chain(optional).map(|slot| (self.value)(*slot)));
                }
            }
            KeySpec::Content => {}
        }
        self.of_content(hasher)
    }

    /// The signed content, and what headers claim where the content may be the same for two events.
    fn of_content(&self, hasher: KeyHasher) -> EventKey {
        let [claimed_type, claimed_id, claimed_channel, _] = self.texts.unverified();
        let content = &self.spec.scheme.content;
        let covered = self.spec.scheme.covers_content();
        // Whoever has the token could change the body just as well, and bodies may be equal or empty.
        let [claimed_id, claimed_channel] =
            [claimed_id, claimed_channel].map(|claim| if covered { &[] } else { claim });
        hasher.content([claimed_type, claimed_id, claimed_channel], |sink| {
            if !covered || self.spec.key_by_body && !content.contains(&Part::SortedForm) {
                return sink(self.body);
            }
            if self.spec.key_by_body {
                // The order of the fields as sent is not signed.
                return content.feed_body(self.body, sink);
            }
            content.feed_before(self.texts, &mut *sink);
            content.feed_body(self.body, &mut *sink);
            content.feed_after(self.texts, sink);
        })
    }
}

/// Whether a value can tell events apart.
fn names(value: &&Value<'_>) -> bool {
    match value {
        Value::Text(text) => !text.is_empty(),
        Value::Integer(_) | Value::Bool(_) => true,
        Value::Other => false,
    }
}
