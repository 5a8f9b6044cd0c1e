//! The brackets that are open while a value is skipped.

/// For each open bracket, whether it is an object's. The innermost 64 take no memory of their own, so
/// that what is nested as events are costs no allocation.
#[derive(Default)]
pub(super) struct Open {
    /// One bit each, the innermost one lowest.
    inner: u64,
    /// How many bits of it are used.
    used: u32,
    /// What is around them, 64 in each.
    outer: Vec<u64>,
}

impl Open {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn push(&mut self, is_object: bool) {
        if self.used == u64::BITS {
            self.outer.push(self.inner);
            self.used = 0;
        }
        self.inner = self.inner << 1 | u64::from(is_object);
        self.used += 1;
    }

    pub(super) fn pop(&mut self) {
        self.inner >>= 1;
        self.used = self.used.saturating_sub(1);
        if self.used == 0
            && let Some(inner) = self.outer.pop()
        {
            (self.inner, self.used) = (inner, u64::BITS);
        }
    }

    /// Of the innermost one.
    pub(super) fn last(&self) -> Option<bool> {
        (self.used > 0).then_some(self.inner & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Open;

    #[test]
    fn brackets_close_in_the_order_that_they_opened_in() {
        for depth in [0, 1, 63, 64, 65, 128, 129, 1000] {
            let (mut open, mut expected) = (Open::default(), Vec::new());
            for number in 0..depth {
                open.push(number % 3 == 0);
                expected.push(number % 3 == 0);
                assert_eq!(open.last(), expected.last().copied());
            }
            while let Some(is_object) = expected.pop() {
                assert_eq!(open.last(), Some(is_object), "{depth}, {} left", expected.len());
                open.pop();
            }
            assert_eq!(open.last(), None);
            open.push(true);
            open.clear();
            assert_eq!(open.last(), None);
        }
    }
}
