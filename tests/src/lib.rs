//! Suites across the crates of countersign, in the test targets of this package: `core` is the
//! core through its public API, `behaviour` is HTTP in, HTTP out, `stores` is every store on its real
//! server, `force` kills and freezes.

/// The code on the project's front page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
