//! Random bytes for ids.

/// Random bytes of the operating system, fetched in blocks so that an id costs no system call. One for each
/// thread; it is not shared.
#[derive(Debug)]
pub struct Random {
    block: Box<[u8; BLOCK]>,
    used: usize,
}

impl Random {
    /// An empty block, filled at the first use.
    pub fn new() -> Self {
        Self { block: Box::new([0; BLOCK]), used: BLOCK }
    }

    /// So many random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= BLOCK, "more bytes than a block has") };
        if BLOCK - self.used < N {
            self.refill();
        }
        let mut bytes = [0; N];
        let (_, rest) = self.block.split_at_mut(self.used);
        for (to, from) in bytes.iter_mut().zip(rest) {
            *to = std::mem::take(from);
        }
        self.used += N;
        bytes
    }

    fn refill(&mut self) {
        if getrandom::fill(self.block.as_mut_slice()).is_err() {
            // No system that runs this far is without randomness. An id must be unique, not secret, so the
            // randomly keyed hash of the standard library serves as well.
            use std::hash::BuildHasher as _;
            for chunk in self.block.chunks_mut(8) {
                let hash = std::hash::RandomState::new().hash_one(std::time::SystemTime::now());
                chunk.copy_from_slice(&hash.to_le_bytes());
            }
        }
        self.used = 0;
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

const BLOCK: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_do_not_repeat_across_blocks() {
        let mut random = Random::new();
        let ids: HashSet<[u8; 16]> = (0..10_000).map(|_| random.bytes()).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
