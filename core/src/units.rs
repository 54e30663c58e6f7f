//! Sample rates, sample positions and decibels.
//!
//! Public numbers carry their unit in their name (`_hz _ms _s _dbfs _dbtp _lufs _lu _ratio _samples`). This is the only
//! file that turns ratios into decibels.

use crate::error::ConfigError;

/// A sample rate Otoscope accepts: 8 to 192 kHz, every whole number in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// The lowest accepted rate in hertz.
    pub const MIN_HZ: u32 = 8_000;
    /// The highest accepted rate in hertz.
    pub const MAX_HZ: u32 = 192_000;

    /// Checks a rate.
    ///
    /// # Errors
    /// [`ConfigError::SampleRate`] outside 8,000 to 192,000 Hz.
    pub fn new(hz: u32) -> Result<Self, ConfigError> {
        if (Self::MIN_HZ..=Self::MAX_HZ).contains(&hz) { Ok(Self(hz)) } else { Err(ConfigError::SampleRate { hz }) }
    }

    /// The rate in hertz.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// How many samples fit into `ms` milliseconds, rounded down.
    #[must_use]
    pub(crate) const fn samples_in_ms(self, ms: u32) -> usize {
        (self.0 as u64 * ms as u64 / 1000) as usize
    }

    /// The first sample of hop `k`: hops are 10 ms long, so at 22,050 Hz they alternate between 220 and 221 samples
    /// and 100 of them are exactly one second.
    #[must_use]
    pub(crate) const fn hop_start(self, k: u64) -> u64 {
        k / 100 * self.0 as u64 + k % 100 * self.0 as u64 / 100
    }

    /// The length of the longest hop in samples.
    #[must_use]
    pub(crate) const fn longest_hop(self) -> usize {
        self.0.div_ceil(100) as usize
    }

    /// A sample position as seconds.
    #[must_use]
    pub fn seconds(self, samples: u64) -> f64 {
        samples as f64 / f64::from(self.0)
    }
}

/// `10 log10(x)`: a power or energy ratio in decibels. Zero gives minus infinity; callers report it as undefined.
#[must_use]
pub(crate) fn power_db(x: f64) -> f64 {
    10.0 * x.log10()
}

/// `20 log10(x)`: an amplitude ratio in decibels.
#[must_use]
pub(crate) fn amplitude_db(x: f64) -> f64 {
    20.0 * x.log10()
}

/// The amplitude ratio of `db` decibels.
#[must_use]
pub(crate) fn db_amplitude(db: f64) -> f64 {
    10f64.powf(db / 20.0)
}

/// The power ratio of `db` decibels.
#[must_use]
pub(crate) fn db_power(db: f64) -> f64 {
    10f64.powf(db / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_hops_are_one_second_at_every_rate() {
        for hz in [8_000, 8_001, 11_025, 22_050, 24_000, 44_100, 48_000, 191_999, 192_000] {
            let rate = SampleRate::new(hz).expect("in range");
            assert_eq!(rate.hop_start(100), u64::from(hz));
            assert_eq!(rate.hop_start(1_080_000), u64::from(hz) * 10_800, "three hours");
            for k in 0..300 {
                let len = (rate.hop_start(k + 1) - rate.hop_start(k)) as usize;
                assert!(len == hz as usize / 100 || len == rate.longest_hop(), "hop {k} at {hz}: {len}");
            }
        }
    }

    #[test]
    fn rates_outside_the_range_are_refused_with_the_range() {
        for hz in [0, 7_999, 192_001, u32::MAX] {
            let text = SampleRate::new(hz).expect_err("out of range").to_string();
            assert!(text.contains(&hz.to_string()) && text.contains("8000") && text.contains("192000"), "{text}");
        }
    }
}
