//! Where to look.

/// Where a path's value lies among those that [`read`] found.
pub(crate) type Slot = usize;

/// The step that leads into an array: to its only item.
pub(crate) const ITEM: &str = "0";

/// The paths to look for. A path is field names between dots: `incident.id`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths(Vec<Box<[Box<str>]>>);

impl Paths {
    /// Adds a path and tells its slot; nothing if it is no path.
    pub(crate) fn add(&mut self, path: &str) -> Option<Slot> {
        if !is_path(path) {
            return None;
        }
        let steps: Box<[Box<str>]> = path.split('.').map(Into::into).collect();
        if let Some(slot) = self.0.iter().position(|other| *other == steps) {
            return Some(slot);
        }
        if self.0.len() >= Set::BITS as usize {
            return None;
        }
        self.0.push(steps);
        Some(self.0.len() - 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The path at a slot, as it was added.
    pub(crate) fn path(&self, slot: Slot) -> String {
        self.0.get(slot).map(|steps| steps.join(".")).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All paths.
    pub(super) fn all(&self) -> Set {
        self.filter(Set::MAX, |_| true)
    }

    /// The path that is, dots and all, the name of a form's field. Every path has one slot.
    pub(super) fn named(&self, name: &[u8]) -> Option<Slot> {
        let steps = |path: &[Box<str>]| {
            name.split(|byte| *byte == b'.').eq(path.iter().map(|step| step.as_bytes()))
        };
        self.0.iter().position(|path| steps(path))
    }

    /// Of the paths in `set`, those whose step at `depth` is `name`.
    pub(super) fn matching(&self, set: Set, depth: usize, name: &str) -> Set {
        self.filter(set, |path| path.get(depth).is_some_and(|step| **step == *name))
    }

    /// Of the paths in `set`, those that end at `depth`.
    pub(super) fn ending(&self, set: Set, depth: usize) -> Set {
        self.filter(set, |path| path.len() == depth)
    }

    fn filter(&self, set: Set, keep: impl Fn(&[Box<str>]) -> bool) -> Set {
        let bits = self.0.iter().enumerate().map(|(slot, path)| (1 << slot, path));
        bits.filter(|(bit, path)| set & bit != 0 && keep(path)).fold(0, |set, (bit, _)| set | bit)
    }
}

/// Whether this leads to a field of a body. A header's name, a JSON Pointer (`/data/type`) and
/// JSONPath (`$.items[0].type`) would lead nowhere, in silence: every delivery would be refused.
fn is_path(path: &str) -> bool {
    let is_step = |step: &str| {
        !step.is_empty() && step.trim() == step && !step.contains(['/', '[', ']', '*', '$'])
    };
    // `event-data` is a field of Mailgun's, `X-GitHub-Event` and `Linear-Event` are headers.
    let begins_high = |word: &str| word.starts_with(|first: char| first.is_ascii_uppercase());
    let is_header = path.contains('-')
        && !path.contains('.')
        && (path.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
            || path.split('-').all(begins_high));
    path.split('.').all(is_step) && !is_header
}

/// A set of paths, one bit a slot.
pub(super) type Set = u32;
