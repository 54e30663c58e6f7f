//! The spectrum of each short stretch, in few levels: a spectrogram as it is drawn.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Levels are multiples of this, over full scale.
pub(crate) const STEP_DB: f32 = 2.0;
/// Level 0 is this and everything below: quieter than the noise of 16 bits.
pub(crate) const FLOOR_DB: f32 = -110.0;

/// Grows with the signal as the envelope does. Of two columns the louder one stays in each row: a click must not fade.
pub(crate) struct Spectrogram {
    most: usize,
    rows: Vec<(usize, usize)>,
    hop: usize,
    /// How many hops make a column.
    hops: u64,
    /// Hops in the column that is being filled.
    filled: u64,
    column: Vec<u8>,
    columns: Vec<u8>,
    /// Samples from half a window before the next hop's middle on.
    pending: Vec<f32>,
    samples: u64,
    done: u64,
    window: Vec<f32>,
    /// Makes a full-scale sine 0 dB.
    scale: f32,
    fft: Arc<dyn RealToComplex<f32>>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    frame: Vec<f32>,
}

/// Mels after O'Shaughnessy.
fn mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn hz(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// The first and last bin of each of `n` rows, equally wide in mels from 0 to half the rate.
fn rows(n: usize, rate_hz: u32, window: usize) -> Vec<(usize, usize)> {
    let bin_hz = f64::from(rate_hz) / window as f64;
    let edge = |i: usize| hz(mel(f64::from(rate_hz) / 2.0) * i as f64 / n as f64) / bin_hz;
    (0..n)
        .map(|i| {
            let (first, last) = (edge(i).ceil() as usize, (edge(i + 1).ceil() as usize).saturating_sub(1));
            // A row narrower than a bin shows the nearest one.
            let nearest = edge(i).midpoint(edge(i + 1)).round() as usize;
            if first <= last { (first, last.min(window / 2)) } else { (nearest, nearest) }
        })
        .collect()
}

impl Spectrogram {
    /// Between `most` and twice as many columns of `height` rows for whatever is longer than that.
    pub(crate) fn new(most: usize, height: usize, rate_hz: u32) -> Self {
        let hop = (rate_hz / 200).max(1) as usize;
        // 16 to 32 ms: two pitch periods of a low voice.
        let len = (rate_hz as usize * 32 / 1000).max(2).next_power_of_two() / 2;
        let len = len.max(2 * hop.next_power_of_two()).max(16);
        let window: Vec<f32> = (0..len)
            .map(|i| (0.5 - 0.5 * (std::f64::consts::TAU * (i as f64 + 0.5) / len as f64).cos()) as f32)
            .collect();
        let fft = RealFftPlanner::new().plan_fft_forward(len);
        Self {
            most: most.max(1),
            rows: rows(height, rate_hz, len),
            hop,
            hops: 1,
            filled: 0,
            column: vec![0; height],
            columns: Vec::new(),
            pending: vec![0.0; len / 2 - hop / 2],
            samples: 0,
            done: 0,
            scale: 2.0 / window.iter().sum::<f32>(),
            window,
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            frame: fft.make_input_vec(),
            fft,
        }
    }

    /// Takes samples of one channel.
    pub(crate) fn push(&mut self, mono: &[f32]) {
        self.samples += mono.len() as u64;
        self.pending.extend_from_slice(mono);
        self.work();
    }

    fn work(&mut self) {
        let mut at = 0;
        while self.pending.len() - at >= self.window.len() {
            self.hop_at(at);
            at += self.hop;
        }
        self.pending.drain(..at);
    }

    fn hop_at(&mut self, at: usize) {
        for ((x, &sample), &w) in self.frame.iter_mut().zip(&self.pending[at..]).zip(&self.window) {
            *x = sample * w;
        }
        // Lengths are those the plan gave: it cannot fail, and a picture without a column would be no reason to stop.
        let _ = self.fft.process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch);
        for (level, &(first, last)) in self.column.iter_mut().zip(&self.rows) {
            let power = self.spectrum[first..=last].iter().map(Complex::norm_sqr).fold(0.0, f32::max);
            let db = 10.0 * (power * self.scale * self.scale).max(1e-20).log10();
            *level = (*level).max(((db - FLOOR_DB) / STEP_DB).clamp(0.0, 255.0) as u8);
        }
        self.done += 1;
        self.filled += 1;
        if self.filled == self.hops {
            self.close();
        }
    }

    fn close(&mut self) {
        let height = self.rows.len();
        self.columns.extend_from_slice(&self.column);
        self.column.fill(0);
        self.filled = 0;
        if self.columns.len() >= 2 * self.most * height {
            self.hops *= 2;
            let halved = self.columns.chunks(2 * height).flat_map(|pair| {
                let (a, b) = pair.split_at(height);
                a.iter().zip(b).map(|(&a, &b)| a.max(b))
            });
            self.columns = halved.collect();
        }
    }

    /// Ends the last column.
    pub(crate) fn finish(&mut self) {
        while self.done < self.samples.div_ceil(self.hop as u64) {
            self.pending.resize(self.pending.len().max(self.window.len()) + self.hop - 1, 0.0);
            let wanted = self.samples.div_ceil(self.hop as u64) - self.done;
            self.pending.truncate(self.window.len() + self.hop * (wanted as usize - 1));
            self.work();
        }
        if self.filled > 0 {
            self.close();
        }
    }

    /// Samples of one column.
    pub(crate) fn step(&self) -> u64 {
        self.hop as u64 * self.hops
    }

    /// How many rows a column has, from 0 Hz to half the rate, equally wide in mels.
    pub(crate) fn height(&self) -> usize {
        self.rows.len()
    }

    /// The levels, row after row from the lowest: neighbours in time are alike and pack well.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let height = self.rows.len();
        (0..height).flat_map(|row| self.columns.iter().skip(row).step_by(height).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(wave: &[f32], rate_hz: u32, cut: usize) -> Spectrogram {
        let mut s = Spectrogram::new(100, 64, rate_hz);
        wave.chunks(cut).for_each(|part| s.push(part));
        s.finish();
        s
    }

    #[test]
    fn a_full_scale_sine_is_0_db_in_the_row_of_its_frequency() {
        for rate_hz in [8_000, 22_050, 48_000, 192_000] {
            let n = rate_hz as usize * 2;
            let tone = 1_000.0 / f64::from(rate_hz) * std::f64::consts::TAU;
            let wave: Vec<f32> = (0..n).map(|i| (i as f64 * tone).sin() as f32).collect();
            let s = made(&wave, rate_hz, 999);
            let (bytes, width) = (s.bytes(), s.bytes().len() / 64);
            assert_eq!(width as u64, (n as u64).div_ceil(s.step()), "every sample has a column at {rate_hz}");
            let column: Vec<u8> = (0..64).map(|row| bytes[row * width + width / 2]).collect();
            let loudest = (0..64).max_by_key(|&row| column[row]).expect("rows");
            let wanted = (64.0 * mel(1_000.0) / mel(f64::from(rate_hz) / 2.0)) as usize;
            assert!(loudest.abs_diff(wanted) <= 1, "row {loudest} of {wanted} at {rate_hz}");
            let db = f32::from(column[loudest]) * STEP_DB + FLOOR_DB;
            assert!((-4.0..=0.0).contains(&db), "a Hann window between two bins loses 1.4 dB, a level is 2 dB: {db}");
        }
    }

    #[test]
    fn how_the_signal_was_cut_changes_nothing() {
        let wave: Vec<f32> = (0..50_000).map(|i| ((i * 7919) % 1000) as f32 / 1000.0 - 0.5).collect();
        let all: Vec<Vec<u8>> = [1, 333, 50_000].map(|cut| made(&wave, 16_000, cut).bytes()).to_vec();
        assert!(all[0] == all[1] && all[1] == all[2]);
        assert!(made(&[], 16_000, 1).bytes().is_empty());
        assert_eq!(made(&[0.5], 8_000, 1).bytes().len(), 64, "one sample is one column");
    }
}
