//! The codes of reasons: what logs, metrics and the program's lines are searched for.

use countersign::{Reason, RejectionKind};

#[test]
fn a_reason_reads_as_its_code() {
    let codes = [
        (Reason::HandlerStatus, "handler_status"),
        (Reason::HandlerStatusIsFinal, "handler_status_is_final"),
        (Reason::HandlerPanicked, "handler_panicked"),
        (Reason::HandlerCancelled, "handler_cancelled"),
        (Reason::ClaimLost, "claim_lost"),
        (Reason::RecordedLate, "recorded_late"),
        (Reason::NotRecorded, "not_recorded"),
        (Reason::CommitNotChecked, "commit_not_checked"),
        (Reason::Rejected(RejectionKind::NotTaken), "not_taken"),
        (Reason::Rejected(RejectionKind::NotCommitted), "not_committed"),
        (Reason::Rejected(RejectionKind::Stale), "timestamp_stale"),
        (Reason::Handshake("echo_query"), "echo_query"),
    ];
    for (reason, code) in codes {
        assert_eq!((reason.as_str(), reason.to_string()), (code, code.to_owned()));
    }
}

#[test]
fn no_two_reasons_have_one_code() {
    let own = [
        Reason::HandlerStatus,
        Reason::HandlerStatusIsFinal,
        Reason::HandlerPanicked,
        Reason::HandlerCancelled,
        Reason::ClaimLost,
        Reason::RecordedLate,
        Reason::NotRecorded,
        Reason::CommitNotChecked,
    ];
    let kinds = RejectionKind::ALL.iter().copied().map(Reason::from);
    let mut codes: Vec<_> = kinds.chain(own).map(Reason::as_str).collect();
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all);
}
