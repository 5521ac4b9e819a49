//! Dates and floating-point numbers as .NET writes them into XML.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// What a text becomes that Newtonsoft's reader takes for a date: ISO 8601 with a time, or `/Date(milliseconds)/`. Zeros
/// at the end of a fraction go, and a time with an offset becomes one of the time zone UTC.
pub(super) fn date(text: &str) -> Option<String> {
    if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        let instant = Timestamp::from_millisecond(millis.parse().ok()?).ok()?;
        return Some(format!("{}Z", written(Offset::UTC.to_datetime(instant))));
    }
    let bytes = text.as_bytes();
    let is_separated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')]
        .iter()
        .all(|(at, separator)| bytes.get(*at) == Some(separator));
    if !is_separated {
        return None;
    }
    let (whole, rest) = text.split_at_checked(19)?;
    let number = |range| digits(whole.get(range)?);
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(rest.bytes().take_while(u8::is_ascii_digit).count())?,
        None => ("0", rest),
    };
    if fraction.is_empty() || fraction.len() > 7 {
        return None;
    }
    let nanoseconds = digits(fraction)? * 10_i32.pow(9 - fraction.len() as u32);
    let small = |range| number(range).and_then(|number| i8::try_from(number).ok());
    let (year, month, day) = (i16::try_from(number(0..4)?).ok()?, small(5..7)?, small(8..10)?);
    let (hour, minute, second) = (small(11..13)?, small(14..16)?, small(17..19)?);
    let time =
        DateTime::new(year, month, day, hour, minute, second, nanoseconds).ok().filter(|_| year > 0)?;
    match zone {
        "" => Some(written(time)),
        "Z" => Some(format!("{}Z", written(time))),
        zone => Some(format!("{}+00:00", written(time.checked_sub(offset(zone)?).ok()?))),
    }
}

/// `+02`, `+0200` or `+02:00`.
fn offset(zone: &str) -> Option<SignedDuration> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.len() {
        2 => (rest, "00"),
        4 => rest.split_at_checked(2)?,
        5 => rest.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= 14 && minutes < 60).then(|| SignedDuration::from_mins(i64::from(sign * (hours * 60 + minutes))))
}

fn digits(text: &str) -> Option<i32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn written(time: DateTime) -> String {
    let whole = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    match time.subsec_nanosecond() / 100 {
        0 => whole,
        ticks => format!("{whole}.{}", format!("{ticks:07}").trim_end_matches('0')),
    }
}

/// The shortest digits that mean the number, with an exponent where .NET writes one.
pub(super) fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(-4..=14) | Err(_) => number.to_string(),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}E{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_in_dotnet() {
        for (text, wanted) in [
            ("2021-01-02T03:04:05Z", "2021-01-02T03:04:05Z"),
            ("2021-01-02T03:04:05.120Z", "2021-01-02T03:04:05.12Z"),
            ("2021-01-02T03:04:05.000", "2021-01-02T03:04:05"),
            ("2021-01-01T00:30:00+02:00", "2020-12-31T22:30:00+00:00"),
            ("2021-01-01T00:30:00-0130", "2021-01-01T02:00:00+00:00"),
            ("/Date(1198908717056)/", "2007-12-29T06:11:57.056Z"),
        ] {
            assert_eq!(date(text).as_deref(), Some(wanted));
        }
        for text in [
            "2021-01-02",
            "2021-13-02T03:04:05Z",
            "2021-01-02T03:04",
            "2021-01-02T03:04:05.",
            "2021-01-02T03:04:05.12345678Z",
            "2021-01-02T03:04:05+2",
            "2021-01-02T03:04:0é5Z",
            "+021-01-02T03:04:05Z",
            "/Date(x)/",
            "",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_in_dotnet() {
        for (number, wanted) in [
            (1.0, "1"),
            (1.5, "1.5"),
            (-0.25, "-0.25"),
            (1e15, "1E+15"),
            (1e14, "100000000000000"),
            (1.5e-6, "1.5E-06"),
            (1e-5, "1E-05"),
            (1e-4, "0.0001"),
        ] {
            assert_eq!(float(number), wanted);
        }
    }
}
