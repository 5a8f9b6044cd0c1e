//! How many files the process may have open, and how many connections these are enough for.

/// The most connections at a time. More would only take more memory: slow ones are closed anyway.
const MOST: usize = 1024;

/// Files that are not connections: the store's, the log, what the runtime needs, names that are
/// being looked up.
const OTHERS: u64 = 64;

/// How many connections can be served at a time when each takes this many files. Raises the limit
/// of open files as far as needed and allowed.
pub(crate) fn connections(files_each: u64) -> usize {
    let wanted = OTHERS + MOST as u64 * files_each;
    let Some(files) = allowed(wanted) else { return MOST };
    // With very few files, half of them are still for connections.
    let free = files - OTHERS.min(files / 2);
    usize::try_from(free / files_each).unwrap_or(MOST).clamp(1, MOST)
}

/// How many files may be open, after asking for this many; nothing if there is no limit.
#[cfg(unix)]
fn allowed(wanted: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let raised = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if raised <= current {
        return Some(current);
    }
    let asked = Rlimit { current: Some(raised), ..limit };
    Some(if setrlimit(Resource::Nofile, asked).is_ok() { raised } else { current })
}

#[cfg(not(unix))]
fn allowed(_: u64) -> Option<u64> {
    None
}
