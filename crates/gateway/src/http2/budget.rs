//! How many frames of each type a client may send. Honest clients send control frames because of what they are sent,
//! or now and then; a flood is control frames without either.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::FrameHeader;

/// Why a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many HTTP/2 frames: {0}")]
pub(super) struct Flood(pub(super) &'static str);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const PADDED: u8 = 8;

/// CONTINUATION frames of one header block. A block of `limits.header_bytes` fits into one frame of 16 KiB or a few.
const MAX_CONTINUATIONS: u8 = 16;

/// The state of all bounds of one connection: tokens left, by kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    tokens: [u32; 6],
    continuations: u8,
    refilled: Instant,
}

/// The kinds of frames that are counted, as indices.
#[derive(Clone, Copy)]
enum Kind {
    Settings,
    Ping,
    Priority,
    Reset,
    Window,
    /// Empty DATA and unknown types.
    Idle,
}

/// For each kind: the name, the most tokens, and tokens a second.
const BOUNDS: [(&str, u32, u32); 6] = [
    ("SETTINGS", 32, 2),
    ("PING", 128, 10),
    ("PRIORITY", 512, 64),
    // Thousandths, because a request grants half a reset.
    ("RST_STREAM", 256_000, 100_000),
    ("WINDOW_UPDATE", 20_000, 1_000),
    ("empty or unknown frames", 128, 16),
];

/// One `RST_STREAM`, in the thousandths of its bound.
const RESET_COST: u32 = 1_000;

/// What a request grants: up to half of all requests may be reset for ever, one in one is an attack (CVE-2023-44487).
const RESET_GRANT: u32 = 500;

impl Budget {
    pub(super) fn new() -> Self {
        Self { tokens: BOUNDS.map(|(_, most, _)| most), continuations: 0, refilled: Instant::now() }
    }

    /// Charges one frame.
    pub(super) fn charge(&mut self, frame: FrameHeader) -> Result<(), Flood> {
        match frame.kind {
            DATA if is_empty(frame) && frame.flags & END_STREAM == 0 => self.take(Kind::Idle, 1),
            DATA => Ok(()),
            HEADERS => {
                self.continuations = 0;
                self.grant(Kind::Reset, RESET_GRANT);
                self.grant(Kind::Priority, 4);
                Ok(())
            }
            CONTINUATION => {
                self.continuations = self.continuations.saturating_add(1);
                if self.continuations > MAX_CONTINUATIONS { Err(Flood("CONTINUATION")) } else { Ok(()) }
            }
            PRIORITY => self.take(Kind::Priority, 1),
            RST_STREAM => self.take(Kind::Reset, RESET_COST),
            SETTINGS => self.take(Kind::Settings, 1),
            PING => self.take(Kind::Ping, 1),
            WINDOW_UPDATE => self.take(Kind::Window, 1),
            PUSH_PROMISE | GOAWAY | 10.. => self.take(Kind::Idle, 1),
        }
    }

    /// Grants what a client answers to `written` bytes: window updates, and pings that measure the bandwidth.
    pub(super) fn written(&mut self, written: usize) {
        self.grant(Kind::Window, 2 + (written / 512) as u32);
        self.grant(Kind::Ping, (written / 4096) as u32);
    }

    fn grant(&mut self, kind: Kind, count: u32) {
        let (index, most) = (kind as usize, BOUNDS.get(kind as usize).map_or(0, |bound| bound.1));
        if let Some(tokens) = self.tokens.get_mut(index) {
            *tokens = tokens.saturating_add(count).min(most);
        }
    }

    fn take(&mut self, kind: Kind, cost: u32) -> Result<(), Flood> {
        if self.try_take(kind, cost) {
            return Ok(());
        }
        // The clock is asked only by those who have used up what they had.
        self.refill();
        if self.try_take(kind, cost) {
            return Ok(());
        }
        Err(Flood(BOUNDS.get(kind as usize).map_or("control frames", |bound| bound.0)))
    }

    fn try_take(&mut self, kind: Kind, cost: u32) -> bool {
        let Some(tokens) = self.tokens.get_mut(kind as usize) else { return false };
        match tokens.checked_sub(cost) {
            Some(left) => {
                *tokens = left;
                true
            }
            None => false,
        }
    }

    fn refill(&mut self) {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.refilled);
        if since < Duration::from_millis(100) {
            return;
        }
        self.refilled = now;
        for (tokens, (_, most, rate)) in self.tokens.iter_mut().zip(BOUNDS) {
            let granted = (u128::from(rate) * since.as_millis() / 1000).min(u128::from(most)) as u32;
            *tokens = tokens.saturating_add(granted).min(most);
        }
    }
}

fn is_empty(frame: FrameHeader) -> bool {
    // A padded frame may be all padding; its first byte is the length of it.
    frame.length == 0 || (frame.flags & PADDED != 0 && frame.length <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: u32, flags: u8) -> FrameHeader {
        FrameHeader { length, kind, flags }
    }

    fn count_until_cut(kind: u8, length: u32, flags: u8) -> u32 {
        let mut budget = Budget::new();
        (0..1_000_000).find(|_| budget.charge(frame(kind, length, flags)).is_err()).expect("never cut")
    }

    #[tokio::test(start_paused = true)]
    async fn every_kind_of_flood_is_cut() {
        assert_eq!(count_until_cut(SETTINGS, 0, 0), 32);
        assert_eq!(count_until_cut(PING, 8, 0), 128);
        assert_eq!(count_until_cut(PRIORITY, 5, 0), 512);
        assert_eq!(count_until_cut(DATA, 0, 0), 128);
        assert_eq!(count_until_cut(DATA, 1, PADDED), 128);
        assert_eq!(count_until_cut(0x42, 9, 0), 128);
        assert_eq!(count_until_cut(WINDOW_UPDATE, 4, 0), 20_000);
        assert_eq!(count_until_cut(CONTINUATION, 1, 0), 16);
        let mut budget = Budget::new();
        let pairs = (0..100_000).find(|_| {
            budget.charge(frame(HEADERS, 9, 5)).is_err() || budget.charge(frame(RST_STREAM, 4, 0)).is_err()
        });
        assert!(pairs.expect("rapid reset is never cut") < 600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_download_and_keep_alive_pass() {
        let mut budget = Budget::new();
        for _ in 0..1_000_000 {
            budget.written(16 * 1024);
            for _ in 0..4 {
                budget.charge(frame(WINDOW_UPDATE, 4, 0)).unwrap();
            }
            budget.charge(frame(PING, 8, 0)).unwrap();
        }
        let mut budget = Budget::new();
        for _ in 0..10_000 {
            tokio::time::advance(Duration::from_secs(10)).await;
            budget.charge(frame(PING, 8, 0)).unwrap();
            budget.charge(frame(WINDOW_UPDATE, 4, 0)).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_cancel_one_request_in_three_pass() {
        let mut budget = Budget::new();
        for _ in 0..100_000 {
            for _ in 0..3 {
                budget.charge(frame(HEADERS, 20, 4)).unwrap();
                budget.charge(frame(DATA, 10, END_STREAM)).unwrap();
            }
            budget.charge(frame(RST_STREAM, 4, 0)).unwrap();
        }
    }
}
