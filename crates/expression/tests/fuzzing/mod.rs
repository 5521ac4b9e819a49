//! Breaks good inputs for as long as it is told to.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A sequence of numbers (xorshift, Marsaglia 2003).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    /// Up to four changes: parts left out, doubled or moved, and `pieces` put in.
    pub(crate) fn mutated<T: Clone>(&mut self, seed: &[T], pieces: &[Vec<T>]) -> Vec<T> {
        let mut text = seed.to_vec();
        for _ in 0..=self.below(3) {
            if text.is_empty() {
                break;
            }
            let at = self.below(text.len());
            let end = (at + self.below(12)).min(text.len());
            match self.below(4) {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..at, pieces[self.below(pieces.len())].iter().cloned())),
                2 => text.truncate(at.max(1)),
                _ => {
                    let part = text[at..end].to_vec();
                    let to = self.below(text.len());
                    text.splice(to..to, part);
                }
            }
        }
        text
    }
}

/// Calls `round` with its number: `least` times with numbers that are always the same, then with others until
/// `GATEHOUSE_FUZZ_SECONDS` are over. What `round` was about is said where it panics.
pub(crate) fn run(least: usize, mut round: impl FnMut(usize, &mut Numbers, &mut String)) -> usize {
    let seconds =
        std::env::var("GATEHOUSE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |age| age.as_nanos() as u64 | 1);
    let mut numbers = Numbers(1);
    let mut done = 0;
    while done < least || Instant::now() < end {
        if done == least {
            numbers = Numbers(seed);
        }
        let mut about = String::new();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| round(done, &mut numbers, &mut about))) {
            println!("it failed in round {done} over:\n{about}");
            resume_unwind(panic);
        }
        done += 1;
    }
    done
}
