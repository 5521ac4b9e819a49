//! One request's way: listener, zone, route, subscription, policies, backend, and back.

mod answer;
mod backend_observer;
mod client_certificate;
mod completion;
mod consent;
mod ending;
mod forwarding;
mod intake;
mod live_trace;
mod outgoing;
mod process;
mod service;
mod signals;
pub(crate) mod soap;
mod traced;
mod tunnel;
mod upstream;
mod world;

pub use self::backend_observer::BackendObserver;
pub use self::intake::exchange_of;
pub use self::live_trace::{FinishedTrace, LiveTraces, TraceSink};
pub use self::outgoing::OutgoingCounts;
pub use self::process::process;
pub use self::service::{Core, ListenerMeasures, Shared};
pub use self::world::{CoreRandom, SystemClock};
