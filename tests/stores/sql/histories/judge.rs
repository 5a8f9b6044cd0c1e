//! What the calls about one event say against each other. Nobody knows when within its call a statement
//! took effect, so only what must be wrong is.

use std::collections::HashMap;
use std::time::Duration;

use countersign::{Claimed, Settled};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Claim(Duration),
    Complete(Duration),
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    Claimed(Claimed),
    Settled(Settled),
    /// It failed, or its caller left: whether it took effect is open.
    Open,
}

/// Times count from the test's beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) event: u32,
    pub(super) who: [u8; 16],
    pub(super) what: What,
    pub(super) start: Duration,
    pub(super) end: Duration,
    pub(super) answer: Answer,
}

/// What is answered for a row that stays locked.
const LOCKED: Duration = Duration::from_secs(1);
/// How long a statement may take effect after its caller left. It is given up after half a second.
const LATE: Duration = Duration::from_secs(5);
/// The database has another clock, and cuts off what is less than a microsecond.
const SLACK: Duration = Duration::from_millis(2);

const FRESH: Answer = Answer::Claimed(Claimed::Fresh);
const SETTLED: Answer = Answer::Settled(Settled::Settled);

type Span = (Duration, Duration);

impl Call {
    fn is_answered(&self) -> bool {
        self.answer != Answer::Open
    }

    fn settles(&self) -> bool {
        !matches!(self.what, What::Claim(_))
    }

    /// When it has taken effect, if it does.
    fn latest(&self) -> Duration {
        if self.is_answered() { self.end } else { self.end + LATE }
    }

    fn is_within(&self, (from, to): Span) -> bool {
        from <= self.start && self.end <= to
    }

    /// While this claim certainly held, whichever of its token's calls overtook which, but for one.
    fn held(&self, own: &[Call], but: Option<&Call>) -> Option<Span> {
        let (What::Claim(_), FRESH) = (self.what, self.answer) else { return None };
        let others = own.iter().filter(|call| {
            call.latest() >= self.start && but.is_none_or(|but| !std::ptr::eq(*call, but))
        });
        // Among them is this one.
        let ends = others.map(|call| match call.what {
            What::Claim(lease) => call.start + lease,
            _ => call.start,
        });
        Some((self.end, ends.min()?.saturating_sub(SLACK)))
    }

    /// While this completion was certainly remembered.
    fn done(&self, own: &[Call]) -> Option<Span> {
        let (What::Complete(_), SETTLED) = (self.what, self.answer) else { return None };
        let ends = own.iter().filter_map(|call| match call.what {
            What::Complete(time) => Some(call.start + time),
            _ => None,
        });
        Some((self.end, ends.min()?.saturating_sub(SLACK)))
    }
}

/// What must be wrong.
pub(super) fn judge(calls: &[Call]) -> Vec<(&'static str, Call)> {
    let mut by = HashMap::<_, Vec<Call>>::new();
    calls.iter().for_each(|call| by.entry(call.who).or_default().push(*call));
    let of = |call: &Call| by.get(&call.who).map_or(&[][..], Vec::as_slice);
    let spans = |span: &dyn Fn(&Call) -> Option<Span>| -> Vec<_> {
        let spans = calls.iter().filter_map(|call| Some((call.who, span(call)?)));
        spans.filter(|(_, (from, to))| from < to).collect()
    };
    let holds = spans(&|call| call.held(of(call), None));
    let dones = spans(&|call| call.done(of(call)));
    let mut wrong = Vec::new();
    for call in calls {
        let own = by.get(&call.who).map_or(&[][..], Vec::as_slice);
        // In `own`, so that it can be left out.
        let Some(this) = own.iter().find(|own| own.start == call.start && own.end == call.end)
        else {
            continue;
        };
        let is_anothers = |span: &&([u8; 16], Span)| span.0 != call.who;
        let in_hold = holds.iter().filter(is_anothers).any(|(_, span)| call.is_within(*span));
        let is_done = dones.iter().any(|(_, span)| call.is_within(*span));
        let mut says = |is_wrong: bool, why| {
            if is_wrong {
                wrong.push((why, *call));
            }
        };
        match (call.what, call.answer) {
            (What::Claim(lease), Answer::Claimed(claimed)) => {
                says(is_done && claimed != Claimed::Done, "it is handled");
                says(
                    in_hold && !matches!(claimed, Claimed::InFlight { .. }),
                    "another one holds it",
                );
                match claimed {
                    Claimed::Fresh => {
                        let has_ended = |own: &Call| {
                            own.what == What::Release && own.is_answered() && own.end < call.start
                        };
                        says(own.iter().any(has_ended), "a released token claims");
                        let mine = (call.end, call.held(own, None).map_or(call.end, |span| span.1));
                        let both = |span: Span| span.0.max(mine.0) < span.1.min(mine.1);
                        let two = holds.iter().filter(is_anothers).any(|(_, span)| both(*span));
                        says(!lease.is_zero() && two, "two hold it");
                    }
                    Claimed::Done => {
                        let may_be = |other: &Call| match other.what {
                            What::Complete(time) => {
                                other.answer != Answer::Settled(Settled::Lost)
                                    && other.start < call.end
                                    && other.latest() + time + SLACK > call.start
                            }
                            _ => false,
                        };
                        says(!calls.iter().any(may_be), "nobody has completed it");
                    }
                    Claimed::InFlight { retry_after: LOCKED } => {}
                    Claimed::InFlight { retry_after: Duration::ZERO } => {
                        let has = own.iter().any(|own| own.settles() && own.start < call.end);
                        says(!has, "the token has not been released");
                    }
                    Claimed::InFlight { retry_after } => {
                        let may_hold = |other: &Call| {
                            let What::Claim(lease) = other.what else { return false };
                            let has_settled = |own: &Call| {
                                own.settles()
                                    && own.is_answered()
                                    && own.start > other.latest()
                                    && own.end < call.start
                            };
                            matches!(other.answer, Answer::Open | FRESH)
                                && other.who != call.who
                                && other.start < call.end
                                && call.start + retry_after <= other.latest() + lease + SLACK
                                && !of(other).iter().any(has_settled)
                        };
                        says(!calls.iter().any(may_hold), "nobody can hold it");
                    }
                    _ => says(true, "an answer that is not known here"),
                }
            }
            (what, SETTLED) => {
                let by_another = |span: &([u8; 16], Span)| call.is_within(span.1);
                let done = dones.iter().filter(is_anothers).any(by_another);
                says(in_hold || done, "it is another one's");
                says(what == What::Release && is_done, "it is handled, and was released");
            }
            (_, Answer::Settled(Settled::Lost)) => {
                let mut mine = own.iter().filter_map(|claim| claim.held(own, Some(this)));
                says(mine.any(|span| call.is_within(span)), "it was held, and lost");
            }
            _ => {}
        }
    }
    wrong
}
