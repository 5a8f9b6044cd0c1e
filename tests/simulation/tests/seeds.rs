//! A share of the simulation for every test run; `cargo xtask simulate` runs many more.

use countersign_simulation::faults::Fault;
use countersign_simulation::run::{Ended, Wanted, run};
use countersign_simulation::shrink::shrink;
use countersign_simulation::tape::Tape;

/// A debug build takes some seconds for these.
const SEEDS: u64 = 4_000;

fn quiet() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&"as planned") {
            eprintln!("{panic}");
        }
    }));
}

/// Every promise, in worlds in which everything goes wrong. A failure names its seed:
/// `cargo xtask simulate --seed S` shows what happens.
#[test]
fn every_promise_is_kept() {
    quiet();
    for seed in 0..SEEDS {
        let ended = run(Tape::seeded(seed), Wanted::default());
        assert_eq!(ended.broken, None, "seed {seed}");
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    quiet();
    let wanted = Wanted { log: true, ..Wanted::default() };
    for seed in 0..20 {
        let [one, two] = [(); 2].map(|()| run(Tape::seeded(seed), wanted));
        assert_eq!((&one.log, &one.tape), (&two.log, &two.tape));
        let Ended { log, .. } = run(Tape::given(one.tape), wanted);
        assert_eq!(log, two.log);
    }
}

/// A simulation that finds nothing may look at nothing.
#[test]
fn planted_mistakes_are_found_and_made_simple() {
    quiet();
    for fault in [
        Fault::NoTombstones,
        Fault::CompletesTwice,
        Fault::ClaimsAreShared,
        Fault::ForgetKeepsAttempts,
        Fault::WatermarksAreNotRolledBack,
    ] {
        let wanted = Wanted { fault: Some(fault), ..Wanted::default() };
        let found = (0..SEEDS).find_map(|seed| {
            let ended = run(Tape::seeded(seed), wanted);
            ended.broken.map(|broken| (ended.tape, broken))
        });
        let (tape, broken) = found.unwrap_or_else(|| panic!("{fault:?} is not found"));
        let simple = shrink(tape.clone(), &broken, wanted, 400);
        assert!(simple.len() < tape.len(), "{fault:?}: {} choices", simple.len());
        assert!(run(Tape::given(simple), wanted).broken.is_some(), "{fault:?}");
    }
}
