//! Reads dates: ISO 8601, RFC 1123, the invariant culture's forms, and exact format strings.

use super::format::{DAYS, MONTHS};
use super::{DAY, Date, DateTime, Kind, SECOND};

/// A date as read, with the zone it names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parsed {
    pub(crate) ticks: i64,
    /// Minutes ahead of UTC, where a zone is named.
    pub(crate) offset: Option<i16>,
    /// Whether the zone is `Z` or `GMT`.
    pub(crate) utc: bool,
}

/// The strict form that JSON strings must have to be dates.
pub(crate) fn json(text: &str) -> Option<DateTime> {
    let mut reader = Reader { rest: text };
    let date = reader.iso_date()?;
    reader.eat("T").then_some(())?;
    let time = reader.iso_time(true)?;
    let (offset, utc) = reader.zone()?;
    reader.rest.is_empty().then_some(())?;
    to_date_time(Parsed { ticks: date + time, offset, utc })
}

/// Any of the forms that `DateTime.Parse` with the invariant culture takes.
pub(crate) fn any(text: &str, now: i64) -> Option<Parsed> {
    let text = text.trim();
    if text.len() > 100 {
        return None;
    }
    let mut reader = Reader { rest: text };
    // A leading day name says nothing.
    for day in DAYS {
        if reader.name(day) {
            reader.eat(",");
            reader.space();
            break;
        }
    }
    let date = reader.date(now)?;
    let separated = reader.space() | reader.eat("T") | reader.eat(",");
    reader.space();
    let mut time = 0;
    if reader.rest.starts_with(|c: char| c.is_ascii_digit()) && (separated || date.1) {
        time = reader.clock()?;
    } else if date.1 {
        return None;
    }
    reader.space();
    let (offset, utc) = reader.zone()?;
    reader.space();
    reader.rest.is_empty().then_some(())?;
    Some(Parsed { ticks: date.0 + time, offset, utc })
}

/// A date with a zone in the gateway's time (UTC), marked local as .NET does; `Z` too unless kept.
pub(crate) fn to_date_time(parsed: Parsed) -> Option<DateTime> {
    match parsed.offset {
        None => DateTime::new(parsed.ticks, Kind::Unspecified),
        Some(_) if parsed.utc => DateTime::new(parsed.ticks, Kind::Utc),
        Some(offset) => DateTime::new(parsed.ticks - i64::from(offset) * 60 * SECOND, Kind::Local),
    }
}

