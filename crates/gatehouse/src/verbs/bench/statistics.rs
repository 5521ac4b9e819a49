//! Estimates from rounds: the Hodges-Lehmann estimate with the interval of Wilcoxon's signed ranks. Neither asks for a
//! normal distribution, and a disturbed round hardly moves the estimate.

use serde::Serialize;

/// What the interval should cover.
const WANTED: f64 = 0.95;

/// A value with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Estimate {
    /// The median of the means of all pairs of rounds.
    pub(super) value: f64,
    /// The lower end of the interval.
    pub(super) low: f64,
    /// The upper end of the interval.
    pub(super) high: f64,
}

impl Estimate {
    /// The estimate from the values of the rounds; `None` where there are none.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut means = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
        for (index, a) in values.iter().enumerate() {
            for b in values.get(index..).unwrap_or_default() {
                means.push(f64::midpoint(*a, *b));
            }
        }
        means.sort_by(f64::total_cmp);
        let cut = cut(values.len());
        let low = *means.get(cut)?;
        let high = *means.get(means.len().checked_sub(cut + 1)?)?;
        Some(Self { value: median(&means)?, low, high })
    }

    /// Whether the interval lies on one side of zero.
    pub(super) fn is_told_from_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The probability with which the interval from so many rounds covers the truth: at least 95 % from six rounds on.
pub(super) fn coverage(rounds: usize) -> f64 {
    let tail: f64 = probabilities(rounds).iter().take(cut(rounds) + 1).sum();
    1.0 - 2.0 * tail
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(sorted.len() / 2 - 1)?, upper))
}

/// How many means are cut off at each end.
fn cut(rounds: usize) -> usize {
    let mut tail = 0.0;
    let mut cut: usize = 0;
    for probability in probabilities(rounds) {
        tail += probability;
        if 1.0 - 2.0 * tail < WANTED {
            break;
        }
        cut += 1;
    }
    // A tail of so many sums ends with the last of them.
    cut.saturating_sub(1)
}

/// How probable each sum of the ranks of one sign is, where both signs are as probable.
fn probabilities(rounds: usize) -> Vec<f64> {
    let largest = rounds * (rounds + 1) / 2;
    let mut likely = vec![0.0; largest + 1];
    if let Some(first) = likely.first_mut() {
        *first = 1.0;
    }
    for rank in 1..=rounds {
        for at in (0..=largest).rev() {
            let before = at.checked_sub(rank).and_then(|at| likely.get(at)).copied().unwrap_or(0.0);
            if let Some(entry) = likely.get_mut(at) {
                *entry = f64::midpoint(*entry, before);
            }
        }
    }
    likely
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_tables() {
        // Critical values of the signed-rank test, two-sided 5 %: 0 for 6, 2 for 7, 8 for 10, 52 for 20.
        assert_eq!([6, 7, 10, 20].map(cut), [0, 2, 8, 52]);
        assert!((coverage(6) - 0.968_75).abs() < 1e-9);
        assert!((coverage(5) - 0.937_5).abs() < 1e-9);
        assert!((coverage(2) - 0.5).abs() < 1e-9);
        assert!(coverage(100) >= 0.95 && coverage(100) < 0.952);
    }

    #[test]
    fn one_disturbed_round_moves_little() {
        let calm = [5.0, 5.1, 4.9, 5.0, 5.2, 4.8, 5.0, 5.1, 4.9, 5.0];
        let mut disturbed = calm;
        disturbed[3] = 500.0;
        let (calm, disturbed) = (Estimate::of(&calm).unwrap(), Estimate::of(&disturbed).unwrap());
        assert!((calm.value - disturbed.value).abs() < 0.1, "{calm:?} {disturbed:?}");
        assert!(calm.low <= calm.value && calm.value <= calm.high);
        assert!(calm.is_told_from_zero() && calm.high < 6.0 && disturbed.low > 4.0);
    }

    #[test]
    fn few_rounds_give_their_whole_range() {
        let two = Estimate::of(&[1.0, 3.0]).unwrap();
        assert_eq!((two.value, two.low, two.high), (2.0, 1.0, 3.0));
        let around = Estimate::of(&[-1.0, 1.0, 0.5]).unwrap();
        assert!(!around.is_told_from_zero());
        assert_eq!(Estimate::of(&[]), None);
    }
}
