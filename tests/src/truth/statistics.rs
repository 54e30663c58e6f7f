//! What a count proves: exact Poisson bound, Wilson interval.

/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The rate, times the hours heard, that is exceeded with 5 % confidence only: the mean whose chance of giving `events` or
/// fewer is 5 % (exact, one-sided; 0 events give 3.00, the rule of three).
#[must_use]
pub fn poisson_upper_95(events: u32) -> f64 {
    let (mut low, mut high) = (f64::from(events), 2.0 * f64::from(events) + 10.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if at_most(events, middle) > 0.05 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The chance that a Poisson variable of this mean is at most `events`: the terms from the last down, each from the one above
/// it, so that only the first needs a logarithm.
fn at_most(events: u32, mean: f64) -> f64 {
    let log_factorial: f64 = (2..=events).map(|k| f64::from(k).ln()).sum();
    let last = (f64::from(events) * mean.ln() - mean - log_factorial).exp();
    let (mut term, mut sum) = (last, last);
    for k in (1..=events).rev() {
        term *= f64::from(k) / mean;
        sum += term;
    }
    sum
}

/// Where a share lies with 95 % confidence, by Wilson's score interval.
#[must_use]
pub fn wilson_95(hits: u32, of: u32) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (f64::from(of), f64::from(hits) / f64::from(of));
    let middle = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_bounds_as_tabulated() {
        // One-sided 95 % limits of Gehrels, ApJ 303 (1986), table 1.
        for (events, want) in [(0, 2.996), (1, 4.744), (2, 6.296), (3, 7.754), (5, 10.513), (10, 16.962), (50, 63.287)]
        {
            let got = poisson_upper_95(events);
            assert!((got - want).abs() < 0.0006, "the table has three decimals: {events} {got}");
        }
        // Wilson and Hilferty's approximation of the chi-square quantile.
        let (n, z) = (2001.0f64, 1.644_853_626_951_472);
        let approximate = n * (1.0 - 1.0 / (9.0 * n) + z / (3.0 * n.sqrt())).powi(3);
        let got = poisson_upper_95(2000);
        assert!((got - approximate).abs() < 0.01, "its error at this size: {got} {approximate}");
    }

    #[test]
    fn wilson_intervals_as_published() {
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        for (hits, of, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let (l, h) = wilson_95(hits, of);
            assert!((l - low).abs() < 5.1e-5 && (h - high).abs() < 5.1e-5, "the table has four decimals: {l} {h}");
        }
        assert_eq!(wilson_95(0, 0), (0.0, 1.0));
    }
}
