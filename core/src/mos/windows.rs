//! Windows that overlap: rows that several share are computed once.
//!
//! A row inside a window depends on its neighbours alone. The zeros around a window reach only the first and the last few rows of each stage, so
//! one network that is never reset makes all others (*inner* rows), up to the last stage of which a hop is a whole number of rows. Where a window
//! begins, each stage's first rows are made anew from the zeros and from inner rows behind them; where one ends, a copy of the memory is
//! flushed. What is behind that stage is computed for each window. Every row is the same sum of the same numbers as in a window alone: the
//! same bits.

use super::Estimator;
use super::front::HOP;
use super::network::{Network, Reach};
use crate::simd::Simd;
use std::collections::VecDeque;

/// One stage of those that are shared.
struct Shared {
    /// Rows of its input that a hop has.
    hop: usize,
    /// Rows of its input that the zeros before a window reach.
    reached: usize,
    /// Rows of its input that its own rows are made of that these reach.
    needed: usize,
}

/// The stages that windows share, which begin every `hop` rows of features; and one more for what the first behind them takes.
fn shared(network: &Network, mut hop: usize) -> Vec<Shared> {
    let (mut stages, mut reached) = (Vec::new(), 0usize);
    for stage in 0..network.stages() {
        let (next, needed, rows) = match network.reach(stage) {
            Reach::Neighbours => (reached + 1, reached + 2, 1),
            Reach::Every(rows) => (reached.div_ceil(rows), reached.next_multiple_of(rows), rows),
            Reach::Other => break,
        };
        // What a window begins with has to be complete before the next begins, by rows that come as late as zeros reach.
        if !hop.is_multiple_of(rows) || needed + reached > hop {
            break;
        }
        stages.push(Shared { hop, reached, needed });
        (hop, reached) = (hop / rows, next);
    }
    stages.push(Shared { hop, reached, needed: 0 });
    stages
}

/// Inner rows, and what windows begin with.
struct Inner<'e> {
    estimator: &'e Estimator,
    simd: Simd,
    stages: Vec<Shared>,
    memory: Vec<f32>,
    /// Rows behind the last stage, from the first of the oldest window on.
    rows: VecDeque<Vec<f32>>,
    /// Inner rows that the next window's first rows are made of, for each stage.
    edge: Vec<Vec<f32>>,
    /// The first rows behind the last stage of the windows that have begun; the first window has those of the network.
    begun: VecDeque<Vec<f32>>,
}

impl Inner<'_> {
    fn cut(&self) -> usize {
        self.stages.len() - 1
    }

    fn push(&mut self, row: &[f32]) {
        let Self { estimator, simd, stages, memory, rows, edge, .. } = self;
        let watch = |stage: usize, count: usize, row: &[f32]| {
            let Shared { hop, reached, needed } = stages[stage];
            if count >= hop && (reached..needed).contains(&(count % hop)) {
                edge[stage].extend_from_slice(row);
            }
        };
        if let Some(row) = estimator.network.push_stages(*simd, memory, 0..stages.len() - 1, row, watch) {
            rows.push_back(row.to_vec());
        }
    }

    /// The first rows of the window that began a hop ago.
    fn begin(&mut self) {
        let network = &self.estimator.network;
        let mut memory = vec![0.0; network.memory()];
        let mut rows: Vec<f32> = Vec::new();
        for (stage, edge) in self.edge.iter_mut().enumerate() {
            rows.append(edge);
            let mut made = Vec::new();
            for row in rows.chunks_exact(network.takes(stage)) {
                if let Some(row) = network.push_stages(self.simd, &mut memory, stage..stage + 1, row, |_, _, _| {}) {
                    made.extend_from_slice(row);
                }
            }
            rows = made;
        }
        self.begun.push_back(rows);
    }

    /// What the network says of the oldest window, which ends here.
    fn end(&mut self) -> Vec<f32> {
        let (cut, network) = (self.cut(), &self.estimator.network);
        let mut last = Vec::new();
        network.flush(self.simd, &mut self.memory.clone(), 0..cut, |row| last.extend_from_slice(row));
        let (len, from) = (network.takes(cut), self.begun.pop_front().unwrap_or_default());
        let inner = self.rows.iter().map(|row| &row[..]).skip(from.len() / len);
        let rows = from.chunks_exact(len).chain(inner).chain(last.chunks_exact(len));
        let said = self.estimator.of_rows(self.simd, cut, rows);
        self.rows.drain(..self.stages[cut].hop);
        said
    }
}

impl Estimator {
    /// What the network says of `count` windows of `len` samples, each `hop` samples (whole rows) behind the one before.
    pub(super) fn windows(&self, simd: Simd, samples: &[f32], len: usize, hop: usize, count: usize) -> Vec<Vec<f32>> {
        let (rows, hop_rows, stages) = (self.front.rows(len), hop / HOP, shared(&self.network, hop / HOP));
        if !self.front.is_shared() || stages.len() < 2 || rows < 2 * hop_rows {
            return self.windows_of_rows(simd, samples, len, hop, count);
        }
        let mut inner = Inner {
            estimator: self,
            simd,
            memory: vec![0.0; self.network.memory()],
            rows: VecDeque::new(),
            edge: vec![Vec::new(); stages.len() - 1],
            begun: VecDeque::from([Vec::new()]),
            stages,
        };
        let (mut said, mut row) = (Vec::new(), vec![0.0; self.front.bands()]);
        for n in 0..rows + (count - 1) * hop_rows {
            self.front.row(simd, &samples[n * HOP..][..self.front.frame()], &mut row);
            inner.push(&row);
            if (n + 1).is_multiple_of(hop_rows) && n >= hop_rows {
                inner.begin();
            }
            if n + 1 >= rows && (n + 1 - rows).is_multiple_of(hop_rows) {
                said.push(inner.end());
            }
        }
        said
    }

