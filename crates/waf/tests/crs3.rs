//! The OWASP CRS 3.3 as Debian ships it, where it is installed: it loads whole and stops an attack.

use std::path::PathBuf;
use std::sync::Arc;

use gatehouse_waf::{Connection, Limits, Options, RuleSet, RuleSource, Transaction, Verdict, builtin};

#[test]
fn the_crs_of_debian_loads_and_stops_an_attack() {
    let rules = std::env::var_os("GATEHOUSE_CRS3")
        .map_or_else(|| PathBuf::from("/usr/share/modsecurity-crs"), PathBuf::from);
    if !rules.join("rules").is_dir() {
        eprintln!("skipped: there is no CRS 3 at {}", rules.display());
        return;
    }
    let setup = [rules.join("crs-setup.conf"), PathBuf::from("/etc/modsecurity/crs/crs-setup.conf")];
    let mut sources = vec![builtin::protocol()];
    sources.extend(setup.into_iter().find(|file| file.is_file()).map(RuleSource::File));
    sources.push(RuleSource::File(rules.join("rules/*.conf")));
    let options = Options { variables: builtin::crs_variables(1), ..Options::default() };
    let rules = Arc::new(RuleSet::load(&sources, &options).unwrap_or_else(|errors| panic!("{errors}")));
    assert!(rules.len() > 300, "{}", rules.len());
    let judge = |target: &str| {
        let mut transaction = Transaction::new(&rules, Limits::default(), None, &Connection::default());
        transaction.request_line(b"GET", target.as_bytes(), b"HTTP/1.1");
        for (name, value) in [("Host", "api.example"), ("User-Agent", "app/1"), ("Accept", "*/*")] {
            transaction.request_header(name.as_bytes(), value.as_bytes());
        }
        if transaction.end_of_request_header() != Verdict::Pass {
            return false;
        }
        transaction.end_of_request_body() == Verdict::Pass
    };
    assert!(judge("/orders?q=tea"));
    assert!(!judge("/orders?q=1%27%20union%20select%20password%20from%20users--"));
}
