//! A convolution network that takes one row after the other, each computed once.
//!
//! Every layer keeps the few rows of input that its next output needs, with zero columns at both sides, so that no inner loop has a border case. A
//! row that is pushed goes as far as it completes outputs; [`Network::flush`] pushes the zero rows that a window ends in. The memory is the
//! caller's: [`Network::memory`] words, zeros at the start. Nothing here allocates after [`Network::new`].

use super::packed::{Packed, pack};
use super::weights::{Layer, Weights, WeightsError, wrong};
use crate::simd::{RowsShape, Simd};
use core::ops::Range;

/// Words of memory of one stream, at most: a network that wants more is none for a server.
const MOST_MEMORY: usize = 1 << 20;

enum Op {
    /// Rows of input, of which `kernel` make an output, every `stride`th time.
    Conv {
        packed: Packed,
        shape: RowsShape,
        kernel: usize,
        stride: usize,
        margin: usize,
        padded: usize,
    },
    MaxPool {
        size: [usize; 2],
        places: usize,
        channels: usize,
    },
    /// Keeps so many rows.
    Save {
        rows: usize,
        len: usize,
    },
    /// Adds what the stage of this number has kept.
    Add {
        save: usize,
        len: usize,
        relu: bool,
    },
    RowDense {
        packed: Packed,
        len: usize,
        outputs: usize,
        relu: bool,
    },
}

struct Stage {
    op: Op,
    /// Numbers of a row that it takes.
    takes: usize,
    /// Where its memory begins, behind counts and rows, and how long it is.
    at: usize,
    len: usize,
}

/// Which rows of its input a row of a stage is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Its own and both neighbours, zeros where there are none.
    Neighbours,
    /// So many that are no other row's.
    Every(usize),
    /// Others.
    Other,
}

struct Dense {
    packed: Packed,
    inputs: usize,
    outputs: usize,
    relu: bool,
}

/// What is kept of each row for the pooling over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pool {
    channels: usize,
    width: usize,
    /// Maximum, mean, mean of the maximum over bands, deviation of the mean over bands.
    which: [bool; 4],
}

impl Pool {
    fn has_largest(self) -> bool {
        self.which[0] || self.which[2]
    }

    fn has_mean(self) -> bool {
        self.which[1] || self.which[3]
    }

    /// Words of one row's part.
    fn row_len(self) -> usize {
        self.channels * (usize::from(self.has_largest()) + usize::from(self.has_mean()))
    }

    fn outputs(self) -> usize {
        self.channels * self.which.iter().filter(|w| **w).count()
    }

    /// The part of a row: for each channel the largest over the bands, then the mean.
    fn reduce(self, row: &[f32], out: &mut [f32]) {
        let (largest, mean) = out.split_at_mut(if self.has_largest() { self.channels } else { 0 });
        largest.fill(f32::NEG_INFINITY);
        mean.fill(0.0);
        for place in row.chunks_exact(self.channels) {
            largest.iter_mut().zip(place).for_each(|(l, v)| *l = l.max(*v));
            mean.iter_mut().zip(place).for_each(|(m, v)| *m += v);
        }
        mean.iter_mut().for_each(|m| *m /= self.width as f32);
    }

    /// All rows together.
    fn over<'r>(self, rows: impl Iterator<Item = &'r [f32]> + Clone, out: &mut [f32]) {
        let count = rows.clone().count().max(1) as f32;
        let second = if self.has_largest() { self.channels } else { 0 };
        let mut out = out;
        for (i, _) in self.which.iter().enumerate().filter(|(_, wanted)| **wanted) {
            let (here, rest) = out.split_at_mut(self.channels);
            out = rest;
            let from = if i == 1 || i == 3 { second } else { 0 };
            let part = |row: &'r [f32]| &row[from..from + self.channels];
            if i == 0 {
                here.fill(f32::NEG_INFINITY);
                rows.clone().for_each(|row| here.iter_mut().zip(part(row)).for_each(|(h, v)| *h = h.max(*v)));
                continue;
            }
            here.fill(0.0);
            rows.clone().for_each(|row| here.iter_mut().zip(part(row)).for_each(|(h, v)| *h += v));
            here.iter_mut().for_each(|h| *h /= count);
            if i == 3 {
                // The squares of what is left of each: the mean is taken off first, so that nothing cancels.
                for (c, mean) in here.iter_mut().enumerate() {
                    let squares: f32 = rows.clone().map(|row| (row[from + c] - *mean).powi(2)).sum();
                    *mean = (squares / count + 1e-5).sqrt();
                }
            }
        }
    }
}

