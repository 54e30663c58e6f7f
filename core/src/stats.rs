//! Statistics over many streams or pairs: means with confidence intervals, by group, and a paired comparison of two systems.
//!
//! A single clip does not separate two good systems; means over many do, if one says how sure they are.

/// The mean of some values and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Mean {
    /// How many values.
    pub count: usize,
    /// Their arithmetic mean.
    pub mean: f64,
    /// Their standard deviation (of a sample: divided by `count - 1`); `None` of one value.
    pub sd: Option<f64>,
    /// The confidence interval of the mean by Student's t (Student 1908; NIST/SEMATECH e-Handbook, 1.3.5.2); `None` of one value.
    pub interval: Option<(f64, f64)>,
}

impl Mean {
    /// The mean of `values`, with an interval that covers the true mean with the probability `confidence` if values are drawn
    /// independently and their mean is near enough to normal. `None` of no values, or of a confidence outside 0 to 1.
    ///
    /// ```
    /// let mean = otoscope::stats::Mean::of(&[1.0, 2.0, 3.0], 0.95).unwrap();
    /// assert_eq!((mean.count, mean.mean, mean.sd), (3, 2.0, Some(1.0)));
    /// let (low, high) = mean.interval.unwrap();
    /// assert!((low + 0.484).abs() < 1e-3 && (high - 4.484).abs() < 1e-3);
    /// ```
    #[must_use]
    pub fn of(values: &[f64], confidence: f64) -> Option<Self> {
        if values.is_empty() || !is_probability(confidence) {
            return None;
        }
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        if count == 1 {
            return Some(Self { count, mean, sd: None, interval: None });
        }
        let dof = count - 1;
        let sd = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / dof as f64).sqrt();
        let half = student_t(confidence, dof) * sd / (count as f64).sqrt();
        Some(Self { count, mean, sd: Some(sd), interval: Some((mean - half, mean + half)) })
    }
}

/// The values of one group.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Group<K> {
    /// What its rows have in common.
    pub key: K,
    /// The mean of the values there are; `None` if there are none.
    pub mean: Option<Mean>,
    /// Rows without a value.
    pub missing: usize,
}

/// Means by group, in the order in which groups first appear. `keys` and `values` are columns of equal length; what is too long is left
/// out.
#[must_use]
pub fn by_group<K: Clone + Eq + core::hash::Hash>(
    keys: &[K],
    values: &[Option<f64>],
    confidence: f64,
) -> Vec<Group<K>> {
    let mut places: std::collections::HashMap<&K, usize> = std::collections::HashMap::new();
    let mut groups: Vec<(&K, Vec<f64>, usize)> = Vec::new();
    for (key, value) in keys.iter().zip(values) {
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push((key, Vec::new(), 0));
        }
        let (_, present, missing) = &mut groups[place];
        match value {
            Some(x) => present.push(*x),
            None => *missing += 1,
        }
    }
    let group = |(key, present, missing): (&K, Vec<f64>, usize)| Group {
        key: key.clone(),
        mean: Mean::of(&present, confidence),
        missing,
    };
    groups.into_iter().map(group).collect()
}

/// What a paired comparison of two systems found.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Paired {
    /// How many items both systems have a value for.
    pub count: usize,
    /// The mean of first minus second.
    pub difference: f64,
    /// Its confidence interval: percentiles of the means of resampled items (Efron and Tibshirani 1993, chapter 13).
    pub interval: (f64, f64),
    /// How likely a difference of the other sign, or none, is among the resampled means, counted on both sides (the same book,
    /// section 15.4); never 0, since finitely many were drawn.
    pub p_value: f64,
}

