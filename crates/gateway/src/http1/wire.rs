//! What the guard of the bytes and the service of the requests tell each other.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use tokio::time::Instant;

use crate::client::activity::Moment;
use crate::client::refusal::Refusal;

/// State of one connection, shared by the guard, the service and the time keeper. The guard has to be `Send` for
/// upgrades, hence the atomics; all of them run on one core.
#[derive(Debug)]
pub(super) struct Wire {
    /// When the connection was made; moments are counted from here.
    pub(super) epoch: Instant,
    /// Since when a head has been incomplete.
    pub(super) head_since: Moment,
    heads: AtomicU32,
    refused_head: AtomicU32,
    refusal: AtomicU8,
    expired: AtomicBool,
    upgrade: AtomicU8,
    ended: AtomicBool,
    mid_message: AtomicBool,
}

/// Where an upgrade stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Upgrade {
    /// Nobody has asked.
    None,
    /// A head has asked; what follows it may be another protocol.
    Asked,
    /// The answer was 101.
    Accepted,
    /// The answer was another; HTTP/1 goes on.
    Declined,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            head_since: Moment::default(),
            heads: AtomicU32::new(0),
            refused_head: AtomicU32::new(0),
            refusal: AtomicU8::new(0),
            expired: AtomicBool::new(false),
            upgrade: AtomicU8::new(Upgrade::None as u8),
            ended: AtomicBool::new(false),
            mid_message: AtomicBool::new(false),
        }
    }

    /// Counts a head that was passed on; heads count from 1.
    pub(super) fn pass_head(&self) -> u32 {
        let number = self.heads.load(Ordering::Relaxed).wrapping_add(1);
        self.heads.store(number, Ordering::Relaxed);
        number
    }

    /// Heads passed on, refused ones too.
    pub(super) fn heads(&self) -> u32 {
        self.heads.load(Ordering::Relaxed)
    }

    /// Refuses the head that comes next.
    pub(super) fn refuse_next(&self, refusal: Refusal) {
        let number = self.pass_head();
        self.refusal.store(refusal as u8, Ordering::Relaxed);
        self.refused_head.store(number, Ordering::Relaxed);
    }

    /// Why the head with this number was refused, if it was.
    pub(super) fn refusal_of(&self, number: u32) -> Option<Refusal> {
        if self.refused_head.load(Ordering::Relaxed) != number {
            return None;
        }
        Refusal::from_code(self.refusal.load(Ordering::Relaxed))
    }

    /// Whether a head was refused: nothing after it is read.
    pub(super) fn is_refused(&self) -> bool {
        self.refused_head.load(Ordering::Relaxed) != 0
    }

    /// The time of the incomplete head is over.
    pub(super) fn expire_head(&self) {
        self.expired.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_head_expired(&self) -> bool {
        self.expired.load(Ordering::Relaxed)
    }

    pub(super) fn set_upgrade(&self, upgrade: Upgrade) {
        self.upgrade.store(upgrade as u8, Ordering::Relaxed);
    }

    pub(super) fn upgrade(&self) -> Upgrade {
        match self.upgrade.load(Ordering::Relaxed) {
            1 => Upgrade::Asked,
            2 => Upgrade::Accepted,
            3 => Upgrade::Declined,
            _ => Upgrade::None,
        }
    }

    /// The client will send nothing more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether the bytes stand within a body.
    pub(super) fn set_mid_message(&self, mid: bool) {
        self.mid_message.store(mid, Ordering::Relaxed);
    }

    pub(super) fn is_mid_message(&self) -> bool {
        self.mid_message.load(Ordering::Relaxed)
    }
}