    /// The same where windows share nothing but the rows of the front end whose frames lie within them.
    fn windows_of_rows(&self, simd: Simd, samples: &[f32], len: usize, hop: usize, count: usize) -> Vec<Vec<f32>> {
        let (rows, hop_rows) = (self.front.rows(len), hop / HOP);
        let (before, frame) = (self.front.before(), self.front.frame());
        let is_within = |row: usize, len: usize| row * HOP >= before && row * HOP - before + frame <= len;
        // From the first row of the window on; one whose frame reaches beyond the clip is in no window.
        let mut made: VecDeque<Vec<f32>> = VecDeque::new();
        let mut window = |k: usize| {
            for n in k * hop_rows + made.len()..k * hop_rows + rows {
                let mut row = Vec::new();
                if is_within(n, samples.len()) {
                    row.resize(self.front.bands(), 0.0);
                    self.front.row(simd, &samples[n * HOP - before..][..frame], &mut row);
                }
                made.push_back(row);
            }
            let known = |n: usize| is_within(n, len).then(|| &made[n][..]);
            let said = self.window_with(simd, &samples[k * hop..][..len], rows, known);
            made.drain(..hop_rows.min(rows));
            said
        };
        (0..count).map(&mut window).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Model;
    use super::super::weights::{Layer, Weights};
    use super::*;
    use crate::simd::Level;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn conv(out: usize, inputs: usize, kernel: [usize; 2], stride: [usize; 2]) -> Layer {
        let values = noise(out * inputs * kernel[0] * kernel[1] + out, (out + 3 * inputs) as u32);
        Layer::Conv { out, inputs, kernel, stride, relu: true, values: values.iter().map(|v| v * 0.4).collect() }
    }

    fn estimator(middle: Vec<Layer>, channels: usize) -> Estimator {
        let mut layers = vec![Layer::BasisLogPower { bins: 12, frame: 320, hop: HOP, values: noise(2 * 12 * 320, 1) }];
        layers.extend(middle);
        layers.push(Layer::Pool { channels, which: [true, true, false, false] });
        layers.push(Layer::Dense { out: 3, inputs: 2 * channels, relu: false, values: noise(6 * channels + 3, 2) });
        let weights = Weights { revision: 1, layers };
        Estimator::new(&weights).expect("a network")
    }

    /// Networks, and how many of their stages windows share.
    fn networks() -> [(Estimator, usize); 4] {
        let pool = |rows| Layer::MaxPool { size: [rows, 2] };
        let one = || conv(8, 1, [3, 3], [1, 1]);
        let eight = || conv(8, 8, [3, 3], [1, 1]);
        [
            // As DNSMOS P.835: 25 rows a second before the third pooling.
            (estimator(vec![one(), eight(), pool(2), eight(), pool(2), eight(), pool(2), eight()], 8), 6),
            // 100 rows are four of 25, and 12.5 are none; a kernel of one row, and a pooling by five.
            (
                estimator(vec![conv(16, 1, [1, 5], [1, 2]), pool(5), conv(8, 16, [3, 1], [1, 1]), pool(2), eight()], 8),
                5,
            ),
            // A stride in time and a sum with what was kept are not shared.
            (estimator(vec![one(), Layer::Save, eight(), Layer::Add { relu: true }], 8), 1),
            (estimator(vec![conv(8, 1, [3, 3], [2, 1]), eight()], 8), 0),
        ]
    }

    #[test]
    fn shared_rows_of_a_relative_front_end_have_the_bits_of_each_window_alone() {
        let estimator = Model::DnsmosP808.estimator().expect("ours");
        let loud = |(i, v): (usize, f32)| if i < 20_000 { v } else { v / 16.0 };
        let samples: Vec<f32> = noise(97_077, 3).into_iter().enumerate().map(loud).collect();
        for len in [32_000, 33_000, 12_345] {
            for &level in Level::available() {
                let simd = Simd::choose(Some(level));
                let got = estimator.windows(simd, &samples, len, 16_000, 5);
                for (k, got) in got.iter().enumerate() {
                    let alone = &samples[16_000 * k..][..len];
                    let wanted = estimator.window(simd, alone, estimator.front.rows(len));
                    assert_eq!(*got, wanted, "{len} samples, window {k}, {level}");
                }
                assert!(got[1] != got[2], "what is loud in one window is not in the other");
            }
        }
    }

    #[test]
    fn shared_rows_have_the_bits_of_each_window_alone() {
        for (n, (estimator, stages)) in networks().iter().enumerate() {
            assert_eq!(shared(&estimator.network, 100).len() - 1, *stages, "network {n}");
            // Windows of whole hops and of others, of an odd number of rows too.
            for (len, count) in [(48_160, 5), (40_000, 4), (35_360, 3), (33_123, 4), (32_160, 1)] {
                let samples = noise(len + 16_000 * (count - 1), (len + n) as u32);
                for &level in Level::available() {
                    let simd = Simd::choose(Some(level));
                    let got = estimator.windows(simd, &samples, len, 16_000, count);
                    assert_eq!(got.len(), count);
                    for (k, got) in got.iter().enumerate() {
                        let alone = &samples[16_000 * k..][..len];
                        let wanted = estimator.window(simd, alone, estimator.front.rows(len));
                        assert!(wanted.iter().all(|v| v.is_finite()) && wanted[0] != wanted[1]);
                        assert_eq!(*got, wanted, "network {n}, {len} samples, window {k}, {level}");
                    }
                }
            }
        }
    }
}
