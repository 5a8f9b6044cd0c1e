//! Where verified deliveries go: `[PATTERN=]URL`, the first pattern that matches the event's type.

use axum::http::Uri;
use countersign::Delivery;

use super::pattern::Pattern;

/// The targets in the order given. There is at least one.
#[derive(Clone, Debug)]
pub(crate) struct Targets(Vec<Target>);

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) pattern: Pattern,
    pub(crate) url: Uri,
}

impl Targets {
    /// Those of `--forward-to`; none if it is not given.
    pub(crate) fn from_args(given: &[String]) -> Result<Option<Self>, String> {
        const OPTION: &str = "--forward-to";
        let mut targets = Vec::new();
        for given in given {
            let (pattern, url) = split(given);
            let pattern = pattern.map_or(Some(Pattern::everything()), Pattern::new);
            let pattern = pattern.ok_or_else(|| {
                format!(
                    "{OPTION} takes [PATTERN=]URL: there is nothing before the `=`; give a pattern \
                     such as invoice.*, or the URL alone for everything"
                )
            })?;
            targets.push(Target { pattern, url: super::parse(OPTION, url)? });
        }
        if targets.is_empty() {
            return Ok(None);
        }
        Self::new(targets).map(Some).map_err(|problem| format!("{OPTION}: {problem}"))
    }

    /// Checks that each can be reached.
    pub(crate) fn new(targets: Vec<Target>) -> Result<Self, String> {
        for (index, target) in targets.iter().enumerate() {
            let mut earlier = targets.iter().take(index).map(|target| &target.pattern);
            let pattern = target.pattern.as_str().escape_debug();
            if earlier.clone().any(|other| *other == target.pattern) {
                return Err(format!("the pattern {pattern} is given twice, and only one can hold"));
            }
            if earlier.any(Pattern::is_everything) {
                return Err(format!(
                    "the pattern {pattern} comes after one that matches everything, so it is never \
                     used; the first pattern that matches is used, so give {pattern} before it"
                ));
            }
        }
        Ok(Self(targets))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Target> {
        self.0.iter()
    }

    /// Whether an event can be without a target.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.iter().any(|target| target.pattern.is_everything())
    }

    /// The target of a delivery; nothing if no pattern matches.
    ///
    /// The type is the proven one, or where none is proven the one that a header claims. Whoever replays
    /// a genuine delivery with another claim can choose among these targets, and not change the body.
    pub(crate) fn of(&self, delivery: &Delivery) -> Option<&Target> {
        let event_type = delivery.event_type().or(delivery.unverified().event_type());
        self.of_type(event_type.unwrap_or_default())
    }

    fn of_type(&self, event_type: &str) -> Option<&Target> {
        self.0.iter().find(|target| target.pattern.matches(event_type))
    }
}

/// A pattern, if there is one, and the URL, which may have a `=` of its own.
fn split(given: &str) -> (Option<&str>, &str) {
    match given.split_once('=') {
        Some((pattern, url)) if !pattern.contains("://") => (Some(pattern), url),
        _ => (None, given),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(given: &[&str]) -> Result<Option<Targets>, String> {
        Targets::from_args(&given.iter().map(|given| (*given).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_pattern_that_matches_is_used() {
        let given = ["invoice.paid=http://a/", "invoice.*=http://b/?x=y", "http://c/?x=y"];
        let targets = targets(&given).unwrap().unwrap();
        for (event_type, host) in
            [("invoice.paid", "a"), ("invoice.sent", "b"), ("customer", "c"), ("", "c")]
        {
            assert_eq!(targets.of_type(event_type).unwrap().url.host(), Some(host), "{event_type}");
        }
    }

    #[test]
    fn an_event_may_match_none() {
        let targets = targets(&["invoice.*=http://a/", "y=http://b/"]).unwrap().unwrap();
        for event_type in ["customer", ""] {
            assert!(targets.of_type(event_type).is_none(), "{event_type}");
        }
        assert!(!targets.is_everything());
    }

    #[test]
    fn patterns_that_are_never_used_are_mistakes() {
        for (given, said) in [
            (&["http://a/", "http://b/"][..], "the pattern * is given twice"),
            (&["x=http://a/", "x=http://b/"], "the pattern x is given twice"),
            (&["http://a/", "x=http://b/"], "give x before it"),
            (&["=http://a/"], "nothing before the `=`"),
            (&["x="], "takes a URL"),
        ] {
            let error = targets(given).unwrap_err();
            assert!(error.starts_with("--forward-to") && error.contains(said), "{error}");
        }
        assert!(targets(&[]).unwrap().is_none());
    }
}
