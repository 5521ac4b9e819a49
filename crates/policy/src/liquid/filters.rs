//! The filters that the documentation of `set-body` lists, with the names that it gives them.

use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::SystemTime;

use gatehouse_expression::{DateTime, dotnet};

use super::currency;
use super::data::Data;
use super::numbers::{self, Operation, calculate};

/// A filter.
pub(super) struct Filter {
    /// Its name.
    pub(super) name: &'static str,
    /// How many arguments it takes.
    pub(super) arguments: RangeInclusive<usize>,
    pub(super) apply: fn(&Data, &Arguments<'_>) -> Result<Data, String>,
}

/// What a filter is given besides its input.
pub(super) struct Arguments<'a> {
    pub(super) values: &'a [Data],
    pub(super) now: SystemTime,
    /// The longest text that it may make, in bytes.
    pub(super) limit: usize,
}

impl Arguments<'_> {
    fn get(&self, index: usize) -> &Data {
        self.values.get(index).unwrap_or(&Data::Null)
    }

    fn text(&self, index: usize) -> Arc<str> {
        self.get(index).to_text()
    }

    fn integer(&self, index: usize, default: i64) -> Result<i64, String> {
        match self.get(index) {
            Data::Null => Ok(default),
            other => numbers::integer(other).ok_or_else(|| "it takes a whole number".to_owned()),
        }
    }
}

type Apply = fn(&Data, &Arguments<'_>) -> Result<Data, String>;

const fn filter(name: &'static str, least: usize, most: usize, apply: Apply) -> Filter {
    Filter { name, arguments: least..=most, apply }
}

/// Every filter, by name.
pub(super) const FILTERS: &[Filter] = &[
    filter("Abs", 0, 0, |input, _| Ok(numbers::absolute(input))),
    filter("Append", 1, 1, |input, with| joined(input, &input.to_text(), &with.text(0), with)),
    filter("AtLeast", 1, 1, |input, with| Ok(bounded(input, with.get(0), Ordering::Less))),
    filter("AtMost", 1, 1, |input, with| Ok(bounded(input, with.get(0), Ordering::Greater))),
    filter("Capitalize", 0, 0, |input, _| mapped(input, title)),
    filter("Compact", 0, 0, |input, _| {
        Ok(list(flat(input).into_iter().filter(|item| !matches!(item, Data::Null))))
    }),
    filter("Currency", 0, 1, money),
    filter("Date", 0, 1, date),
    filter("Default", 1, 1, |input, with| {
        let text = input.to_text();
        Ok(if text.trim().is_empty() { with.get(0).clone() } else { Data::Text(text) })
    }),
    filter("DividedBy", 1, 1, |input, with| maths(Operation::Divide, input, with)),
    filter("Downcase", 0, 0, |input, _| mapped(input, str::to_lowercase)),
    filter("Escape", 0, 0, |input, _| mapped(input, dotnet::html_encode)),
    filter("First", 0, 0, |input, _| {
        Ok(input.items().and_then(|items| items.into_iter().next()).unwrap_or(Data::Null))
    }),
    filter("H", 0, 0, |input, _| mapped(input, dotnet::html_encode)),
    filter("Join", 0, 1, join),
    filter("Last", 0, 0, |input, _| {
        Ok(input.items().and_then(|mut items| items.pop()).unwrap_or(Data::Null))
    }),
    filter("Lstrip", 0, 0, |input, _| mapped(input, |text| text.trim_start().to_owned())),
    filter("Map", 1, 1, map),
    filter("Minus", 1, 1, |input, with| maths(Operation::Subtract, input, with)),
    filter("Modulo", 1, 1, |input, with| maths(Operation::Remainder, input, with)),
    filter("NewlineToBr", 0, 0, |input, with| replaced(input, "\r?\n", "<br />$0", usize::MAX, with)),
    filter("Plus", 1, 1, |input, with| match input {
        Data::Text(text) => joined(input, text, &with.text(0), with),
        _ => maths(Operation::Add, input, with),
    }),
    filter("Prepend", 1, 1, |input, with| joined(input, &with.text(0), &input.to_text(), with)),
    filter("Remove", 1, 1, |input, with| {
        let what = with.text(0);
        mapped(input, |text| if what.is_empty() { text.to_owned() } else { text.replace(&*what, "") })
    }),
    filter("RemoveFirst", 1, 1, |input, with| replaced(input, &with.text(0), "", 1, with)),
    filter("Replace", 1, 2, |input, with| replaced(input, &with.text(0), &with.text(1), usize::MAX, with)),
    // The replacement of the first match stands for itself.
    filter("ReplaceFirst", 1, 2, |input, with| {
        replaced(input, &with.text(0), &with.text(1).replace('$', "$$"), 1, with)
    }),
    filter("Round", 0, 1, |input, with| Ok(numbers::round(input, with.integer(0, 0)?))),
    filter("Rstrip", 0, 0, |input, _| mapped(input, |text| text.trim_end().to_owned())),
    filter("Size", 0, 0, |input, _| Ok(Data::Integer(input.size()))),
    filter("Slice", 1, 2, slice),
    filter("Sort", 0, 1, sort),
    filter("Split", 1, 1, split),
    filter("Strip", 0, 0, |input, _| mapped(input, |text| text.trim().to_owned())),
    filter("StripHtml", 0, 0, |input, with| {
        let blocks = "(?is)<script.*?</script>|<!--.*?-->|<style.*?</style>";
        replaced(&replaced(input, blocks, "", usize::MAX, with)?, "(?s)<.*?>", "", usize::MAX, with)
    }),
    filter("StripNewlines", 0, 0, |input, with| replaced(input, "\r?\n", "", usize::MAX, with)),
    filter("Times", 1, 1, |input, with| match (input, with.get(0)) {
        (Data::Text(text), Data::Integer(times)) => repeated(text, *times, with.limit),
        _ => maths(Operation::Multiply, input, with),
    }),
    filter("Truncate", 0, 2, truncate),
    filter("TruncateWords", 0, 2, truncate_words),
    filter("Uniq", 0, 0, uniq),
    filter("Upcase", 0, 0, |input, _| mapped(input, str::to_uppercase)),
    filter("UrlDecode", 0, 0, |input, _| mapped(input, dotnet::url_decode)),
    filter("UrlEncode", 0, 0, |input, _| mapped(input, dotnet::url_encode)),
];

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The filter of a name.
pub(super) fn find(name: &str) -> Option<&'static Filter> {
    FILTERS.iter().find(|filter| filter.name == name)
}