/// A network, shared by all streams.
pub(crate) struct Network {
    stages: Vec<Stage>,
    pool: Pool,
    head: Vec<Dense>,
    /// Bands of a row of features.
    bands: usize,
    /// The longest row there is.
    row: usize,
    memory: usize,
    /// Rows of features for one row that is pooled.
    stride: usize,
}

impl Network {
    /// Makes the network behind the first layer, which is the front end's.
    pub(super) fn new(weights: &Weights) -> Result<Self, WeightsError> {
        let mut layers = weights.layers.iter();
        let bands = match layers.next() {
            Some(Layer::MelDb { bands, .. }) => *bands,
            Some(Layer::BasisLogPower { bins, .. }) => *bins,
            Some(Layer::LogMagnitude { dft }) => dft / 2 + 1,
            _ => return wrong("it does not begin with a front end"),
        };
        let (mut places, mut channels, mut stride) = (bands, 1, 1);
        let (mut stages, mut head): (Vec<Stage>, Vec<Dense>) = (Vec::new(), Vec::new());
        let (mut at, mut row) = (0, bands.next_multiple_of(8));
        let mut pool: Option<Pool> = None;
        // The save that is open: its stage, and the rows that its sum will be late.
        let mut saved: Option<(usize, usize)> = None;
        for layer in layers {
            if let (Some(_), false) = (pool, matches!(layer, Layer::Dense { .. })) {
                return wrong("behind the pooling there are dense layers only");
            }
            let takes = places * channels;
            let (op, len) = match layer {
                Layer::Conv { out, inputs, kernel, stride: [by, step], relu, values } => {
                    let [rows, columns] = *kernel;
                    if *inputs != channels
                        || !out.is_multiple_of(8)
                        || !matches!(rows, 1 | 3)
                        || !matches!(columns, 1 | 3 | 5)
                    {
                        return wrong(format!(
                            "a convolution of {inputs} to {out} channels, {rows} by {columns}, behind {channels}"
                        ));
                    }
                    let margin = columns / 2;
                    let padded = (places + 2 * margin) * channels;
                    let taps = columns * channels;
                    let weight = |o: usize, k: usize| {
                        let (r, column, c) = (k / taps, k % taps / channels, k % channels);
                        values[((o * inputs + c) * rows + r) * columns + column]
                    };
                    let packed = pack(*out, rows * taps, 16, weight, &values[out * inputs * rows * columns..]);
                    let next = (places - 1) / step + 1;
                    let shape =
                        RowsShape { places: next, step: step * channels, inputs: taps, outputs: *out, relu: *relu };
                    if let (Some((_, late)), 3) = (&mut saved, rows) {
                        *late += 1;
                    }
                    if saved.is_some() && (*by != 1 || *step != 1) {
                        return wrong("what is added has to have the size of what was kept");
                    }
                    stride *= by;
                    (places, channels) = (next, *out);
                    (
                        Op::Conv { packed, shape, kernel: rows, stride: *by, margin: margin * inputs, padded },
                        rows * padded,
                    )
                }
                Layer::MaxPool { size: [rows, columns] } => {
                    if saved.is_some() || places < *columns {
                        return wrong("a pooling that nothing is left of, or between what is kept and added");
                    }
                    stride *= rows;
                    places /= columns;
                    (Op::MaxPool { size: [*rows, *columns], places, channels }, places * channels)
                }
                Layer::Save => {
                    if saved.replace((stages.len(), 0)).is_some() {
                        return wrong("it keeps two maps at once");
                    }
                    // Its rows are known once the sum is.
                    (Op::Save { rows: 1, len: places * channels }, 0)
                }
                Layer::Add { relu } => {
                    let Some((save, late)) = saved.take() else { return wrong("it adds what it has not kept") };
                    let len = places * channels;
                    match &mut stages[save] {
                        Stage { op: Op::Save { rows, len: kept }, at: begin, len: own, .. } if *kept == len => {
                            (*rows, *begin, *own) = (late + 1, at, (late + 1) * len);
                        }
                        _ => return wrong("what is added has to have the size of what was kept"),
                    }
                    at += (late + 1) * len;
                    (Op::Add { save, len, relu: *relu }, 0)
                }
                Layer::RowDense { out, channels: wanted, width, relu, values } => {
                    if (*wanted, *width) != (channels, places) {
                        return wrong(format!("a dense layer over {wanted} by {width} behind {channels} by {places}"));
                    }
                    let len = places * channels;
                    let weight = |o: usize, k: usize| values[(o * wanted + k % wanted) * width + k / wanted];
                    let packed = pack(*out, len, 32, weight, &values[out * len..]);
                    (places, channels) = (1, *out);
                    (Op::RowDense { packed, len, outputs: *out, relu: *relu }, 0)
                }
                Layer::Pool { channels: wanted, which } => {
                    if *wanted != channels || saved.is_some() || !which.contains(&true) {
                        return wrong("a pooling of other channels than there are");
                    }
                    let made = Pool { channels, width: places, which: *which };
                    row = row.max(made.outputs());
                    pool = Some(made);
                    continue;
                }
                Layer::Dense { out, inputs, relu, values } => {
                    let before = head.last().map_or(pool.map_or(0, Pool::outputs), |d| d.outputs);
                    if *inputs != before {
                        return wrong(format!("a dense layer of {inputs} inputs behind {before}"));
                    }
                    let packed = pack(*out, *inputs, 32, |o, k| values[o * inputs + k], &values[out * inputs..]);
                    row = row.max(out.next_multiple_of(32)).max(*inputs);
                    head.push(Dense { packed, inputs: *inputs, outputs: *out, relu: *relu });
                    continue;
                }
                Layer::MelDb { .. } | Layer::BasisLogPower { .. } | Layer::LogMagnitude { .. } => {
                    return wrong("it has two front ends");
                }
            };
            row = row.max(places * channels.next_multiple_of(32));
            // A maximum over a row of places needs its own row before it is halved.
            stages.push(Stage { op, takes, at, len });
            at += len;
            if at > MOST_MEMORY || row > MOST_MEMORY || stride > 64 {
                return wrong("it needs too much memory for a stream");
            }
        }
        let (Some(pool), Some(1)) = (pool, head.last().map(|d| d.outputs).map(|n| n.min(1))) else {
            return wrong("it has no pooling, or no dense layer behind it");
        };
        let behind = stages.len() + 2 * row;
        for stage in &mut stages {
            stage.at += behind;
        }
        Ok(Self { memory: behind + at, stages, pool, head, bands, row, stride })
    }