/// Compares two systems on the same items, by resampling the items `resamples` times. The same seed gives the same bits. `None` of
/// fewer than two items, of unequal lengths, of no resamples, or of a confidence outside 0 to 1.
#[must_use]
pub fn paired(first: &[f64], second: &[f64], confidence: f64, resamples: usize, seed: u64) -> Option<Paired> {
    let count = first.len();
    if count < 2 || count != second.len() || resamples == 0 || !is_probability(confidence) {
        return None;
    }
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let mean = |sum: f64| sum / count as f64;
    let mut random = SplitMix(seed);
    let mut means: Vec<f64> =
        (0..resamples).map(|_| mean((0..count).map(|_| differences[random.below(count)]).sum())).collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let below = means.partition_point(|&m| m < 0.0);
    let not_above = means.partition_point(|&m| m <= 0.0);
    let rarer = not_above.min(resamples - below);
    Some(Paired {
        count,
        difference: mean(differences.iter().sum()),
        interval: (quantile(&means, tail), quantile(&means, 1.0 - tail)),
        p_value: (2.0 * (rarer + 1) as f64 / (resamples + 1) as f64).min(1.0),
    })
}

fn is_probability(confidence: f64) -> bool {
    confidence > 0.0 && confidence < 1.0
}

/// Quantile of sorted values, interpolated (Hyndman and Fan 1996, type 7: NumPy's default).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let i = (at as usize).min(sorted.len() - 1);
    let next = sorted[(i + 1).min(sorted.len() - 1)];
    sorted[i] + (next - sorted[i]) * (at - i as f64)
}

/// Steele, Lea and Flood 2014: small, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

