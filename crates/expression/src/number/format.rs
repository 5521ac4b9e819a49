//! Standard and custom numeric format strings, invariant culture.
//!
//! <https://learn.microsoft.com/dotnet/standard/base-types/standard-numeric-format-strings>

use std::fmt::Write as _;

use super::{Number, display, place_point, range};
use crate::exception::Thrown;
use crate::types::Id;
use crate::value::Value;

/// Longest precision that is taken.
const MAX_PRECISION: usize = 1_000;

/// The number shown by a format string.
pub(crate) fn format(value: &Value, spec: &str) -> Result<String, Thrown> {
    let mut chars = spec.chars();
    let Some(letter) = chars.next() else { return Ok(display(value)) };
    let rest = chars.as_str();
    let standard =
        letter.is_ascii_alphabetic() && rest.len() <= 9 && rest.bytes().all(|b| b.is_ascii_digit());
    let Some(number) = Number::of(value) else { return Ok(value.display()) };
    if let Number::Float(n) = number
        && !n.is_finite()
    {
        return Ok(display(value));
    }
    if !standard {
        return Ok(custom(Digits::of(value, number), spec));
    }
    let precision = rest.parse::<usize>().ok();
    if precision.is_some_and(|p| p > MAX_PRECISION) {
        return Err(Thrown::format("Format specifier was invalid."));
    }
    let upper = letter.is_ascii_uppercase();
    Ok(match letter.to_ascii_uppercase() {
        'D' => {
            let Number::Integer(n) = number else {
                return Err(Thrown::format("Format specifier was invalid."));
            };
            let digits = format!("{:0>width$}", n.unsigned_abs(), width = precision.unwrap_or(1));
            format!("{}{digits}", if n < 0 { "-" } else { "" })
        }
        'X' => {
            let Number::Integer(n) = number else {
                return Err(Thrown::format("Format specifier was invalid."));
            };
            let bits = hex_bits(value, n);
            let width = precision.unwrap_or(1);
            if upper { format!("{bits:0>width$X}") } else { format!("{bits:0>width$x}") }
        }
        'F' => fixed(value, number, precision.unwrap_or(2)).text(false),
        'N' => fixed(value, number, precision.unwrap_or(2)).text(true),
        'C' => {
            let digits = fixed(value, number, precision.unwrap_or(2));
            let text = format!("¤{}", Digits { negative: false, ..digits.clone() }.text(true));
            if digits.shows_minus() { format!("({text})") } else { text }
        }
        'P' => {
            let decimals = precision.unwrap_or(2);
            let mut digits = match number {
                Number::Float(n) => {
                    Digits { signed_zero: true, ..Digits::read(&format!("{n:.*}", decimals + 2)) }
                }
                _ => Digits::of(value, number),
            };
            if !digits.figures.is_empty() {
                digits.point += 2;
            }
            digits.round(digits.point + decimals as i32);
            digits.decimals = decimals;
            format!("{} %", digits.text(true))
        }
        'E' => exponent(value, number, precision.unwrap_or(6), upper),
        'G' => general(value, number, precision.filter(|p| *p > 0), upper),
        'R' => match number {
            Number::Float(_) => display(value),
            _ => return Err(Thrown::format("Format specifier was invalid.")),
        },
        _ => return Err(Thrown::format("Format specifier was invalid.")),
    })
}

fn hex_bits(value: &Value, n: i128) -> u64 {
    match range(value.class().id()) {
        Some((_, max)) if n < 0 => (n + 2 * (max + 1)) as u64,
        _ if value.class().is(Id::Int32) => u64::from(n as u32),
        _ => n as u64,
    }
}

fn fixed(value: &Value, number: Number, decimals: usize) -> Digits {
    let mut digits = match number {
        // Exact binary value, ties to even, as .NET Core 3.0 and later do.
        Number::Float(n) => Digits { signed_zero: true, ..Digits::read(&format!("{n:.decimals$}")) },
        _ => Digits::of(value, number),
    };
    digits.round(digits.point + decimals as i32);
    digits.decimals = decimals;
    digits
}