    /// Words of memory of one stream.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Bands of a row of features.
    pub(crate) fn bands(&self) -> usize {
        self.bands
    }

    /// Rows of features for one pooled row.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// Words that are kept of each row for the pooling.
    pub(crate) fn kept(&self) -> usize {
        self.pool.row_len()
    }

    /// How many numbers come out.
    pub(crate) fn outputs(&self) -> usize {
        self.head.last().map_or(0, |d| d.outputs)
    }

    /// Takes a row of features; gives the row for the pooling that it completes, if it does.
    pub(crate) fn push<'m>(&self, simd: Simd, memory: &'m mut [f32], features: &[f32]) -> Option<&'m [f32]> {
        let (_, a, _, _) = self.split(memory);
        a[..self.bands].copy_from_slice(&features[..self.bands]);
        self.advance(simd, memory, 0..self.stages.len(), |_, _, _| {})
    }

    /// Ends a window for these stages: the zero rows behind the last of each. What comes out of the last of them is given to `take`.
    pub(super) fn flush(&self, simd: Simd, memory: &mut [f32], stages: Range<usize>, mut take: impl FnMut(&[f32])) {
        for n in stages.clone() {
            if let Stage { op: Op::Conv { kernel: 3, .. }, takes, .. } = &self.stages[n] {
                let (_, a, _, _) = self.split(memory);
                a[..*takes].fill(0.0);
                if let Some(row) = self.advance(simd, memory, n..stages.end, |_, _, _| {}) {
                    take(row);
                }
            }
        }
    }

    /// Takes a row of the first of these stages as far as it goes; gives what the last of them makes of it, if it does. `watch` sees every row that a
    /// stage takes: which stage, the how manieth row, the row.
    pub(super) fn push_stages<'m>(
        &self,
        simd: Simd,
        memory: &'m mut [f32],
        stages: Range<usize>,
        row: &[f32],
        watch: impl FnMut(usize, usize, &[f32]),
    ) -> Option<&'m [f32]> {
        let (_, a, _, _) = self.split(memory);
        a[..row.len()].copy_from_slice(row);
        self.advance(simd, memory, stages, watch)
    }

    /// How many stages there are.
    pub(super) fn stages(&self) -> usize {
        self.stages.len()
    }

    /// Numbers of a row that this stage takes, or behind the last the pooling.
    pub(super) fn takes(&self, stage: usize) -> usize {
        self.stages.get(stage).map_or(self.pool.channels * self.pool.width, |stage| stage.takes)
    }

    /// How this stage's rows depend on those before it.
    pub(super) fn reach(&self, stage: usize) -> Reach {
        match &self.stages[stage].op {
            Op::Conv { kernel: 3, stride: 1, .. } => Reach::Neighbours,
            Op::MaxPool { size: [rows, _], .. } => Reach::Every(*rows),
            Op::RowDense { .. } | Op::Conv { kernel: 1, stride: 1, .. } => Reach::Every(1),
            _ => Reach::Other,
        }
    }

    /// What the pooling needs of a row: [`kept`](Self::kept) words.
    pub(crate) fn reduce(&self, row: &[f32], out: &mut [f32]) {
        self.pool.reduce(row, out);
    }

    fn split<'m>(&self, memory: &'m mut [f32]) -> (&'m mut [u32], &'m mut [f32], &'m mut [f32], &'m mut [f32]) {
        let (counts, rest) = memory.split_at_mut(self.stages.len());
        let (a, rest) = rest.split_at_mut(self.row);
        let (b, rest) = rest.split_at_mut(self.row);
        (bytemuck::cast_slice_mut(counts), a, b, rest)
    }

    /// Takes the row in the first buffer through these stages as far as it goes.
    fn advance<'m>(
        &self,
        simd: Simd,
        memory: &'m mut [f32],
        stages: Range<usize>,
        mut watch: impl FnMut(usize, usize, &[f32]),
    ) -> Option<&'m [f32]> {
        let behind = self.stages.len() + 2 * self.row;
        let (counts, mut a, mut b, rest) = self.split(memory);
        for (stage, n) in self.stages[stages.clone()].iter().zip(stages.clone()) {
            let count = counts[n] as usize;
            watch(n, count, &a[..stage.takes]);
            counts[n] = counts[n].wrapping_add(1);
            let own = &mut rest[stage.at - behind..][..stage.len];
            match &stage.op {
                Op::Conv { packed, shape, kernel, stride, margin, padded } => {
                    let slot = &mut own[count % kernel * padded..][..*padded];
                    slot[*margin..padded - margin].copy_from_slice(&a[..padded - 2 * margin]);
                    // Of three rows the newest is one later than the output's own.
                    if !count.checked_sub(kernel / 2)?.is_multiple_of(*stride) {
                        return None;
                    }
                    let slot = |r: usize| &own[(count + 1 + r) % kernel * padded..][..*padded];
                    match kernel {
                        3 => simd.rows_product(&[slot(0), slot(1), slot(2)], shape, &packed.weights, &packed.bias, b),
                        _ => simd.rows_product(&[slot(0)], shape, &packed.weights, &packed.bias, b),
                    }
                    core::mem::swap(&mut a, &mut b);
                }
                Op::MaxPool { size: [rows, columns], places, channels } => {
                    let is_first = count.is_multiple_of(*rows);
                    for (kept, from) in
                        own.chunks_exact_mut(*channels).zip(a.chunks_exact(columns * channels)).take(*places)
                    {
                        for (i, place) in from.chunks_exact(*channels).enumerate() {
                            if is_first && i == 0 {
                                kept.copy_from_slice(place);
                            } else {
                                kept.iter_mut().zip(place).for_each(|(k, v)| *k = if *v > *k { *v } else { *k });
                            }
                        }
                    }
                    if count % rows + 1 < *rows {
                        return None;
                    }
                    a[..own.len()].copy_from_slice(own);
                }
                Op::Save { rows, len } => own[count % rows * len..][..*len].copy_from_slice(&a[..*len]),
                Op::Add { save, len, relu } => {
                    let Stage { op: Op::Save { rows, .. }, at, .. } = &self.stages[*save] else { return None };
                    let kept = &rest[at - behind + count % rows * len..][..*len];
                    let least = if *relu { 0.0 } else { f32::NEG_INFINITY };
                    a.iter_mut().zip(kept).for_each(|(v, k)| *v = (*v + k).max(least));
                }
                Op::RowDense { packed, len, outputs, relu } => {
                    simd.matrix_product(&a[..*len], &packed.weights, &packed.bias, b);
                    let least = if *relu { 0.0 } else { f32::NEG_INFINITY };
                    b[..*outputs].iter_mut().for_each(|v| *v = v.max(least));
                    core::mem::swap(&mut a, &mut b);
                }
            }
        }
        Some(&a[..self.takes(stages.end)])
    }

    /// What comes out for these rows of the pooling. Without rows there is nothing to say.
    pub(crate) fn judge<'r>(
        &self,
        simd: Simd,
        memory: &mut [f32],
        rows: impl Iterator<Item = &'r [f32]> + Clone,
        out: &mut [f32],
    ) {
        let (_, mut a, mut b, _) = self.split(memory);
        self.pool.over(rows, a);
        for dense in &self.head {
            simd.matrix_product(&a[..dense.inputs], &dense.packed.weights, &dense.packed.bias, b);
            if dense.relu {
                b[..dense.outputs].iter_mut().for_each(|v| *v = v.max(0.0));
            }
            core::mem::swap(&mut a, &mut b);
        }
        let n = out.len().min(self.outputs());
        out[..n].copy_from_slice(&a[..n]);
    }
}
