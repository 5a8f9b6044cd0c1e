//! Patterns over event types: `invoice.*`.

/// A pattern, in which `*` stands for any run of characters, dots too. It is compared with the whole
/// type, and upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Box<str>);

impl Pattern {
    /// The pattern of everything.
    pub(crate) fn everything() -> Self {
        Self("*".into())
    }

    /// Nothing if it is empty.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        (!pattern.is_empty()).then(|| Self(pattern.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether events without a type match too.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }

    /// Whether this type matches. It takes as long as the type is, whatever the pattern.
    pub(crate) fn matches(&self, event_type: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = pieces.next().and_then(|first| event_type.strip_prefix(first)) else {
            return false;
        };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        for piece in pieces {
            let Some((_, after)) = rest.split_once(piece) else { return false };
            rest = after;
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, matching, others) in [
            (
                "invoice.paid",
                &["invoice.paid"][..],
                &["invoice.paid.x", "invoice", "", "INVOICE.PAID"][..],
            ),
            (
                "invoice.*",
                &["invoice.", "invoice.paid", "invoice.a.b"],
                &["invoice", "x.invoice.paid"],
            ),
            ("*.paid", &[".paid", "invoice.paid", "a.b.paid"], &["paid", "invoice.paid.x"]),
            ("*", &["", "anything"], &[]),
            ("**", &["", "anything"], &[]),
            ("a*a", &["aa", "aba", "aaa"], &["a", "ab"]),
            ("a*b*c", &["abc", "a-b-c", "abcbc"], &["acb", "ab", "abcd"]),
            ("a*bc*c", &["abcc", "abc.c"], &["abc"]),
            ("*é*", &["é", "caféx"], &["e"]),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            for event_type in matching {
                assert!(pattern.matches(event_type), "{pattern:?} {event_type:?}");
            }
            for event_type in others {
                assert!(!pattern.matches(event_type), "{pattern:?} {event_type:?}");
            }
        }
        assert_eq!(Pattern::new(""), None);
    }
}