/// A text made into another; null stays null.
fn mapped(input: &Data, map: impl Fn(&str) -> String) -> Result<Data, String> {
    Ok(match input {
        Data::Null => Data::Null,
        other => Data::text(map(&other.to_text())),
    })
}

fn joined(input: &Data, first: &str, second: &str, with: &Arguments<'_>) -> Result<Data, String> {
    if matches!(input, Data::Null) {
        return Ok(Data::Null);
    }
    if first.len() + second.len() > with.limit {
        return Err(too_long());
    }
    Ok(Data::text([first, second].concat()))
}

fn too_long() -> String {
    "the text grows too long".to_owned()
}

fn replaced(
    input: &Data,
    pattern: &str,
    by: &str,
    most: usize,
    with: &Arguments<'_>,
) -> Result<Data, String> {
    let text = input.to_text();
    if matches!(input, Data::Null) || text.is_empty() || pattern.is_empty() {
        return Ok(input.clone());
    }
    let replaced = dotnet::replace_pattern(&text, pattern, by, most)?;
    if replaced.len() > with.limit {
        return Err(too_long());
    }
    Ok(Data::text(replaced))
}

fn maths(operation: Operation, input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    match (input, with.get(0)) {
        (Data::Null, _) | (_, Data::Null) => Ok(Data::Null),
        (left, right) => calculate(operation, left, right),
    }
}

fn bounded(input: &Data, bound: &Data, keeps_unless: Ordering) -> Data {
    match (numbers::real(input), numbers::real(bound)) {
        (Some(a), Some(b)) => Data::Real(if a.partial_cmp(&b) == Some(keeps_unless) { b } else { a }),
        _ => input.clone(),
    }
}

/// Every word with a capital.
fn title(text: &str) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if begins {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        begins = !c.is_alphanumeric() && c != '\'' && c != '_';
    }
    out
}

fn list(items: impl IntoIterator<Item = Data>) -> Data {
    Data::List(items.into_iter().collect())
}

/// The items of a list and of the lists in it; anything else is one item.
fn flat(input: &Data) -> Vec<Data> {
    match input {
        Data::Null => Vec::new(),
        Data::List(items) => items
            .iter()
            .flat_map(|item| if matches!(item, Data::List(_)) { flat(item) } else { vec![item.clone()] })
            .collect(),
        other => vec![other.clone()],
    }
}

fn money(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    match numbers::decimal(input) {
        Some(amount) => currency::format(amount, &with.text(0)).map(Data::text),
        None => Ok(Data::Text(input.to_text())),
    }
}

fn date(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    let text = input.to_text();
    let date = match input {
        Data::Null => return Ok(Data::Null),
        Data::Date(date) => Some(*date),
        _ if ["now", "today"].iter().any(|word| text.eq_ignore_ascii_case(word)) => {
            Some(DateTime::from_system(with.now))
        }
        _ => DateTime::parse(&text, with.now),
    };
    let format = with.text(0);
    let Some(date) = date.filter(|_| !format.trim().is_empty()) else { return Ok(Data::Text(text)) };
    match date.format(&format) {
        Some(text) => Ok(Data::text(text)),
        None => Err(format!("`{format}` is no format of dates in .NET")),
    }
}