/// By an exact format string.
pub(crate) fn exact(text: &str, spec: &str, now: i64) -> Option<Parsed> {
    let pattern = match spec {
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        "r" | "R" => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "u" => "yyyy-MM-dd HH:mm:ss'Z'",
        "d" => "MM/dd/yyyy",
        "D" => "dddd, dd MMMM yyyy",
        "g" => "MM/dd/yyyy HH:mm",
        "G" => "MM/dd/yyyy HH:mm:ss",
        "t" => "HH:mm",
        "T" => "HH:mm:ss",
        other => other,
    };
    let today = Date::of(now);
    let (mut year, mut month, mut day) = (None, None, None);
    let (mut hour, mut minute, mut second, mut fraction) = (0, 0, 0, 0);
    let (mut afternoon, mut twelve) = (None, false);
    let (mut offset, mut utc) = (None, matches!(spec, "r" | "R"));
    if utc {
        offset = Some(0);
    }
    let mut reader = Reader { rest: text };
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let mut count = 1;
        if c.is_ascii_alphabetic() {
            while chars.peek() == Some(&c) {
                chars.next();
                count += 1;
            }
        }
        match c {
            'y' => {
                let digits = if count <= 2 { 2 } else { count.max(4) };
                let number = reader.digits(if count == 1 { 1 } else { digits }, digits)? as i32;
                year = Some(if count <= 2 { number + if number < 30 { 2000 } else { 1900 } } else { number });
            }
            'M' if count <= 2 => month = Some(reader.digits(count, 2)? as i32),
            'M' => month = Some(reader.month(count == 3)?),
            'd' if count <= 2 => day = Some(reader.digits(count, 2)? as i32),
            'd' => {
                DAYS.iter().any(|d| reader.name_of(d, count == 3)).then_some(())?;
            }
            'H' | 'h' => {
                hour = reader.digits(count.min(2), 2)?;
                twelve |= c == 'h';
            }
            'm' => minute = reader.digits(count.min(2), 2)?,
            's' => second = reader.digits(count.min(2), 2)?,
            'f' => fraction = reader.fraction(count, count)?,
            'F' => fraction = reader.fraction(0, count)?,
            't' => {
                let word = reader.rest.get(..count.min(2))?.to_ascii_uppercase();
                afternoon = Some(word.starts_with('P'));
                reader.rest = reader.rest.get(count.min(2)..)?;
            }
            'z' | 'K' => {
                let found = reader.zone()?;
                if c == 'z' && found.0.is_none() {
                    return None;
                }
                (offset, utc) = found;
            }
            '\\' => {
                let wanted = chars.next()?;
                reader.eat(wanted.encode_utf8(&mut [0; 4])).then_some(())?;
            }
            '%' => {}
            '\'' | '"' => {
                for q in chars.by_ref() {
                    if q == c {
                        break;
                    }
                    reader.eat(q.encode_utf8(&mut [0; 4])).then_some(())?;
                }
            }
            other => {
                for _ in 0..count {
                    // A fraction that is left out takes its point with it.
                    if other == '.' && chars.peek() == Some(&'F') && !reader.rest.starts_with('.') {
                        continue;
                    }
                    reader.eat(other.encode_utf8(&mut [0; 4])).then_some(())?;
                }
            }
        }
    }
    reader.rest.is_empty().then_some(())?;
    if twelve {
        (1..=12).contains(&hour).then_some(())?;
        hour %= 12;
        if afternoon == Some(true) {
            hour += 12;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let named = year.is_some() || month.is_some() || day.is_some();
    let date = Date {
        year: year.unwrap_or(today.year),
        month: month.unwrap_or(if named { 1 } else { today.month }),
        day: day.unwrap_or(if named { 1 } else { today.day }),
    };
    let ticks = date.ticks()? + (hour * 3600 + minute * 60 + second) * SECOND + fraction;
    Some(Parsed { ticks, offset, utc })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn iso_date(&mut self) -> Option<i64> {
        let year = self.digits(4, 4)? as i32;
        self.eat("-").then_some(())?;
        let month = self.digits(2, 2)? as i32;
        self.eat("-").then_some(())?;
        let day = self.digits(2, 2)? as i32;
        Date { year, month, day }.ticks()
    }

    fn iso_time(&mut self, seconds: bool) -> Option<i64> {
        let hour = self.digits(2, 2)?;
        self.eat(":").then_some(())?;
        let minute = self.digits(2, 2)?;
        let mut second = 0;
        if self.eat(":") {
            second = self.digits(2, 2)?;
        } else if seconds {
            return None;
        }
        let fraction = if self.rest.starts_with('.') {
            self.eat(".");
            self.fraction(1, 16)?
        } else {
            0
        };
        if hour == 24 && minute == 0 && second == 0 && fraction == 0 {
            return Some(DAY);
        }
        (hour < 24 && minute < 60 && second < 60)
            .then_some((hour * 3600 + minute * 60 + second) * SECOND + fraction)
    }

    /// A time of day, with `AM` or `PM` if so written.
    fn clock(&mut self) -> Option<i64> {
        let hour = self.digits(1, 2)?;
        let (mut minute, mut second, mut fraction) = (0, 0, 0);
        let mut parts = 1;
        if self.eat(":") {
            minute = self.digits(1, 2)?;
            parts = 2;
            if self.eat(":") {
                second = self.digits(1, 2)?;
                if self.eat(".") {
                    fraction = self.fraction(1, 16)?;
                }
            }
        }
        self.space();
        let mut hour = hour;
        let upper = self.rest.get(..2).unwrap_or_default().to_ascii_uppercase();
        if upper == "AM" || upper == "PM" {
            self.rest = self.rest.get(2..)?;
            (1..=12).contains(&hour).then_some(())?;
            hour = hour % 12 + if upper == "PM" { 12 } else { 0 };
        } else if parts == 1 {
            return None;
        }
        if hour == 24 && minute == 0 && second == 0 {
            return Some(DAY);
        }
        (hour < 24 && minute < 60 && second < 60)
            .then_some((hour * 3600 + minute * 60 + second) * SECOND + fraction)
    }

    /// A date in ticks; `true` with it if it is only today's, because a bare time was written.
    fn date(&mut self, now: i64) -> Option<(i64, bool)> {
        let start = self.rest;
        if let Some(month) = self.month(false).or_else(|| self.month(true)) {
            self.eat(".");
            self.space();
            let first = self.digits(1, 4)? as i32;
            self.eat(",");
            self.space();
            if first > 31 {
                return Some((Date { year: first, month, day: 1 }.ticks()?, false));
            }
            let year = if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
                self.digits(4, 4)? as i32
            } else {
                Date::of(now).year
            };
            return Some((Date { year, month, day: first }.ticks()?, false));
        }
        let first = self.digits(1, 4)? as i32;
        if self.rest.starts_with(':')
            || self.rest.trim_start().to_ascii_uppercase().starts_with("AM")
            || self.rest.trim_start().to_ascii_uppercase().starts_with("PM")
        {
            self.rest = start;
            return Some((now - now.rem_euclid(DAY), true));
        }
        let separator = self.rest.chars().next()?;
        if !matches!(separator, '-' | '/' | '.' | ' ') {
            return None;
        }
        self.eat(separator.encode_utf8(&mut [0; 4]));
        if let Some(month) = self.month(false).or_else(|| self.month(true)) {
            self.eat("-");
            self.eat(",");
            self.space();
            let year = self.digits(2, 4)? as i32;
            let date = if first > 31 {
                Date { year: first, month, day: year }
            } else {
                Date { year: full_year(year), month, day: first }
            };
            return Some((date.ticks()?, false));
        }
        let second = self.digits(1, 2)? as i32;
        if !self.eat(separator.encode_utf8(&mut [0; 4])) {
            // Year and month, or month and day.
            let date = if first > 31 {
                Date { year: first, month: second, day: 1 }
            } else {
                Date { year: Date::of(now).year, month: first, day: second }
            };
            return Some((date.ticks()?, false));
        }
        let third = self.digits(1, 4)? as i32;
        let date = if first > 31 {
            Date { year: first, month: second, day: third }
        } else {
            Date { year: full_year(third), month: first, day: second }
        };
        Some((date.ticks()?, false))
    }

    fn zone(&mut self) -> Option<(Option<i16>, bool)> {
        if self.rest.is_empty() {
            return Some((None, false));
        }
        if self.eat("Z") || self.eat("z") || self.eat("GMT") || self.eat("UTC") {
            return Some((Some(0), true));
        }
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = self.digits(1, 2)?;
        let minutes = if self.eat(":") || self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            self.digits(2, 2)?
        } else {
            0
        };
        (hours <= 14 && minutes < 60).then_some((Some(sign * (hours * 60 + minutes) as i16), false))
    }

    fn month(&mut self, short: bool) -> Option<i32> {
        MONTHS.iter().position(|m| self.name_of(m, short)).map(|n| n as i32 + 1)
    }

    fn name(&mut self, name: &str) -> bool {
        self.name_of(name, false) || self.name_of(name, true)
    }

    fn name_of(&mut self, name: &str, short: bool) -> bool {
        let name = if short { name.get(..3).unwrap_or(name) } else { name };
        match self.rest.get(..name.len()) {
            Some(found) if found.eq_ignore_ascii_case(name) => {
                self.rest = self.rest.get(name.len()..).unwrap_or_default();
                true
            }
            _ => false,
        }
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        digits.parse().ok()
    }

    fn fraction(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        let padded = format!("{digits:0<8}");
        let seven: i64 = padded.get(..7)?.parse().ok()?;
        let round = padded.as_bytes().get(7).is_some_and(|b| *b >= b'5');
        Some(seven + i64::from(round))
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn space(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        let some = trimmed.len() < self.rest.len();
        self.rest = trimmed;
        some
    }
}

fn full_year(year: i32) -> i32 {
    match year {
        0..=29 => 2000 + year,
        30..=99 => 1900 + year,
        other => other,
    }
}
