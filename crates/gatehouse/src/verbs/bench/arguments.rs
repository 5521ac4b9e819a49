//! The command line of `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use url::Url;

/// The arguments of `bench`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Measure only the operations of this API; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) api: Vec<String>,
    /// Measure only this operation, such as `orders/get-order`; may be repeated
    #[arg(long, value_name = "API/OPERATION")]
    pub(super) operation: Vec<String>,
    /// Send the requests of this file instead of those that the definitions give
    #[arg(long, value_name = "FILE", conflicts_with_all = ["api", "operation"])]
    pub(super) requests: Option<PathBuf>,
    /// A header field of every request, such as `Authorization: Bearer …`; `{{key:NAME}}` and `{{jwt: {…}}}` are filled in
    #[arg(short = 'H', long = "header", value_name = "'NAME: VALUE'")]
    pub(super) header: Vec<String>,
    /// Measure one row for each route instead of one for all of them together
    #[arg(long, conflicts_with = "ablate")]
    pub(super) each: bool,
    /// Take each policy out in turn, and the firewall, TLS and the logs, and tell what each costs; with names only those
    #[arg(
        long,
        value_name = "NAME,…",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        value_delimiter = ',',
        conflicts_with = "target"
    )]
    pub(super) ablate: Vec<String>,
    /// Measure a running gateway at this URL instead of starting one
    #[arg(long, value_name = "URL")]
    pub(super) target: Option<Url>,
    /// The authorities that vouch for the running gateway; default: those of the system
    #[arg(long, value_name = "FILE", requires = "target")]
    pub(super) ca: Option<PathBuf>,
    /// A file with the subscription key for the running gateway
    #[arg(long, value_name = "FILE", requires = "target")]
    pub(super) key_file: Option<PathBuf>,
    /// The process of the running gateway, to read its CPU time and memory
    #[arg(long, value_name = "PID", requires = "target")]
    pub(super) pid: Option<u32>,
    /// The listener that takes the requests; default: the first that serves APIs, external ones first
    #[arg(long, value_name = "NAME")]
    pub(super) listener: Option<String>,
    /// The version of HTTP
    #[arg(long, value_enum, value_name = "VERSION", default_value_t)]
    pub(super) http: HttpVersion,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) connections: u32,
    /// Requests at a time on each HTTP/2 connection
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(super) streams: u32,
    /// Open loop: requests a second, whether or not answers come; without it each connection waits for its answer
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// How long each row is measured, all rounds together
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub(super) duration: Duration,
    /// How long requests are sent before each measurement
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = time)]
    pub(super) warm_up: Duration,
    /// Rounds; in each of them every row is measured once, in another order
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=200))]
    pub(super) rounds: u32,
    /// What decides the order within the rounds and the times of an open loop; default: another one each time
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Write the result into this file instead of printing it
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum HttpVersion {
    /// HTTP/1.1
    #[default]
    #[value(name = "1.1", alias = "1")]
    Http1,
    /// HTTP/2
    #[value(name = "2")]
    Http2,
}

impl HttpVersion {
    /// As people write it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// An object a row
    Json,
    /// A table for a document
    Markdown,
    /// A page with plots, whole in itself
    Html,
}

impl Arguments {
    /// How long one row is measured in one round.
    pub(super) fn slice(&self) -> Duration {
        (self.duration / self.rounds).max(Duration::from_millis(20))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if (0.1..=10_000_000.0).contains(&rate) { Ok(rate) } else { Err("0.1 to 10000000".to_owned()) }
}

/// A time such as `300ms`, `5s` or `2m`.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| "such as 300ms, 5s or 2m".to_owned())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "" => return Err(format!("`{text}` has no unit; did you mean `{text}s`?")),
        other => return Err(format!("`{other}` is no unit; such as 300ms, 5s or 2m")),
    };
    if (0.0..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("at most a day".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(time("300ms").unwrap(), Duration::from_millis(300));
        assert_eq!(time("1.5s").unwrap(), Duration::from_millis(1500));
        assert_eq!(time("2m").unwrap(), Duration::from_secs(120));
        assert!(time("5").unwrap_err().contains("`5s`"));
        assert!(time("5h").unwrap_err().contains("`h`"));
        assert!(time("99999m").is_err());
        assert!(time("s").is_err());
    }
}