fn join(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    let Some(items) = input.items() else { return Ok(input.clone()) };
    let glue = if with.values.is_empty() { " ".into() } else { with.text(0) };
    let texts: Vec<Arc<str>> = items.iter().map(Data::to_text).collect();
    let length: usize = texts.iter().map(|text| text.len() + glue.len()).sum();
    if length > with.limit + glue.len() {
        return Err(too_long());
    }
    Ok(Data::text(texts.join(&*glue)))
}

fn map(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    let Some(items) = input.items() else { return Ok(Data::Null) };
    let name = with.text(0);
    let value = |item: &Data| match item {
        Data::Map(map) => map.get(&name).cloned().unwrap_or(Data::Null),
        _ => Data::Null,
    };
    Ok(list(items.iter().map(value)))
}

fn slice(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    let (start, length) = (with.integer(0, 0)?, with.integer(1, 1)?);
    let bounds = |size: usize| {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let from = if start < 0 { start.saturating_add(size) } else { start };
        let to = from.saturating_add(length).clamp(0, size);
        let from = from.clamp(0, size);
        (usize::try_from(from).unwrap_or(0), usize::try_from(to.max(from)).unwrap_or(0))
    };
    Ok(match input {
        Data::Text(text) => {
            let units: Vec<u16> = text.encode_utf16().collect();
            let (from, to) = bounds(units.len());
            Data::text(String::from_utf16_lossy(units.get(from..to).unwrap_or_default()))
        }
        Data::List(items) => {
            let (from, to) = bounds(items.len());
            list(items.get(from..to).unwrap_or_default().iter().cloned())
        }
        other => other.clone(),
    })
}

/// Texts in any case; values that have no order stay as they stand.
fn sort(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    if matches!(input, Data::Null) {
        return Ok(Data::Null);
    }
    let mut items = flat(input);
    let property = with.text(0);
    let key = |item: &Data| match item {
        Data::Map(map) if !property.is_empty() => map.get(&property).cloned().unwrap_or(Data::Null),
        other => other.clone(),
    };
    items.sort_by_cached_key(|item| Key(key(item)));
    Ok(list(items))
}

/// The order of `Sort`: null, then numbers and dates, then everything else as text in any case.
struct Key(Data);

impl Key {
    fn rank(&self) -> u8 {
        match self.0 {
            Data::Null => 0,
            Data::Boolean(_) => 1,
            Data::Integer(_) | Data::Real(_) | Data::Decimal(_) => 2,
            Data::Date(_) => 3,
            _ => 4,
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| match self.rank() {
            4 => self.0.to_text().to_uppercase().cmp(&other.0.to_text().to_uppercase()),
            _ => numbers::compare(&self.0, &other.0).unwrap_or(Ordering::Equal),
        })
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

fn split(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    let text = input.to_text();
    if text.trim().is_empty() {
        return Ok(list([input.clone()]));
    }
    let pattern = with.text(0);
    Ok(if pattern.is_empty() {
        list(text.chars().map(|c| Data::text(c.to_string())))
    } else {
        list(text.split(&*pattern).filter(|part| !part.is_empty()).map(Data::text))
    })
}

fn repeated(text: &str, times: i64, limit: usize) -> Result<Data, String> {
    let times = usize::try_from(times).map_err(|_| "it takes a number that is not negative".to_owned())?;
    if text.len().saturating_mul(times) > limit {
        return Err(too_long());
    }
    Ok(Data::text(text.repeat(times)))
}

fn truncate(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    let length = with.integer(0, 50)?;
    let end = if with.values.len() > 1 { with.text(1) } else { "...".into() };
    mapped(input, |text| {
        let Ok(length) = usize::try_from(length) else { return end.to_string() };
        let units: Vec<u16> = text.encode_utf16().collect();
        if units.len() <= length {
            return text.to_owned();
        }
        let kept = length.saturating_sub(end.encode_utf16().count());
        String::from_utf16_lossy(units.get(..kept).unwrap_or_default()) + &end
    })
}

fn truncate_words(input: &Data, with: &Arguments<'_>) -> Result<Data, String> {
    let words = with.integer(0, 15)?;
    let end = if with.values.len() > 1 { with.text(1) } else { "...".into() };
    mapped(input, |text| {
        let all: Vec<&str> = text.split(' ').collect();
        match usize::try_from(words) {
            Ok(0) | Err(_) if !text.is_empty() => end.to_string(),
            Ok(words) if all.len() > words => all.get(..words).unwrap_or_default().join(" ") + &end,
            _ => text.to_owned(),
        }
    })
}

fn uniq(input: &Data, _: &Arguments<'_>) -> Result<Data, String> {
    if matches!(input, Data::Null) {
        return Ok(Data::Null);
    }
    let mut seen = std::collections::HashSet::new();
    let is_new = |item: &Data| seen.insert((std::mem::discriminant(item), item.to_text()));
    Ok(list(flat(input).into_iter().filter(is_new)))
}