/// How many standard errors around a mean hold a share `confidence` of Student's distribution with `dof` degrees of freedom.
fn student_t(confidence: f64, dof: usize) -> f64 {
    let outside = |t: f64| t_outside(t, dof as f64);
    let (mut low, mut high) = (0.0, 1.0);
    while outside(high) > 1.0 - confidence && high < 1e300 {
        (low, high) = (high, 2.0 * high);
    }
    // A bracket of two doubles apart in the end.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if outside(middle) > 1.0 - confidence { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The probability of a value beyond `t` on either side: I(dof / (dof + t^2); dof / 2, 1 / 2), DLMF 8.17.
fn t_outside(t: f64, dof: f64) -> f64 {
    let (a, b) = (0.5 * dof, 0.5);
    let (x, rest) = (dof / (dof + t * t), t * t / (dof + t * t));
    if x < (a + 1.0) / (a + b + 2.0) { incomplete_beta(x, rest, a, b) } else { 1.0 - incomplete_beta(rest, x, b, a) }
}

/// The regularised incomplete beta function by its continued fraction, DLMF 8.17.22, evaluated as Lentz does; `rest` is 1 - x.
fn incomplete_beta(x: f64, rest: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let ln = |y: f64, one_less_y: f64| if one_less_y < 0.5 { (-one_less_y).ln_1p() } else { y.ln() };
    let front = (a * ln(x, rest) + b * ln(rest, x) + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let away_from_zero = |y: f64| if y.abs() < 1e-300 { 1e-300 } else { y };
    let (mut c, mut d, mut f) = (1.0, 0.0, 1.0);
    for k in 0..100_000 {
        let m = f64::from(k / 2);
        let term = match k {
            0 => 1.0,
            _ if k % 2 == 0 => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        };
        d = 1.0 / away_from_zero(1.0 + term * d);
        c = away_from_zero(1.0 + term / c);
        let step = c * d;
        f *= step;
        if k > 0 && (step - 1.0).abs() < 4e-16 {
            break;
        }
    }
    front * (f - 1.0)
}

/// The logarithm of the gamma function of a positive number: Stirling's series, DLMF 5.11.1, from 10 on.
fn ln_gamma(mut x: f64) -> f64 {
    let mut product = 1.0;
    while x < 10.0 {
        product *= x;
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    let series = (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z * (1.0 / 1680.0 - z / 1188.0)))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * core::f64::consts::TAU.ln() + series - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_student_s_distribution_are_those_of_scipy() {
        // scipy 1.17.1: stats.t.ppf(0.5 + confidence / 2, dof)
        let golden = [
            (0.95, 1, 12.706204736174694),
            (0.95, 2, 4.302652729749462),
            (0.99, 3, 5.840909309733355),
            (0.95, 9, 2.262157162798205),
            (0.9, 30, 1.697260886593957),
            (0.999, 7, 5.407882520861828),
            (0.5, 4, 0.7406970841126829),
            (0.95, 1000, 1.9623390808264083),
            (0.95, 999_999, 1.9599663568164791),
            (0.9999, 1, 6366.197671316637),
        ];
        for (confidence, dof, want) in golden {
            let got = student_t(confidence, dof);
            // The logarithms of gamma of half a million cancel to nine digits; all others have more.
            assert!((got / want - 1.0).abs() < 1e-9, "{confidence} {dof}: {got} {want}");
        }
    }

    const FIRST: [f64; 10] = [3.1, 2.7, 4.05, 3.3, 2.95, 3.9, 3.45, 3.2, 2.8, 3.6];
    const SECOND: [f64; 10] = [2.9, 2.75, 3.7, 3.1, 2.6, 3.95, 3.2, 3.0, 2.85, 3.3];

    #[test]
    fn a_mean_has_the_interval_of_scipy() {
        // scipy 1.17.1: stats.t.interval(0.9, 6, loc=mean, scale=sd / sqrt(7))
        let mean = Mean::of(&FIRST[..7], 0.9).expect("enough values");
        let (low, high) = mean.interval.expect("enough values");
        let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "rounding: {got} {want}");
        close(mean.mean, 3.35);
        close(mean.sd.expect("enough values"), 0.49159604012508734);
        close(low, 2.9889457591287725);
        close(high, 3.7110542408712273);
    }

    #[test]
    fn few_values_and_odd_confidences_have_no_interval() {
        assert_eq!(Mean::of(&[], 0.95), None);
        let one = Mean::of(&[2.0], 0.95).expect("enough values");
        assert_eq!((one.count, one.mean, one.sd, one.interval), (1, 2.0, None, None));
        for confidence in [0.0, 1.0, -0.1, 95.0, f64::NAN] {
            assert_eq!(Mean::of(&[1.0, 2.0], confidence), None);
            assert_eq!(paired(&FIRST, &SECOND, confidence, 10, 1), None);
        }
        assert_eq!(Mean::of(&[2.0; 5], 0.95).expect("enough values").interval, Some((2.0, 2.0)));
        assert_eq!(paired(&FIRST, &SECOND[..9], 0.95, 10, 1), None);
        assert_eq!(paired(&FIRST, &SECOND, 0.95, 0, 1), None);
    }

    #[test]
    fn groups_keep_their_order_and_count_what_is_missing() {
        let keys = ["b", "a", "b", "c", "b"];
        let groups = by_group(&keys, &[Some(1.0), Some(5.0), None, None, Some(3.0)], 0.95);
        let told: Vec<_> = groups.iter().map(|g| (g.key, g.mean.map(|m| (m.count, m.mean)), g.missing)).collect();
        assert_eq!(told, [("b", Some((2, 2.0)), 1), ("a", Some((1, 5.0)), 0), ("c", None, 1)]);
    }

    #[test]
    fn a_paired_comparison_finds_what_two_million_resamples_of_numpy_find() {
        let found = paired(&FIRST, &SECOND, 0.95, 100_000, 1).expect("enough values");
        assert!((found.difference - 0.17).abs() < 1e-12, "rounding");
        // numpy, 2,000,000 resamples: 0.07 to 0.26, and 399.0 in a million at or below 0. The means lie on a grid of 0.005.
        assert!((found.interval.0 - 0.07).abs() <= 0.0051 && (found.interval.1 - 0.26).abs() <= 0.0051, "{found:?}");
        // 40 of 100,000 are expected, give or take 6.3: within five of those.
        assert!((found.p_value - 2.0 * 399e-6).abs() < 2.0 * 32e-5, "{found:?}");
        assert_eq!(paired(&FIRST, &SECOND, 0.95, 1000, 3), paired(&FIRST, &SECOND, 0.95, 1000, 3));
        let same = paired(&FIRST, &FIRST, 0.95, 1000, 1).expect("enough values");
        assert_eq!((same.difference, same.interval, same.p_value), (0.0, (0.0, 0.0), 1.0));
    }
}
