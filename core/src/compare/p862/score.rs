//! From the disturbance of frames to one number (spec/04, 4.6 to 4.8, and 05).

use super::Mode;

/// Disturbance of frame `f` relative to its power, at most 45 (step 4.6).
pub(super) fn normalise(disturbance: f32, audible: f64) -> f32 {
    let h = ((audible + 1e5) / 1e7).powf(0.04);
    (f64::from(disturbance) / h).min(45.0) as f32
}

/// How much the frames of a long signal weigh: the end more than the start, from 16 s on (step 4.7).
#[derive(Clone, Copy)]
pub(super) struct TimeWeight {
    /// The share of the weight that grows, and frames over which it does.
    slope: Option<(f64, f64)>,
}

impl TimeWeight {
    /// `stop` is the last frame, `nominal` the frames of the longer signal.
    pub(super) fn new(stop: usize, nominal: usize) -> Self {
        let n = nominal as f64;
        Self { slope: (stop + 1 > 1000).then(|| (((n - 1000.0) / 5500.0).min(0.5), n)) }
    }

    fn at(self, frame: usize) -> f64 {
        self.slope.map_or(1.0, |(f, n)| (1.0 - f) + f * frame as f64 / n)
    }
}

/// The sixth-power mean over 20 frames, every 10, and the root mean square of those over time (step 4.8).
pub(super) fn aggregate(disturbance: &[f32], first: usize, weight: TimeWeight) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for start in (first..disturbance.len()).step_by(10) {
        let sixth: f64 = disturbance[start..].iter().take(20).map(|&d| f64::from(d).powi(6)).sum();
        let syllable = (sixth / 20.0).powf(1.0 / 6.0);
        let w = weight.at(start - first);
        sum += (w * syllable) * (w * syllable);
        weights += w * w;
    }
    (sum / weights).sqrt()
}

/// The raw score of both disturbances (step 5.1).
pub(super) fn raw(symmetric: f64, asymmetric: f64) -> f64 {
    4.5 - 0.1 * symmetric - 0.0309 * asymmetric
}

/// The score on the scale of listeners: P.862.1 for the narrow band, P.862.2 for the wide.
pub(super) fn mos_lqo(mode: Mode, raw: f64) -> f64 {
    let (slope, offset) = match mode {
        Mode::Narrow8 | Mode::Narrow16 => (-1.4945, 4.6607),
        Mode::Wide16 => (-1.3669, 3.8224),
    };
    0.999 + 4.0 / (1.0 + (slope * raw + offset).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undisturbed_pair_has_the_ceiling() {
        let none = TimeWeight::new(99, 99);
        assert_eq!(aggregate(&[0.0; 100], 3, none), 0.0);
        // The ceilings as P.862.1 and P.862.2 imply them: rounded to six decimals.
        assert!((mos_lqo(Mode::Narrow8, raw(0.0, 0.0)) - 4.548_638).abs() < 5e-7);
        assert!((mos_lqo(Mode::Wide16, raw(0.0, 0.0)) - 4.643_888).abs() < 1e-6);
    }

    #[test]
    fn a_constant_disturbance_counts_less_where_the_window_runs_out() {
        // Starts 0, 10, 20: the last window holds ten frames of twenty.
        let d = aggregate(&[2.0; 30], 0, TimeWeight::new(29, 29));
        let last = 2.0 * 0.5f64.powf(1.0 / 6.0);
        assert!((d - ((4.0 + 4.0 + last * last) / 3.0).sqrt()).abs() < 1e-12); // f64 sums of three numbers
    }

    #[test]
    fn long_signals_weigh_their_end() {
        let w = TimeWeight::new(1999, 2000);
        assert_eq!((w.at(0), w.at(2000)), (1.0 - 1000.0 / 5500.0, 1.0));
        assert_eq!(TimeWeight::new(999, 2000).at(0), 1.0);
        assert_eq!(TimeWeight::new(20_000, 20_000).at(0), 0.5);
    }
}