fn exponent(value: &Value, number: Number, decimals: usize, upper: bool) -> String {
    let (negative, figures, power) = match number {
        Number::Float(n) => {
            let text = format!("{:.decimals$e}", n.abs());
            let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
            (n < 0.0, mantissa.replace('.', ""), power.parse().unwrap_or(0))
        }
        _ => {
            let mut digits = Digits::of(value, number);
            digits.round(decimals as i32 + 1);
            let power = if digits.figures.is_empty() { 0 } else { digits.point - 1 };
            let mut figures = digits.figures.clone();
            while figures.len() < decimals + 1 {
                figures.push('0');
            }
            (digits.negative, figures, power)
        }
    };
    let (first, rest) = figures.split_at(figures.len().min(1));
    let point = if decimals > 0 { "." } else { "" };
    let e = if upper { 'E' } else { 'e' };
    let sign = if power < 0 { '-' } else { '+' };
    format!("{}{first}{point}{rest}{e}{sign}{:03}", if negative { "-" } else { "" }, power.abs())
}

fn general(value: &Value, number: Number, precision: Option<usize>, upper: bool) -> String {
    let Some(precision) = precision else {
        let text = display(value);
        return if upper { text } else { text.replace('E', "e") };
    };
    let mut digits = match number {
        Number::Float(n) => Digits::read(&format!("{:.*e}", precision - 1, n)),
        _ => Digits::of(value, number),
    };
    digits.round(precision as i32);
    let power = digits.point - 1;
    let sign = if digits.shows_minus() { "-" } else { "" };
    if digits.figures.is_empty() {
        return "0".to_owned();
    }
    if power >= precision as i32 || power < -4 {
        let (first, rest) = digits.figures.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let e = if upper { 'E' } else { 'e' };
        return format!(
            "{sign}{first}{point}{rest}{e}{}{:02}",
            if power < 0 { '-' } else { '+' },
            power.abs()
        );
    }
    format!("{sign}{}", place_point(&digits.figures, digits.point))
}

/// A number as decimal digits: `0.figures × 10^point`, without trailing zeros.
#[derive(Clone, Debug)]
struct Digits {
    negative: bool,
    figures: String,
    point: i32,
    /// How many digits to show after the point.
    decimals: usize,
    /// Whether the sign of a zero is shown, as it is of a double.
    signed_zero: bool,
}

impl Digits {
    fn of(value: &Value, number: Number) -> Self {
        match number {
            Number::Integer(n) => Self::read(&n.to_string()),
            Number::Decimal(n) => Self::read(&n.to_string()),
            // A custom format sees 15 digits of a double, 7 of a float.
            Number::Float(n) => {
                Self::read(&format!("{:.*e}", if matches!(value, Value::Single(_)) { 6 } else { 14 }, n))
            }
        }
    }

    fn read(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
        let power: i32 = power.parse().unwrap_or(0);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let leading = all.len() - all.trim_start_matches('0').len();
        let figures = all.trim_matches('0').to_owned();
        let point = if figures.is_empty() { 0 } else { whole.len() as i32 - leading as i32 + power };
        Self { negative, figures, point, decimals: 0, signed_zero: false }
    }

    /// Keeps the first `keep` figures, half away from zero.
    fn round(&mut self, keep: i32) {
        if keep < 0 {
            self.figures.clear();
            self.point = 0;
            return;
        }
        let keep = keep as usize;
        let Some(next) = self.figures.as_bytes().get(keep).copied() else { return };
        let up = next >= b'5';
        self.figures.truncate(keep);
        if up {
            loop {
                match self.figures.pop() {
                    None => {
                        self.figures.push('1');
                        self.point += 1;
                        break;
                    }
                    Some('9') => {}
                    Some(d) => {
                        self.figures.push(char::from(d as u8 + 1));
                        break;
                    }
                }
            }
        }
        let length = self.figures.trim_end_matches('0').len();
        self.figures.truncate(length);
        if self.figures.is_empty() {
            self.point = 0;
        }
    }

