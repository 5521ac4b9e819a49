//! Amounts of money as the cultures of .NET write them.

use rust_decimal::{Decimal, RoundingStrategy};

struct Culture {
    tag: &'static str,
    symbol: &'static str,
    is_before: bool,
    thousands: &'static str,
    point: &'static str,
    places: u32,
}

const fn culture(
    tag: &'static str,
    symbol: &'static str,
    is_before: bool,
    thousands: &'static str,
    point: &'static str,
    places: u32,
) -> Culture {
    Culture { tag, symbol, is_before, thousands, point, places }
}

/// The invariant culture and the usual ones.
const CULTURES: [Culture; 14] = [
    culture("", "\u{a4}", true, ",", ".", 2),
    culture("de-AT", "€\u{a0}", true, "\u{a0}", ",", 2),
    culture("de-DE", "\u{a0}€", false, ".", ",", 2),
    culture("en-AU", "$", true, ",", ".", 2),
    culture("en-CA", "$", true, ",", ".", 2),
    culture("en-GB", "£", true, ",", ".", 2),
    culture("en-IE", "€", true, ",", ".", 2),
    culture("en-US", "$", true, ",", ".", 2),
    culture("es-ES", "\u{a0}€", false, ".", ",", 2),
    culture("fr-FR", "\u{a0}€", false, "\u{202f}", ",", 2),
    culture("it-IT", "\u{a0}€", false, ".", ",", 2),
    culture("ja-JP", "￥", true, ",", ".", 0),
    culture("nl-NL", "€\u{a0}", true, ".", ",", 2),
    culture("pt-BR", "R$\u{a0}", true, ".", ",", 2),
];

/// The amount in a culture.
pub(super) fn format(amount: Decimal, tag: &str) -> Result<String, String> {
    let tag = tag.trim();
    let Some(culture) = CULTURES.iter().find(|known| known.tag.eq_ignore_ascii_case(tag)) else {
        let known: Vec<&str> = CULTURES.iter().skip(1).map(|known| known.tag).collect();
        return Err(format!("the culture `{tag}` is not known here; known are {}", known.join(", ")));
    };
    let rounded = amount.abs().round_dp_with_strategy(culture.places, RoundingStrategy::MidpointAwayFromZero);
    let digits = format!("{rounded:.*}", culture.places as usize);
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push_str(culture.thousands);
        }
        grouped.push(digit);
    }
    let point = if fraction.is_empty() { "" } else { culture.point };
    let sign = if amount.is_sign_negative() && !rounded.is_zero() { "-" } else { "" };
    let (before, after) = if culture.is_before { (culture.symbol, "") } else { ("", culture.symbol) };
    Ok(format!("{sign}{before}{grouped}{point}{fraction}{after}"))
}
