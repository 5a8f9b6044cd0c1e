//! How many files the process may have open, and how many connections these are enough for.

/// The most connections at a time. More would only take more memory: slow ones are closed anyway.
const MOST: usize = 1024;

/// Files that are not connections: the store's, the log, what the runtime needs, names that are
/// being looked up.
const OTHERS: u64 = 64;

/// The most connections of the inspector.
const MOST_OF_INSPECTOR: usize = 64;

/// How many connections there can be at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connections {
    /// The listener's.
    pub(crate) listener: usize,
    /// The inspector's.
    pub(crate) inspector: usize,
}

/// How many connections can be served at a time when each of the listener's takes this many files.
/// Raises the limit of open files as far as needed and allowed.
pub(crate) fn connections(files_each: u64, with_inspector: bool) -> Connections {
    let of_inspector = if with_inspector { MOST_OF_INSPECTOR as u64 } else { 0 };
    let others = OTHERS + of_inspector;
    let wanted = others + MOST as u64 * files_each;
    let Some(files) = allowed(wanted) else { return Connections::default() };
    // With very few files, half of them are still for connections, and the inspector has a fourth.
    let free = files - others.min(files / 2);
    let listener = usize::try_from(free / files_each).unwrap_or(MOST).clamp(1, MOST);
    let inspector = usize::try_from(files / 4).unwrap_or(MOST).clamp(1, MOST_OF_INSPECTOR);
    Connections { listener, inspector }
}

impl Default for Connections {
    fn default() -> Self {
        Self { listener: MOST, inspector: MOST_OF_INSPECTOR }
    }
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
