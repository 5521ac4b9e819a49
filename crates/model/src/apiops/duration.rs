//! ISO 8601 durations, as circuit breakers write them: `PT10S`, `PT1M30S`, `P1D`.

use std::time::Duration;

/// Reads a duration of weeks, days, hours, minutes and seconds. Years and months have no fixed length.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let rest = text.trim().strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = sum(date, &[('W', 7 * 86_400), ('D', 86_400)])?;
    let time = sum(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    date.checked_add(time)
}

/// The sum of numbers with units, in the order of the units.
fn sum(text: &str, units: &[(char, u64)]) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    let mut units = units.iter();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
        let (number, unit_and_rest) = rest.split_at(end);
        let unit = unit_and_rest.chars().next()?;
        let (_, seconds) = units.by_ref().find(|(known, _)| *known == unit)?;
        rest = unit_and_rest.get(1..)?;
        let part = match number.split_once(['.', ',']) {
            None => Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(*seconds)?),
            Some((whole, fraction)) if rest.is_empty() && !fraction.is_empty() => {
                let value: f64 = format!("{whole}.{fraction}").parse().ok()?;
                Duration::try_from_secs_f64(value * *seconds as f64).ok()?
            }
            Some(_) => return None,
        };
        total = total.checked_add(part)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_units_in_order() {
        for (text, seconds) in [
            ("PT10S", 10.0),
            ("PT1M30S", 90.0),
            ("P1D", 86_400.0),
            ("P1DT1H", 90_000.0),
            ("P2W", 1_209_600.0),
            ("PT0.5S", 0.5),
            ("PT0S", 0.0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "10",
            "PT10",
            "P1Y",
            "P1M",
            "PT1S1M",
            "PT-1S",
            "PT1.5M1S",
            "00:01:00",
            "P99999999999999999999D",
            "PTS",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
