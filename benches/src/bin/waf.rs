//! What the firewall costs: `cargo run --release -p gatehouse-benches --bin waf`. Time, work and memory of benign requests against the OWASP
//! CRS below `GATEHOUSE_CORPORA`, and of requests that are made to cost as much as they can. `waf requests` writes the benign
//! requests for other engines, `waf costs LEVEL` the CPU time of each; `compare/waf/run` puts them side by side.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use gatehouse_benches::waf::{crs, inspect, requests, rules, spend, wasteful};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Some(crs) = crs() else {
        eprintln!("GATEHOUSE_CORPORA has no CRS");
        return ExitCode::FAILURE;
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => figures(&crs),
        ["requests"] => {
            for benign in requests() {
                println!("{}", benign.line());
            }
        }
        ["costs", level] => {
            let rules = rules(&crs, level.parse().unwrap_or(1));
            for benign in requests() {
                let best = best_of(benign.rounds(), || {
                    inspect(&rules, &benign);
                });
                println!("{}\t{best:.1}\tpassed", benign.name);
            }
        }
        _ => {
            eprintln!("usage: waf [requests | costs LEVEL]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn figures(crs: &Path) {
    for level in [1, 2] {
        let before = resident_kib();
        let started = Instant::now();
        let rules = rules(crs, level);
        println!(
            "paranoia {level}: {} rules in {:?}, {} KiB",
            rules.len(),
            started.elapsed(),
            resident_kib() - before
        );
        let (mut sum, mut count) = (0.0, 0);
        for benign in requests() {
            let best = best_of(benign.rounds(), || {
                inspect(&rules, &benign);
            });
            println!("  {:20} {best:10.1} us", benign.name);
            if benign.ordinary {
                sum += best;
                count += 1;
            }
        }
        println!("  mean of ordinary     {:10.1} us", sum / f64::from(count));
        println!("  resident after       {:10} KiB more", resident_kib() - before);
        for (name, wasteful) in wasteful() {
            let mut spent = (0, false);
            let best = best_of(3, || spent = spend(&rules, &wasteful));
            let (work, beyond) = spent;
            println!(
                "  {name:32} {best:10.1} us, {work:10} units, {:6.3} ns a unit{}",
                best * 1000.0 / work.max(1) as f64,
                if beyond { ", beyond" } else { "" }
            );
        }
        println!("  resident after waste {:10} KiB more", resident_kib() - before);
    }
}

/// The shortest of some rounds, in microseconds.
fn best_of(rounds: u32, mut run: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let started = Instant::now();
        run();
        best = best.min(started.elapsed().as_secs_f64() * 1e6);
    }
    best
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