    fn shows_minus(&self) -> bool {
        self.negative && (self.signed_zero || !self.figures.is_empty())
    }

    fn whole(&self) -> String {
        if self.point <= 0 {
            return String::new();
        }
        let point = self.point as usize;
        match self.figures.get(..point) {
            Some(whole) => whole.to_owned(),
            None => format!("{}{}", self.figures, "0".repeat(point - self.figures.len())),
        }
    }

    fn fraction(&self) -> String {
        if self.point < 0 {
            return format!("{}{}", "0".repeat((-self.point) as usize), self.figures);
        }
        self.figures.get(self.point as usize..).unwrap_or_default().to_owned()
    }

    fn text(&self, groups: bool) -> String {
        let mut whole = self.whole();
        if whole.is_empty() {
            whole.push('0');
        }
        if groups {
            whole = grouped(&whole);
        }
        let mut fraction = self.fraction();
        while fraction.len() < self.decimals {
            fraction.push('0');
        }
        fraction.truncate(self.decimals);
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{whole}{point}{fraction}", if self.shows_minus() { "-" } else { "" })
    }
}

fn grouped(whole: &str) -> String {
    let mut out = String::new();
    for (n, c) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A custom format string.
fn custom(mut digits: Digits, spec: &str) -> String {
    let sections = split_sections(spec);
    let zero = digits.figures.is_empty();
    let mut minus = digits.shows_minus();
    let mut chosen = match (sections.len(), zero, digits.negative) {
        (3.., true, _) => sections[2],
        (2.., false, true) if !sections[1].is_empty() => {
            minus = false;
            sections[1]
        }
        _ => sections[0],
    };
    let mut layout = Layout::read(chosen);
    digits.point += layout.shift;
    if zero {
        digits.point = 0;
    }
    if layout.exponent.is_none() {
        digits.round(digits.point + layout.decimals as i32);
        if digits.figures.is_empty() && !zero {
            // Rounded to nothing: the section of zero shows it.
            minus = false;
            if let Some(section) = sections.get(2) {
                chosen = section;
                layout = Layout::read(chosen);
            }
        }
    }
    let body = layout.write(&digits, chosen);
    if minus { format!("-{body}") } else { body }
}

fn split_sections(spec: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let (mut start, mut quote, mut escaped) = (0, None, false);
    for (n, c) in spec.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if let Some(q) = quote {
            if c == q {
                quote = None;
            }
        } else if c == '\'' || c == '"' {
            quote = Some(c);
        } else if c == ';' {
            sections.push(&spec[start..n]);
            start = n + 1;
        }
    }
    sections.push(&spec[start..]);
    sections
}

/// What a section asks for.
#[derive(Default)]
struct Layout {
    /// Digit places before the point.
    whole: usize,
    /// Digit places after the point.
    decimals: usize,
    /// Position (in places before the point, from the left) of the first `0`.
    first_zero: Option<usize>,
    /// Places after the point up to the last `0`.
    last_zero: usize,
    groups: bool,
    shift: i32,
    exponent: Option<(bool, usize)>,
}

