//! The spectrum in twenty bands, as wide as the ear's.

use crate::simd::{BinSums, Simd};
use crate::units::SampleRate;

/// How many bands.
pub(crate) const BANDS: usize = 20;

/// The mean power of a bin in each band.
pub(crate) type Bands = [f32; BANDS];

const LOWEST_HZ: f64 = 100.0;
const HIGHEST_HZ: f64 = 8_000.0;
/// Of the sample rate: above, converters and codecs have their slopes.
const HIGHEST_SHARE: f64 = 0.45;

/// From 100 Hz to 8 kHz, or to 0.45 of a lower rate; equally wide on the mel scale (O'Shaughnessy 1987), to whole bins.
pub(crate) struct BandPlan {
    edges: [u16; BANDS + 1],
    means: BinSums,
}

impl BandPlan {
    /// The bands of a spectrum of `frame` samples.
    pub(crate) fn new(rate: SampleRate, frame: usize) -> Self {
        let hz = f64::from(rate.hz());
        let mel = |f: f64| 2595.0 * (1.0 + f / 700.0).log10();
        let (low, high) = (mel(LOWEST_HZ), mel(HIGHEST_HZ.min(HIGHEST_SHARE * hz)));
        let mut edges = [0; BANDS + 1];
        for (i, edge) in edges.iter_mut().enumerate() {
            let f = 700.0 * (10f64.powf((low + (high - low) * i as f64 / BANDS as f64) / 2595.0) - 1.0);
            *edge = (f * frame as f64 / hz).round() as u16;
        }
        for i in 1..=BANDS {
            edges[i] = edges[i].max(edges[i - 1] + 1);
        }
        let means = BinSums::new(frame / 2 + 1, BANDS, |b, k| {
            let bins = usize::from(edges[b])..usize::from(edges[b + 1]);
            if bins.contains(&k) { 1.0 / bins.len() as f32 } else { 0.0 }
        });
        Self { edges, means }
    }

    /// How many bins each band has.
    pub(crate) fn widths(&self) -> [f32; BANDS] {
        core::array::from_fn(|b| f32::from(self.edges[b + 1] - self.edges[b]))
    }

    pub(crate) fn of(&self, simd: Simd, spectrum: &[f32]) -> Bands {
        let mut bands = [0.0; BANDS];
        simd.bin_sums(&self.means, spectrum, &mut bands);
        bands
    }
}

/// The binary logarithm of a positive number, straight between powers of two: at most 0.09 low, without a call, and the
/// same everywhere. Zero gives -127.
pub(crate) fn level(power: f32) -> f32 {
    power.to_bits() as f32 * (1.0 / 8_388_608.0) - 127.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_in_order_and_white_noise_is_level() {
        for hz in [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 192_000] {
            let rate = SampleRate::new(hz).expect("in range");
            let frame = rate.samples_in_ms(20).next_power_of_two();
            let plan = BandPlan::new(rate, frame);
            assert!(plan.edges.windows(2).all(|w| w[0] < w[1]) && usize::from(plan.edges[BANDS]) < frame / 2, "{hz}");
            for (b, mean) in plan.of(Simd::choose(None), &vec![0.25; frame / 2 + 1]).into_iter().enumerate() {
                assert!((mean - 0.25).abs() < 1e-6, "shares in single precision: {hz} {b} {mean}");
            }
        }
    }

    #[test]
    fn levels_are_logarithms() {
        for (power, want) in [(1.0, 0.0), (2.0, 1.0), (0.125, -3.0), (1e-9, -29.897_353), (3.0, 1.584_962_5)] {
            let got = level(power);
            assert!((0.0..0.0861).contains(&(want - got + 1e-5)), "a chord below the curve: {got} {want}");
        }
        assert_eq!(level(0.0), -127.0);
    }
}
