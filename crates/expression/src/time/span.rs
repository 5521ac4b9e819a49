//! `System.TimeSpan`.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::{DAY, SECOND, ticks_of};

/// A span of time in ticks of 100 ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeSpan(pub i64);

impl TimeSpan {
    /// The span as a duration; nothing where it is negative.
    pub fn to_duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0).saturating_mul(100))
    }

    /// Reads `[-][d.]hh:mm[:ss[.fffffff]]` or whole days.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let number = |t: &str| {
            if t.is_empty() || t.len() > 8 || !t.bytes().all(|b| b.is_ascii_digit()) {
                None
            } else {
                t.parse::<i64>().ok()
            }
        };
        let ticks = if let Some(days) = number(text) {
            days.checked_mul(DAY)?
        } else {
            let mut parts: Vec<&str> = text.split(':').collect();
            let mut days = 0;
            if let Some((d, hours)) = parts.first().and_then(|f| f.split_once('.')) {
                days = number(d)?;
                parts[0] = hours;
            } else if parts.len() == 4 {
                days = number(parts.remove(0))?;
            }
            if !(2..=3).contains(&parts.len()) {
                return None;
            }
            let hours = number(parts[0]).filter(|h| *h < 24)?;
            let minutes = number(parts[1]).filter(|m| *m < 60)?;
            let (mut seconds, mut fraction) = (0, 0);
            if let Some(last) = parts.get(2) {
                let (whole, part) = last.split_once('.').unwrap_or((last, ""));
                seconds = number(whole).filter(|s| *s < 60)?;
                if !part.is_empty() {
                    if part.len() > 7 {
                        return None;
                    }
                    fraction = number(&format!("{part:0<7}"))?;
                }
            }
            days.checked_mul(DAY)? + (hours * 3600 + minutes * 60 + seconds) * SECOND + fraction
        };
        Some(Self(if negative { -ticks } else { ticks }))
    }

    /// Shows it by a standard (`c`, `g`, `G`) or custom format string.
    pub(crate) fn format(self, spec: &str) -> Option<String> {
        match spec {
            "" | "c" | "t" | "T" => return Some(self.to_string()),
            _ => {}
        }
        let ticks = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let day = DAY as u64;
        let (days, rest) = (ticks / day, ticks % day);
        let seconds = rest / SECOND as u64;
        let (hours, minutes, seconds, fraction) =
            (seconds / 3600, seconds / 60 % 60, seconds % 60, rest % SECOND as u64);
        match spec {
            "g" => {
                let days = if days > 0 { format!("{days}:") } else { String::new() };
                let fraction = if fraction > 0 {
                    format!(".{}", format!("{fraction:07}").trim_end_matches('0'))
                } else {
                    String::new()
                };
                return Some(format!("{sign}{days}{hours}:{minutes:02}:{seconds:02}{fraction}"));
            }
            "G" => return Some(format!("{sign}{days}:{hours:02}:{minutes:02}:{seconds:02}.{fraction:07}")),
            _ if spec.len() == 1 => return None,
            _ => {}
        }
        let mut out = String::new();
        let mut chars = spec.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                'd' | 'h' | 'm' | 's' | 'f' | 'F' => {
                    let mut count = 1;
                    while chars.peek() == Some(&c) {
                        chars.next();
                        count += 1;
                    }
                    let number = match c {
                        'd' => days,
                        'h' => hours,
                        'm' => minutes,
                        's' => seconds,
                        _ => {
                            if count > 7 {
                                return None;
                            }
                            let digits = format!("{fraction:07}");
                            let digits = digits.get(..count).unwrap_or_default();
                            out.push_str(if c == 'F' { digits.trim_end_matches('0') } else { digits });
                            continue;
                        }
                    };
                    if count > 2 && c != 'd' || count > 8 {
                        return None;
                    }
                    let _ = write!(out, "{number:0count$}");
                }
                '\\' => out.push(chars.next()?),
                '%' => {}
                '\'' | '"' => {
                    for q in chars.by_ref() {
                        if q == c {
                            break;
                        }
                        out.push(q);
                    }
                }
                _ => return None,
            }
        }
        Some(out)
    }
}

impl From<Duration> for TimeSpan {
    fn from(duration: Duration) -> Self {
        Self(ticks_of(duration))
    }
}

impl fmt::Display for TimeSpan {
    /// The constant format: `[-][d.]hh:mm:ss[.fffffff]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.0.unsigned_abs();
        let day = DAY as u64;
        let (days, rest) = (ticks / day, ticks % day);
        let seconds = rest / SECOND as u64;
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if days > 0 {
            write!(f, "{days}.")?;
        }
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        let fraction = rest % SECOND as u64;
        if fraction > 0 { write!(f, ".{fraction:07}") } else { Ok(()) }
    }
}