impl Layout {
    fn read(section: &str) -> Self {
        let mut layout = Self::default();
        let mut after = false;
        let mut commas = 0;
        let mut chars = section.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    chars.next();
                }
                '\'' | '"' => while chars.next().is_some_and(|q| q != c) {},
                '0' | '#' => {
                    if after {
                        layout.decimals += 1;
                        if c == '0' {
                            layout.last_zero = layout.decimals;
                        }
                    } else {
                        if commas > 0 {
                            layout.groups = true;
                            commas = 0;
                        }
                        if c == '0' && layout.first_zero.is_none() {
                            layout.first_zero = Some(layout.whole);
                        }
                        layout.whole += 1;
                    }
                }
                ',' if !after && layout.whole > 0 => commas += 1,
                '.' => after = true,
                '%' => layout.shift += 2,
                '‰' => layout.shift += 3,
                'E' | 'e' => {
                    let plus = match chars.peek() {
                        Some('+') => true,
                        Some('-' | '0') => false,
                        _ => continue,
                    };
                    let signed = matches!(chars.peek(), Some('+' | '-'));
                    if signed {
                        chars.next();
                    }
                    let mut zeros = 0;
                    while chars.peek() == Some(&'0') {
                        chars.next();
                        zeros += 1;
                    }
                    if zeros > 0 {
                        layout.exponent = Some((plus, zeros));
                    }
                }
                _ => {}
            }
        }
        layout.shift -= 3 * commas;
        layout
    }

    fn write(&self, digits: &Digits, section: &str) -> String {
        let mut digits = digits.clone();
        let mut power = 0;
        if self.exponent.is_some() && !digits.figures.is_empty() {
            digits.round(self.whole as i32 + self.decimals as i32);
            power = digits.point - self.whole as i32;
            digits.point = self.whole as i32;
        }
        let whole = digits.whole();
        let fraction = digits.fraction();
        let least = self.first_zero.map_or(0, |n| self.whole - n);
        let mut shown = whole;
        while shown.len() < least {
            shown.insert(0, '0');
        }
        let mut shown_fraction = fraction;
        while shown_fraction.len() < self.last_zero {
            shown_fraction.push('0');
        }
        shown_fraction.truncate(self.decimals.max(self.last_zero));
        let mut out = String::new();
        let (mut place, mut after, mut fraction_at) = (0, false, 0);
        let total = shown.len();
        let mut at = 0;
        let mut chars = section.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => out.extend(chars.next()),
                '\'' | '"' => {
                    for q in chars.by_ref() {
                        if q == c {
                            break;
                        }
                        out.push(q);
                    }
                }
                '0' | '#' if !after => {
                    // The first place takes every digit that has no place of its own.
                    let remaining = self.whole - place - 1;
                    while at < total && total - at > remaining {
                        out.extend(shown.get(at..=at));
                        at += 1;
                        if self.groups && at < total && (total - at).is_multiple_of(3) {
                            out.push(',');
                        }
                    }
                    place += 1;
                }
                '0' | '#' => {
                    if let Some(d) = shown_fraction.get(fraction_at..=fraction_at) {
                        out.push_str(d);
                    }
                    fraction_at += 1;
                }
                '.' if !after => {
                    after = true;
                    if !shown_fraction.is_empty() {
                        out.push('.');
                    }
                }
                '.' | ',' => {}
                'E' | 'e' if self.exponent.is_some() && matches!(chars.peek(), Some('+' | '-' | '0')) => {
                    let (plus, width) = self.exponent.unwrap_or_default();
                    while matches!(chars.peek(), Some('+' | '-' | '0')) {
                        chars.next();
                    }
                    let sign = if power < 0 {
                        "-"
                    } else if plus {
                        "+"
                    } else {
                        ""
                    };
                    let _ = write!(out, "{c}{sign}{:0>width$}", power.abs());
                }
                other => out.push(other),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_dotnet() {
        for (value, spec, expected) in [
            (Value::Int32(7), "D3", "007"),
            (Value::Int32(-7), "D3", "-007"),
            (Value::Int32(255), "x4", "00ff"),
            (Value::Int32(-1), "X", "FFFFFFFF"),
            (Value::Int32(1_234_567), "N0", "1,234,567"),
            (Value::Double(1234.5678), "F2", "1234.57"),
            (Value::Double(0.125), "P1", "12.5 %"),
            (Value::Double(12345.678), "E2", "1.23E+004"),
            (Value::Double(1234.5), "#,##0.00", "1,234.50"),
            (Value::Double(0.5), "#.##", ".5"),
            (Value::Int32(5), "000", "005"),
            (Value::Double(1e17), "", "1E+17"),
            (Value::Double(0.00001), "", "1E-05"),
            (Value::Double(123_456.0), "G3", "1.23E+05"),
        ] {
            assert_eq!(format(&value, spec).unwrap(), expected, "{spec}");
        }
    }
}
