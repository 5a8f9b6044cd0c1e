//! Whether a receiver answered as it should.

use super::exchange::Answer;

/// What the answer should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The event is genuine and new.
    New,
    /// It is genuine. The receiver may have had it before.
    Known,
    /// It is forged or too old.
    Refused,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Duplicate,
    /// It is not handled, and kept for an operator.
    Parked,
    /// Come again later.
    Later,
    Refused,
    /// There is nobody here who takes webhooks.
    WrongPlace,
    /// A redirect, an error of the server, or something else.
    Failed,
    NoAnswer,
}

impl Verdict {
    pub(super) fn of(answer: &Answer) -> Self {
        let Ok((status, body)) = &answer.came else { return Self::NoAnswer };
        match status {
            208 => Self::Duplicate,
            200..=299 if says_duplicate(body) => Self::Duplicate,
            200..=299 if body.trim_ascii() == PARKED => Self::Parked,
            200..=299 => Self::Accepted,
            // Conflict, too early, too many requests, unavailable.
            409 | 425 | 429 | 503 => Self::Later,
            404 | 405 | 408 | 410 | 411 | 413..=415 => Self::WrongPlace,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }

    pub(super) fn is_right(self, expected: Expected) -> bool {
        match expected {
            Expected::New => self == Self::Accepted,
            Expected::Known => matches!(self, Self::Accepted | Self::Duplicate),
            Expected::Refused => self == Self::Refused,
        }
    }

    pub(super) fn sentence(self, expected: Expected, answer: &Answer) -> String {
        let is = match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "taken for a duplicate",
            Self::Parked => "parked, because its handler failed",
            Self::Later => "asked to come again",
            Self::Refused => "refused",
            Self::WrongPlace => "not a place that takes webhooks, or not such a request",
            Self::Failed => "failed",
            Self::NoAnswer => "not answered",
        };
        if self.is_right(expected) {
            return format!("{is}, as it should be");
        }
        let should = match expected {
            Expected::New => "is genuine and new, so it should be accepted (2xx)",
            Expected::Known => "is genuine, so it should be accepted, or be a duplicate (2xx)",
            Expected::Refused => {
                "is not genuine or not fresh, so it should be refused (401, or 400 or 403)"
            }
        };
        // What it mostly is.
        let ask = match (self, expected) {
            (Self::Refused, Expected::New | Expected::Known) => why_refused(answer),
            _ => "",
        };
        format!("WRONG: {is}; the delivery {should}{ask}")
    }
}

/// What to look at where a genuine delivery was refused.
fn why_refused(answer: &Answer) -> &'static str {
    match &answer.came {
        Ok((_, body)) if body.trim_ascii() == MISMATCH => {
            ". Its handler takes another type of event; the receiver's log says what does not fit"
        }
        Ok((400 | 401 | 403, _)) => ". Is --secret the same as the receiver's?",
        _ => ". The receiver's log says why",
    }
}

/// As countersign answers.
const MISMATCH: &[u8] = br#"{"error":"event_mismatch"}"#;
const PARKED: &[u8] = br#"{"status":"parked"}"#;

fn says_duplicate(body: &[u8]) -> bool {
    const WORD: &[u8] = b"duplicate";
    body.windows(WORD.len()).any(|word| word.eq_ignore_ascii_case(WORD))
}

/// Of copies that were sent at once, one is accepted. The others are duplicates, or are asked to come
/// again while that one is being handled.
pub(super) fn of_copies(verdicts: &[Verdict]) -> (bool, String) {
    let count = |wanted: Verdict| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let (accepted, duplicates) = (count(Verdict::Accepted), count(Verdict::Duplicate));
    let later = count(Verdict::Later);
    let others = verdicts.len() - accepted - duplicates - later;
    let what = format!(
        "{accepted} accepted, {duplicates} taken for duplicates, {later} asked to come again, {others} \
         answered otherwise"
    );
    if accepted == 1 && others == 0 {
        return (true, format!("{what}, as it should be"));
    }
    (
        false,
        format!(
            "WRONG: {what}; one should be accepted, and each other one be a duplicate or come again"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_copy_is_accepted_and_no_more() {
        use Verdict::{Accepted, Duplicate, Failed, Later};
        assert!(of_copies(&[Later, Accepted, Duplicate]).0);
        assert!(!of_copies(&[Accepted, Accepted, Duplicate]).0);
        assert!(!of_copies(&[Duplicate, Duplicate]).0);
        assert!(!of_copies(&[Accepted, Failed]).0);
    }

    #[test]
    fn each_answer_is_right_for_something() {
        for (verdict, right) in [
            (Verdict::Accepted, [true, true, false]),
            (Verdict::Duplicate, [false, true, false]),
            (Verdict::Parked, [false, false, false]),
            (Verdict::Later, [false, false, false]),
            (Verdict::Refused, [false, false, true]),
            (Verdict::WrongPlace, [false, false, false]),
            (Verdict::Failed, [false, false, false]),
            (Verdict::NoAnswer, [false, false, false]),
        ] {
            let expected = [Expected::New, Expected::Known, Expected::Refused];
            assert_eq!(expected.map(|expected| verdict.is_right(expected)), right, "{verdict:?}");
        }
    }
}
