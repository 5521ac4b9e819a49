//! Plots as SVG, drawn without any script.

use std::fmt::Write as _;

use super::{Row, short};

const WIDTH: f64 = 900.0;
const ROW: f64 = 26.0;
const LABELS: f64 = 300.0;

/// Bars from zero with their intervals as lines, a row each.
pub(super) fn bars(title: &str, unit: &str, rows: &[(String, f64, f64, f64)]) -> String {
    let low = rows.iter().map(|row| row.2).fold(0.0, f64::min);
    let high = rows.iter().map(|row| row.3).fold(0.0, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let right = WIDTH - 110.0;
    let x = |value: f64| LABELS + (value - low) / span * (right - LABELS);
    let height = 44.0 + ROW * rows.len() as f64;
    let mut svg = begin(title, height);
    let _ = writeln!(svg, r#"<text class="t" x="0" y="16">{}</text>"#, escaped(title));
    let _ = writeln!(
        svg,
        r#"<line class="axis" x1="{0:.1}" x2="{0:.1}" y1="26" y2="{1:.1}"/>"#,
        x(0.0),
        height - 8.0
    );
    for (index, (name, value, least, most)) in rows.iter().enumerate() {
        let y = 32.0 + ROW * index as f64;
        let (from, to) = (x(0.0).min(x(*value)), x(0.0).max(x(*value)));
        let _ = writeln!(
            svg,
            r#"<text class="l" x="{:.0}" y="{:.1}">{}</text><rect class="bar" x="{from:.1}" y="{:.1}" width="{:.1}" height="16"/>"#,
            LABELS - 8.0,
            y + 12.5,
            escaped(&cut(name)),
            y,
            (to - from).max(1.0)
        );
        let _ = writeln!(
            svg,
            r#"<path class="range" d="M{0:.1} {2:.1}H{1:.1}M{0:.1} {3:.1}v8M{1:.1} {3:.1}v8"/><text class="v" x="{4:.1}" y="{5:.1}">{6} {unit}</text>"#,
            x(*least),
            x(*most),
            y + 8.0,
            y + 4.0,
            x(*most).max(x(*value)).max(x(0.0)) + 8.0,
            y + 12.5,
            short(*value)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Times over percentiles, both logarithmic: how long the slowest of a hundred, a thousand, ten thousand take.
pub(super) fn curves(title: &str, rows: &[(String, &Row)]) -> String {
    let all = || rows.iter().flat_map(|(_, row)| row.percentiles.iter().map(|(_, time)| *time));
    let low = all().fold(f64::INFINITY, f64::min).max(0.1);
    let high = all().fold(low * 1.5, f64::max);
    let (left, right, top, bottom) = (80.0, WIDTH - 250.0, 34.0, 300.0);
    let x = |percentile: f64| {
        let nines = -(1.0 - percentile / 100.0).log10();
        left + nines / 4.0 * (right - left)
    };
    let y = |time: f64| bottom - (time / low).ln() / (high / low).ln() * (bottom - top);
    let mut svg = begin(title, 340.0);
    let _ = writeln!(svg, r#"<text class="t" x="0" y="16">{}</text>"#, escaped(title));
    for percentile in [0.0, 90.0, 99.0, 99.9, 99.99] {
        let _ = writeln!(
            svg,
            r#"<line class="grid" x1="{0:.1}" x2="{0:.1}" y1="{top}" y2="{bottom}"/><text class="c" x="{0:.1}" y="{1:.0}">{2}</text>"#,
            x(percentile),
            bottom + 18.0,
            if percentile == 0.0 { "0".to_owned() } else { format!("p{percentile}") }
        );
    }
    for time in ticks(low, high) {
        let _ = writeln!(
            svg,
            r#"<line class="grid" x1="{left}" x2="{right}" y1="{0:.1}" y2="{0:.1}"/><text class="l" x="{1:.0}" y="{2:.1}">{3}</text>"#,
            y(time),
            left - 8.0,
            y(time) + 4.0,
            duration(time)
        );
    }
    for (index, (name, row)) in rows.iter().enumerate() {
        let points: Vec<String> =
            row.percentiles.iter().map(|(at, time)| format!("{:.1},{:.1}", x(*at), y(*time))).collect();
        let hue = index * 360 / rows.len().max(1);
        let _ = writeln!(
            svg,
            r#"<polyline class="curve" style="stroke:hsl({hue} 65% 45%)" points="{}"/><rect x="{:.0}" y="{:.0}" width="12" height="12" fill="hsl({hue} 65% 45%)"/><text class="k" x="{:.0}" y="{:.0}">{}</text>"#,
            points.join(" "),
            right + 20.0,
            top + 20.0 * index as f64,
            right + 38.0,
            top + 10.5 + 20.0 * index as f64,
            escaped(&cut(name))
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A dot a round, so that one can see whether the machine was quiet.
pub(super) fn rounds(title: &str, unit: &str, rows: &[(String, Vec<f64>)]) -> String {
    let all = || rows.iter().flat_map(|(_, values)| values.iter().copied());
    let low = all().fold(f64::INFINITY, f64::min);
    let high = all().fold(f64::NEG_INFINITY, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let right = WIDTH - 20.0;
    let x = |value: f64| LABELS + (value - low) / span * (right - LABELS);
    let height = 64.0 + ROW * rows.len() as f64;
    let mut svg = begin(title, height);
    let _ = writeln!(svg, r#"<text class="t" x="0" y="16">{}</text>"#, escaped(title));
    for (index, (name, values)) in rows.iter().enumerate() {
        let y = 38.0 + ROW * index as f64;
        let _ = writeln!(
            svg,
            r#"<text class="l" x="{:.0}" y="{:.1}">{}</text><line class="grid" x1="{LABELS}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#,
            LABELS - 8.0,
            y + 4.0,
            escaped(&cut(name))
        );
        for value in values {
            let _ = writeln!(svg, r#"<circle class="dot" cx="{:.1}" cy="{y:.1}" r="4"/>"#, x(*value));
        }
    }
    if all().next().is_some() {
        let y = height - 8.0;
        let _ = writeln!(svg, r#"<text class="b" x="{LABELS}" y="{y:.0}">{} {unit}</text>"#, short(low));
        let _ = writeln!(svg, r#"<text class="l" x="{right}" y="{y:.0}">{} {unit}</text>"#, short(high));
    }
    svg.push_str("</svg>\n");
    svg
}

fn begin(title: &str, height: f64) -> String {
    format!(
        "<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {WIDTH} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n",
        escaped(title)
    )
}

/// Powers of ten with their halves, so that two at least lie in the range.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let mut ticks = Vec::new();
    let mut decade = 10_f64.powf(low.log10().floor());
    while decade <= high && ticks.len() < 24 {
        ticks.extend(
            [1.0, 2.0, 5.0].iter().map(|step| step * decade).filter(|tick| (low..=high).contains(tick)),
        );
        decade *= 10.0;
    }
    ticks
}

fn duration(micros: f64) -> String {
    if micros >= 1_000_000.0 {
        format!("{} s", short(micros / 1_000_000.0))
    } else if micros >= 1000.0 {
        format!("{} ms", short(micros / 1000.0))
    } else {
        format!("{} µs", short(micros))
    }
}

/// What fits beside a plot.
fn cut(name: &str) -> String {
    if name.chars().count() <= 38 {
        return name.to_owned();
    }
    name.chars().take(37).chain(['…']).collect()
}

/// Text in markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
