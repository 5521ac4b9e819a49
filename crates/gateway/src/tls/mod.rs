//! Transport security of listeners: certificates by server name, client certificates, and their reload when files
//! change.

mod any_client;
mod client_certificates;
mod entry;
mod files;
mod inspection;
mod judge;
pub mod provider;
mod revocation_lists;
mod server;
mod shown;
mod stamp;
mod store;
mod terms;

pub use self::entry::Entry;
pub use self::judge::Judge;
pub use self::revocation_lists::RevocationLists;
pub use self::server::ServerTls;
pub(crate) use self::shown::certificates;
pub use self::store::{Report, TlsStore, Watched};
pub use self::terms::Terms;
