//! Medians, and how far to trust them.

/// A median with the interval that holds it with about 98 % (for ten values; from order statistics, without any assumption).
#[derive(Debug, Clone, Copy)]
pub struct Median {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// The median of what was measured; NaN of nothing.
pub fn median(values: &[f64]) -> Median {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 {
        return Median { value: f64::NAN, low: f64::NAN, high: f64::NAN };
    }
    let value = if n % 2 == 1 { sorted[n / 2] } else { f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]) };
    // Ranks at two standard deviations of Binomial(n, 1/2).
    let reach = (n as f64).sqrt();
    let low = ((n as f64) / 2.0 - reach).floor().max(0.0) as usize;
    let high = (((n as f64) / 2.0 + reach).ceil() as usize).min(n - 1);
    Median { value, low: sorted[low], high: sorted[high] }
}

/// The value below which this part of the (sorted) values lies.
pub fn quantile(sorted: &[u32], part: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = ((sorted.len() as f64 * part) as usize).min(sorted.len() - 1);
    f64::from(sorted[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        let m = median(&[5.0, 1.0, 3.0, f64::NAN]);
        assert_eq!((m.value, m.low, m.high), (3.0, 1.0, 5.0));
        assert_eq!(median(&[1.0, 2.0]).value, 1.5);
        assert!(median(&[]).value.is_nan());
    }

    #[test]
    fn quantiles_are_taken_from_the_sorted() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!((quantile(&sorted, 0.5), quantile(&sorted, 0.99), quantile(&sorted, 1.0)), (51.0, 100.0, 100.0));
    }
}
