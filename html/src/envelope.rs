//! The lowest and highest value of each short stretch: a waveform as it is drawn.

/// Grows with the signal: when there are twice as many columns as needed, each two become one.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    most: usize,
    channels: usize,
    /// Samples per channel of one column.
    step: u64,
    /// Samples per channel in the column that is being filled.
    filled: u64,
    low: f32,
    high: f32,
    columns: Vec<[i8; 2]>,
}

/// Full scale in a column: `i8::MAX`, so that both rails look alike.
const FULL: f32 = 127.0;

impl Envelope {
    /// Between `most` and twice as many columns for whatever is longer than that.
    pub(crate) fn new(most: usize, channels: usize) -> Self {
        Self { most: most.max(1), channels, step: 1, filled: 0, low: 0.0, high: 0.0, columns: Vec::new() }
    }

    /// Takes interleaved samples, whole frames. A column spans all channels: a fault of one of them shows.
    pub(crate) fn push(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let room = usize::try_from(self.step - self.filled).unwrap_or(usize::MAX).saturating_mul(self.channels);
            let (now, rest) = samples.split_at(room.min(samples.len()));
            if self.filled == 0 {
                (self.low, self.high) = (f32::MAX, f32::MIN);
            }
            for &x in now {
                self.low = self.low.min(x);
                self.high = self.high.max(x);
            }
            self.filled += (now.len() / self.channels) as u64;
            if self.filled == self.step {
                self.close();
            }
            samples = rest;
        }
    }

    fn close(&mut self) {
        // Away from zero: what is not silent shall not look silent.
        let low = (self.low * FULL).clamp(-FULL, FULL);
        let high = (self.high * FULL).clamp(-FULL, FULL);
        self.columns.push([low.floor() as i8, high.ceil() as i8]);
        self.filled = 0;
        if self.columns.len() >= 2 * self.most {
            self.step *= 2;
            self.columns = self.columns.chunks(2).map(union).collect();
        }
    }

    /// Ends the last column.
    pub(crate) fn finish(&mut self) {
        if self.filled > 0 {
            self.close();
        }
    }

    /// Samples per channel of one column.
    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    /// Low and high in turn, 127 is full scale.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.columns.iter().flatten().map(|&x| x as u8).collect()
    }

    /// The largest amplitude of each of at most `n` equal parts, 0 to 127.
    pub(crate) fn strip(&self, n: usize) -> Vec<u8> {
        let n = n.min(self.columns.len());
        let part = |i: usize| i * self.columns.len() / n;
        (0..n)
            .map(|i| {
                let [low, high] = union(&self.columns[part(i)..part(i + 1)]);
                low.unsigned_abs().max(high.unsigned_abs())
            })
            .collect()
    }
}

fn union(columns: &[[i8; 2]]) -> [i8; 2] {
    columns.iter().fold([i8::MAX, i8::MIN], |[low, high], c| [low.min(c[0]), high.max(c[1])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_the_extremes_whatever_the_length_and_the_cutting() {
        let mut wave = vec![0.0_f32; 20_000];
        (wave[12_345], wave[500]) = (1.0, -0.5);
        let mut seen = Vec::new();
        for cut in [1, 7, 20_000] {
            let mut envelope = Envelope::new(100, 1);
            wave.chunks(cut).for_each(|part| envelope.push(part));
            envelope.finish();
            assert_eq!(envelope.step(), 128, "20,000 samples in 157 columns");
            seen.push(envelope.bytes());
        }
        assert_eq!(seen[0].len(), 2 * 20_000_usize.div_ceil(128));
        let column = |i: usize| [seen[0][2 * i] as i8, seen[0][2 * i + 1] as i8];
        assert_eq!((column(12_345 / 128), column(500 / 128), column(2)), ([0, 127], [-64, 0], [0, 0]));
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_strip_keeps_the_peak_and_all_channels_count() {
        let mut envelope = Envelope::new(64, 2);
        let mut wave = vec![0.0_f32; 4000];
        wave[2001] = -1.0;
        envelope.push(&wave);
        envelope.finish();
        let strip = envelope.strip(10);
        assert_eq!(strip.iter().filter(|&&x| x == 127).count(), 1);
        assert_eq!(strip[5], 127, "the second channel, in the middle");
        assert!(Envelope::new(64, 1).strip(10).is_empty());
    }
}
