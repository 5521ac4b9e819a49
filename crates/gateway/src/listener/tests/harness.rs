//! A running listener with a client configuration that trusts it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gatehouse_model::configuration::{
    CertificateEntry, Limits, Listener, ListenerTls, Role, TlsSettings, Zone,
};
use gatehouse_model::{Diagnostics, Located, Location};
use gatehouse_telemetry::metrics::Metrics;
use parking_lot::Mutex;
use tempfile::TempDir;

use super::super::{HandlerFactory, Listeners};
use super::authority::Authority;
use super::client::{Client, config};
use super::handler::{Counts, Teller};
use crate::connection::Handler;
use crate::tls::Report;

pub(super) struct Harness {
    pub(super) folder: TempDir,
    pub(super) authority: Authority,
    pub(super) configuration: Vec<Listener>,
    pub(super) limits: Limits,
    pub(super) listeners: Option<Listeners>,
    pub(super) counts: Arc<Counts>,
    pub(super) reports: Arc<Mutex<Vec<String>>>,
    pub(super) metrics: Metrics,
}

impl Harness {
    pub(super) fn start() -> Self {
        Self::with(|_, _, _| {})
    }

    pub(super) fn with(adapt: impl FnOnce(&Authority, &mut Vec<Listener>, &mut Limits)) -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new(folder.path(), "Test CA");
        let mut configuration = vec![listener(&authority, "public", "127.0.0.1:0")];
        let mut limits = Limits { drain_timeout: Duration::from_secs(5), ..Limits::default() };
        adapt(&authority, &mut configuration, &mut limits);
        let mut harness = Self {
            folder,
            authority,
            configuration,
            limits,
            listeners: None,
            counts: Arc::default(),
            reports: Arc::default(),
            metrics: Metrics::new("test", 0),
        };
        let listeners = start(&harness).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        harness.listeners = Some(listeners);
        harness
    }

    pub(super) fn listeners(&self) -> &Listeners {
        self.listeners.as_ref().unwrap()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listeners().bound()[0].address
    }

    pub(super) fn connect(&self) -> Client {
        self.try_connect("a.example").unwrap()
    }

    pub(super) fn try_connect(&self, name: &str) -> std::io::Result<Client> {
        Client::connect(self.address(), name, &config(&self.authority.pem(), None, b"http/1.1"))
    }

    /// What comes back for bytes on a fresh connection, up to its end.
    pub(super) fn exchange(&self, bytes: &[u8]) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.read_to_end()
    }

    /// What the listener `public` has counted, by name and further labels: `connections_refused_total`,
    /// `reason="limit"`.
    pub(super) fn counted(&self, name: &str, labels: &str) -> u64 {
        let comma = if labels.is_empty() { "" } else { "," };
        let series = format!("gatehouse_{name}{{listener=\"public\"{comma}{labels}}} ");
        let text = self.metrics.encode();
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("{series} in:\n{text}")).parse().unwrap()
    }

    pub(super) fn handled(&self) -> usize {
        self.counts.handled.load(Ordering::SeqCst)
    }
}

/// Starts listeners for a harness's configuration.
pub(super) fn start(harness: &Harness) -> Result<Listeners, Diagnostics> {
    let counts = Arc::clone(&harness.counts);
    let factory: HandlerFactory = Arc::new(move |_| Rc::new(Teller(Arc::clone(&counts))) as Rc<dyn Handler>);
    let reports = Arc::clone(&harness.reports);
    let report: Report = Arc::new(move |diagnostics| reports.lock().push(diagnostics.to_string()));
    Listeners::start(&harness.configuration, &harness.limits, Some(2), &factory, report, &harness.metrics)
}

/// A listener with one certificate for `a.example`.
pub(super) fn listener(authority: &Authority, name: &str, address: &str) -> Listener {
    let (certificate, key) = authority.write_issued(name, &["a.example"]);
    Listener {
        name: name.to_owned(),
        zone: Zone::External,
        address: place(authority, address),
        serves: vec![Role::Gateway],
        hosts: Vec::new(),
        tls: ListenerTls {
            certificates: vec![CertificateEntry {
                certificate,
                key,
                hosts: Vec::new(),
                settings: TlsSettings::default(),
            }],
            settings: TlsSettings::default(),
            location: location(authority),
        },
        trusted_proxies: Vec::new(),
        http_redirect: None,
        location: location(authority),
    }
}

pub(super) fn place(authority: &Authority, address: &str) -> Located<SocketAddr> {
    Located::new(address.parse().unwrap(), location(authority))
}

fn location(authority: &Authority) -> Location {
    Location::new(authority.folder.join("gatehouse.yaml"), 3, 5)
}

/// Waits for something that another thread does.
pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
