//! The running true peak of each channel (BS.1770-5 Annex 2).

use crate::frame::Signals;
use crate::probe::MAX_CHANNELS;
use crate::simd::{Simd, Statistics, TAPS, TruePeakTable};

/// The largest magnitude so far, on and between the samples.
///
/// A block whose samples (the interpolator's look-back included), times the largest gain the interpolator can have, do
/// not exceed the maximum cannot raise it, and is skipped: the result is the same to the last bit.
#[derive(Debug, Clone, Default)]
pub(crate) struct TruePeak {
    largest: [f32; MAX_CHANNELS],
    /// The sample peak of the last `TAPS - 1` samples or more.
    before: [f32; MAX_CHANNELS],
}

impl TruePeak {
    pub(crate) fn largest(&self) -> [f32; MAX_CHANNELS] {
        self.largest
    }

    pub(crate) fn update(&mut self, simd: Simd, table: &TruePeakTable, s: &Signals<'_>, stats: &[Statistics]) {
        for (c, stats) in stats.iter().enumerate().take(s.channels()) {
            let peak = stats.peak();
            let reach = peak.max(self.before[c]);
            self.before[c] = peak;
            let largest = &mut self.largest[c];
            *largest = largest.max(peak);
            if reach * table.bound <= *largest {
                continue;
            }
            *largest = simd.true_peak(table, s.channel(c, TAPS - 1), *largest);
        }
    }

    /// The points after the last sample, as if silence followed.
    pub(crate) fn finish(&mut self, simd: Simd, table: &TruePeakTable, s: &Signals<'_>) {
        for c in 0..s.channels() {
            let x = s.channel(c, TAPS - 1);
            let mut tail = [0.0; 2 * (TAPS - 1)];
            tail[..TAPS - 1].copy_from_slice(&x[x.len() - (TAPS - 1)..]);
            self.largest[c] = simd.true_peak(table, &tail, self.largest[c]);
        }
    }
}
