//! What the firewall costs: `cargo run --release -p gatehouse-benches --bin waf`. Time, work and memory of benign requests against
//! the OWASP CRS below `GATEHOUSE_CORPORA`.

use std::time::Instant;

use gatehouse_benches::waf::{crs, inspect, requests, rules};

fn main() {
    let Some(crs) = crs() else {
        eprintln!("GATEHOUSE_CORPORA has no CRS");
        return;
    };
    for level in [1, 2] {
        let before = resident_kib();
        let started = Instant::now();
        let rules = rules(&crs, level);
        println!(
            "paranoia {level}: {} rules in {:?}, {} KiB",
            rules.len(),
            started.elapsed(),
            resident_kib() - before
        );
        let (mut sum, mut count) = (0.0, 0);
        for benign in requests() {
            let rounds = if benign.ordinary { 400 } else { 20 };
            let mut best = f64::MAX;
            for _ in 0..rounds {
                let started = Instant::now();
                inspect(&rules, &benign);
                best = best.min(started.elapsed().as_secs_f64() * 1e6);
            }
            println!("  {:20} {best:10.1} us", benign.name);
            if benign.ordinary {
                sum += best;
                count += 1;
            }
        }
        println!("  mean of ordinary     {:10.1} us", sum / f64::from(count));
        println!("  resident after       {:10} KiB more", resident_kib() - before);
    }
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
