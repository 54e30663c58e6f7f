//! How figures are made of measurements.

use cpu_time::ThreadTime;
use std::hint::black_box;

/// Nanoseconds a sample.
#[must_use]
pub fn ns_per_sample(seconds: f64, samples: usize) -> f64 {
    seconds * 1e9 / samples as f64
}

/// How many streams of this rate one core carries in real time.
#[must_use]
pub fn streams_per_core(ns_per_sample: f64, rate_hz: u32) -> f64 {
    1e9 / ns_per_sample / f64::from(rate_hz)
}

/// The middle value; 0 of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value at rank `ceil(p n)`; 0 of nothing.
#[must_use]
pub fn percentile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (p * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

/// The clock of this core in GHz, from a chain of exclusive-ors and multiplications: 1 + 3 cycles a step on every x86-64
/// of the last fifteen years and on most ARM cores.
#[must_use]
pub fn clock_ghz() -> f64 {
    const STEPS: u32 = 5_000_000;
    const CYCLES: f64 = 4.0;
    let once = || {
        let start = ThreadTime::now();
        let mut x = black_box(1u64);
        for _ in 0..STEPS {
            x = (x ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd129_0b29_6d0c_5a35);
        }
        black_box(x);
        CYCLES * f64::from(STEPS) / start.elapsed().as_secs_f64() / 1e9
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}

/// How long single pushes take. Each push of a signal is measured in several passes and its shortest time kept: what a
/// push costs repeats, what a busy host adds does not. The longest time of all is kept too.
#[derive(Debug, Clone, Default)]
pub struct Pushes {
    shortest: Vec<f64>,
    longest: f64,
    at: usize,
}

impl Pushes {
    /// A pass over the signal begins.
    pub fn begin_pass(&mut self) {
        self.at = 0;
    }

    /// The next push took so long.
    pub fn add(&mut self, ns: f64) {
        match self.shortest.get_mut(self.at) {
            Some(shortest) => *shortest = shortest.min(ns),
            None => self.shortest.push(ns),
        }
        self.at += 1;
        self.longest = self.longest.max(ns);
    }

    /// Nanoseconds at a percentile of the shortest times; 1.0 is the push that costs most.
    #[must_use]
    pub fn percentile(&self, p: f64) -> f64 {
        percentile(&self.shortest, p)
    }

    /// The longest time that was ever seen, the host's disturbances included.
    #[must_use]
    pub fn longest(&self) -> f64 {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_on_paper() {
        assert_eq!(ns_per_sample(0.24, 24_000), 10_000.0);
        assert!((streams_per_core(1e9 / 24_000.0, 24_000) - 1.0).abs() < 1e-12, "rounding of two divisions");
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 0.999), 4.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_push_keeps_its_shortest_time() {
        let mut pushes = Pushes::default();
        for pass in [[5.0, 9.0], [4.0, 90.0]] {
            pushes.begin_pass();
            pass.into_iter().for_each(|ns| pushes.add(ns));
        }
        assert_eq!((pushes.percentile(0.5), pushes.percentile(1.0), pushes.longest()), (4.0, 9.0, 90.0));
    }
}
