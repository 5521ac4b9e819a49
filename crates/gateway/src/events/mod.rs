//! Events of `log-to-eventhub`: where the events of each logger go, and how they get there without a request that waits.

mod delivery;
mod event;
mod hub;
mod sinks;

pub use self::delivery::Events;
pub(crate) use self::delivery::log;
pub(crate) use self::event::Event;
pub use self::sinks::EventSinks;
