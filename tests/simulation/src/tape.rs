//! Chance that can be played again: every choice of a run is a number on a tape.
//!
//! A run with a seed writes its tape. A shorter or smaller tape is a simpler run: 0 is always the
//! choice in which nothing goes wrong, and past its end a given tape reads as zeros.

/// The choices of one run.
pub struct Tape {
    given: Vec<u32>,
    made: Vec<u32>,
    rng: Option<u64>,
}

impl Tape {
    /// Choices by a seed.
    pub fn seeded(seed: u64) -> Self {
        // Neighbouring seeds must not make similar runs.
        Self {
            given: Vec::new(),
            made: Vec::new(),
            rng: Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }

    /// The choices of an earlier run, then zeros.
    pub fn given(given: Vec<u32>) -> Self {
        Self { given, made: Vec::new(), rng: None }
    }

    /// What was chosen so far.
    pub fn made(&self) -> &[u32] {
        &self.made
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u32) -> u32 {
        let chosen = match (self.given.get(self.made.len()), &mut self.rng) {
            (Some(given), _) => *given,
            (None, Some(state)) => (split_mix(state) >> 32) as u32,
            (None, None) => 0,
        };
        let chosen = chosen % n.max(1);
        self.made.push(chosen);
        chosen
    }

    /// True in `part` of `whole` cases.
    pub fn chance(&mut self, part: u32, whole: u32) -> bool {
        self.below(whole) >= whole - part
    }

    /// One of these; the first one is the simplest.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u32) as usize]
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough for choices.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
