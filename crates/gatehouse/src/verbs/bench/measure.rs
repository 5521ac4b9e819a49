//! Rounds: every row is measured once in each of them, in an order that changes from round to round. What disturbs the
//! machine for a while disturbs all rows alike, and differences are taken within a round.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use gatehouse_gateway::pipeline::CoreRandom;
use gatehouse_policy::Random as _;

use super::arguments::Arguments;
use super::experiment::Job;
use super::generator::{Generator, Load, Tally, Target, rehearse};
use super::instance::Instance;
use super::machine::{Reading, read_process};
use super::progress::Progress;
use super::traffic::Call;

/// What is measured, and how the gateway differs for it.
pub(super) struct Variant {
    /// What the row is called.
    pub(super) name: String,
    /// What the gateway is started with; `None`: it runs already.
    pub(super) job: Option<Job>,
    pub(super) calls: Arc<[Call]>,
    /// Whether answers that are not as expected end the run; else they end only this row.
    pub(super) is_needed: bool,
}

/// What one round has measured of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) requests_per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p90_us: f64,
    pub(super) p99_us: f64,
    /// Of a request.
    pub(super) cpu_us: Option<f64>,
    /// Of a request.
    pub(super) allocations: Option<f64>,
    /// Of a request.
    pub(super) allocated_bytes: Option<f64>,
    pub(super) memory_bytes: Option<f64>,
}

/// What all rounds have measured of one row.
pub(super) struct Measured {
    /// Round by round; `None` where it was not measured.
    pub(super) samples: Vec<Option<Sample>>,
    pub(super) tally: Tally,
    /// Why the row has no figures.
    pub(super) failure: Option<String>,
}

/// Where the gateway is reached.
pub(super) struct Reach<'r> {
    /// The target of an instance's address, with or without TLS.
    pub(super) target: &'r dyn Fn(std::net::SocketAddr, bool) -> Target,
    /// The gateway that runs already, and its process.
    pub(super) running: Option<(Target, Option<u32>)>,
}

/// Measures all rows.
pub(super) fn rounds(
    variants: &[Variant],
    reach: &Reach<'_>,
    arguments: &Arguments,
    seed: u64,
) -> Result<Vec<Measured>> {
    let random = CoreRandom::new(seed);
    let mut measured = Vec::with_capacity(variants.len());
    for _ in variants {
        measured.push(Measured { samples: Vec::new(), tally: Tally::new()?, failure: None });
    }
    let steps = arguments.rounds as usize * variants.len();
    let step = arguments.slice() + arguments.warm_up;
    let mut progress = Progress::new(steps, step);
    for round in 0..arguments.rounds {
        for index in shuffled(variants.len(), &random) {
            let (Some(variant), Some(row)) = (variants.get(index), measured.get_mut(index)) else { continue };
            progress.begin(&format!("round {} of {}: {}", round + 1, arguments.rounds, variant.name));
            if row.failure.is_some() {
                row.samples.push(None);
                continue;
            }
            match slice(variant, reach, arguments, random.next(), round == 0) {
                Ok((sample, tally)) => {
                    row.samples.push(Some(sample));
                    row.tally.add(tally);
                }
                Err(error) if variant.is_needed => {
                    progress.end();
                    return Err(error);
                }
                Err(error) => {
                    row.samples.push(None);
                    row.failure = Some(format!("{error:#}"));
                }
            }
        }
    }
    progress.end();
    Ok(measured)
}

/// One row in one round: a gateway of its own, so that the chances of one process are not taken for the row's.
fn slice(
    variant: &Variant,
    reach: &Reach<'_>,
    arguments: &Arguments,
    seed: u64,
    is_first: bool,
) -> Result<(Sample, Tally)> {
    let mut instance = variant.job.as_ref().map(Instance::start).transpose()?;
    let (target, process) = match (&instance, &variant.job, &reach.running) {
        (Some(instance), Some(job), _) => ((reach.target)(instance.ready.address, !job.in_the_clear), None),
        (_, _, Some((target, process))) => (target.clone(), *process),
        _ => bail!("there is no gateway"),
    };
    if is_first {
        let complaints = rehearse(&target, &variant.calls)?;
        if !complaints.is_empty() {
            bail!("the answers are not as expected\n  {}", complaints.join("\n  "));
        }
    }
    let load = Load {
        connections: arguments.connections as usize,
        streams: arguments.streams as usize,
        rate: arguments.rate,
        seed,
    };
    let generator = Generator::start(&target, &variant.calls, load)?;
    std::thread::sleep(arguments.warm_up);
    let mut read = || -> Result<Option<Reading>> {
        match (&mut instance, process) {
            (Some(instance), _) => instance.read().map(Some),
            (None, Some(pid)) => read_process(pid).map(Some),
            (None, None) => Ok(None),
        }
    };
    let before = read()?;
    generator.begin();
    std::thread::sleep(arguments.slice());
    let (completed, time) = generator.end();
    let after = read()?;
    generator.check()?;
    let tally = generator.finish()?;
    if tally.failures() > 0 {
        bail!("the answers are not as expected\n  {}", tally.complaints().join("\n  "));
    }
    if completed == 0 {
        bail!(
            "no request was answered within {:.1} s; measure for longer with --duration",
            time.as_secs_f64()
        );
    }
    let requests = completed as f64;
    let used = before.zip(after);
    let allocated = used.and_then(|(before, after)| Some((before.allocations?, after.allocations?)));
    let sample = Sample {
        requests_per_second: requests / time.as_secs_f64(),
        p50_us: tally.percentile(50.0),
        p90_us: tally.percentile(90.0),
        p99_us: tally.percentile(99.0),
        cpu_us: used.map(|(before, after)| (after.cpu_nanos - before.cpu_nanos) as f64 / 1000.0 / requests),
        allocations: allocated.map(|(before, after)| (after.0 - before.0) as f64 / requests),
        allocated_bytes: allocated.map(|(before, after)| (after.1 - before.1) as f64 / requests),
        memory_bytes: after.map(|after| after.memory_bytes as f64),
    };
    Ok((sample, tally))
}

/// The indices in an order by chance (Fisher and Yates).
fn shuffled(count: usize, random: &CoreRandom) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, (random.next() % (last as u64 + 1)) as usize);
    }
    order
}

/// What decides about chance: what the command line says, else what the system gives.
pub(super) fn seed(given: Option<u64>) -> Result<u64> {
    if let Some(seed) = given {
        return Ok(seed);
    }
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).context("the operating system has no randomness")?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_turn_in_an_order_that_the_seed_decides() {
        let of = |seed| shuffled(6, &CoreRandom::new(seed));
        let mut sorted = of(1);
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
        assert_eq!(of(1), of(1));
        assert!((2..20).any(|seed| of(seed) != of(1)));
    }
}
