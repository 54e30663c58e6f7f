//! The definition of every kernel. Eight lanes, always in the same order: element `i` belongs to lane `i % 8`, and lanes
//! are added pairwise at the end. The lane order is part of each metric's definition.
//!
//! `FMA` says whether the level may fuse a multiply and an add; exact kernels ignore it.

const LANES: usize = 8;
type Lanes = [f32; LANES];

/// `a * b + c`, fused where the level can.
#[inline(always)]
fn mul_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Adds the lanes pairwise.
#[inline(always)]
fn sum(l: Lanes) -> f64 {
    let d = l.map(f64::from);
    ((d[0] + d[4]) + (d[2] + d[6])) + ((d[1] + d[5]) + (d[3] + d[7]))
}

#[inline(always)]
pub(crate) fn i16_to_f32<const FMA: bool>(pcm: &[i16], out: &mut [f32]) {
    for (o, &v) in out.iter_mut().zip(pcm) {
        *o = f32::from(v) * (1.0 / 32768.0);
    }
}

/// The largest magnitude taken for audio: 240 dB over full scale. Beyond it, sums of squares would overflow.
pub(crate) const LARGEST: f32 = 1e12;

/// What the gate met in one piece of input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GateCounts {
    /// Samples that were not numbers.
    pub nan: u32,
    /// Samples that were infinite.
    pub infinite: u32,
    /// Finite samples beyond [`LARGEST`].
    pub absurd: u32,
    /// Samples below the smallest normal number but not zero; they are kept.
    pub denormal: u32,
    /// Where the first replaced sample is (an index into the piece, all channels counted), if any was.
    pub first_bad: Option<u32>,
    /// Where the last one is.
    pub last_bad: Option<u32>,
}

#[inline(always)]
pub(crate) fn gate<const FMA: bool>(pcm: &[f32], out: &mut [f32]) -> GateCounts {
    const MAGNITUDE: u32 = 0x7fff_ffff;
    const SMALLEST_NORMAL: u32 = 0x0080_0000;
    // Positive floats order like their bits, and NaN and infinity lie above every number: one compare finds all three.
    let largest = LARGEST.to_bits();
    let (mut bad, mut denormal) = (0u32, 0u32);
    for (o, &v) in out.iter_mut().zip(pcm) {
        let bits = v.to_bits() & MAGNITUDE;
        let is_bad = bits > largest;
        bad += u32::from(is_bad);
        denormal += u32::from(bits.wrapping_sub(1) < SMALLEST_NORMAL - 1);
        *o = if is_bad { 0.0 } else { v };
    }
    let mut counts = GateCounts { denormal, ..GateCounts::default() };
    if bad > 0 {
        classify(pcm, &mut counts);
    }
    counts
}

/// The slow second look, taken only when the first one found something.
#[cold]
fn classify(pcm: &[f32], counts: &mut GateCounts) {
    for (i, &v) in pcm.iter().enumerate() {
        if v.abs() <= LARGEST {
            continue;
        }
        if v.is_nan() {
            counts.nan += 1;
        } else if v.is_infinite() {
            counts.infinite += 1;
        } else {
            counts.absurd += 1;
        }
        counts.first_bad.get_or_insert(i as u32);
        counts.last_bad = Some(i as u32);
    }
}

/// Plain facts about one hop of one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Statistics {
    pub sum: f64,
    pub energy: f64,
    pub min: f32,
    pub max: f32,
    pub zeros: u32,
}

impl Statistics {
    /// The largest magnitude.
    pub(crate) fn peak(&self) -> f32 {
        (-self.min).max(self.max)
    }
}

#[inline(always)]
pub(crate) fn statistics<const FMA: bool>(x: &[f32]) -> Statistics {
    let Some(&first) = x.first() else { return Statistics::default() };
    let (mut s, mut e) = ([0.0f32; LANES], [0.0f32; LANES]);
    let (mut lo, mut hi) = ([first; LANES], [first; LANES]);
    let mut zeros = [0u32; LANES];
    let (groups, rest) = x.as_chunks::<LANES>();
    macro_rules! take {
        ($l:ident, $v:expr) => {{
            s[$l] += $v;
            e[$l] += $v * $v;
            lo[$l] = if $v < lo[$l] { $v } else { lo[$l] };
            hi[$l] = if $v > hi[$l] { $v } else { hi[$l] };
            zeros[$l] += u32::from($v == 0.0);
        }};
    }
    for v in groups {
        for l in 0..LANES {
            take!(l, v[l]);
        }
    }
    for (l, &v) in rest.iter().enumerate() {
        take!(l, v);
    }
    Statistics {
        sum: sum(s),
        energy: sum(e),
        min: lo.into_iter().fold(first, f32::min),
        max: hi.into_iter().fold(first, f32::max),
        zeros: zeros.into_iter().sum(),
    }
}

#[inline(always)]
pub(crate) fn flat_triples<const FMA: bool>(x: &[f32], least: f32, tolerance: f32) -> u32 {
    let Some(n) = x.len().checked_sub(2) else { return 0 };
    let (a, b, c) = (&x[..n], &x[1..=n], &x[2..]);
    let mut found = 0u32;
    for i in 0..n {
        let flat = (b[i] - a[i]).abs() <= tolerance && (c[i] - b[i]).abs() <= tolerance;
        found += u32::from(flat & (b[i].abs() >= least));
    }
    found
}

/// Samples the K-filter takes at a time.
pub(crate) const BLOCK: usize = 8;

/// State variables of the K-filter: two of the shelf, two of the high-pass.
pub(crate) const ORDER: usize = 4;

/// A linear filter of fourth order in block form: eight outputs and the next state are one matrix product of the state
/// and eight inputs. It breaks the serial recurrence of a biquad cascade (0.85 against 4.5 ns a sample in a prototype).
/// Columns, so that each input is broadcast over eight outputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KWeighting {
    /// Outputs per unit of state.
    pub out_state: [[f32; BLOCK]; ORDER],
    /// Outputs per unit of input.
    pub out_input: [[f32; BLOCK]; BLOCK],
    /// Next state per unit of state.
    pub next_state: [[f32; ORDER]; ORDER],
    /// Next state per unit of input.
    pub next_input: [[f32; ORDER]; BLOCK],
    /// The same for a single sample: output and next state per unit of state, then of input.
    pub one_state: [[f32; ORDER + 1]; ORDER],
    pub one_input: [f32; ORDER + 1],
}

/// What the K-filter remembers of one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct KState(pub [f32; ORDER]);

#[inline(always)]
pub(crate) fn k_energy<const FMA: bool>(filter: &KWeighting, state: &mut KState, x: &[f32]) -> f64 {
    let mut s = state.0;
    let mut energy = [0.0f32; LANES];
    let (groups, rest) = x.as_chunks::<BLOCK>();
    for v in groups {
        let mut y = [0.0f32; BLOCK];
        let mut next = [0.0f32; ORDER];
        for j in 0..BLOCK {
            for l in 0..BLOCK {
                y[l] = mul_add::<FMA>(filter.out_input[j][l], v[j], y[l]);
            }
            for l in 0..ORDER {
                next[l] = mul_add::<FMA>(filter.next_input[j][l], v[j], next[l]);
            }
        }
        for j in 0..ORDER {
            for l in 0..BLOCK {
                y[l] = mul_add::<FMA>(filter.out_state[j][l], s[j], y[l]);
            }
        }
        for j in 0..ORDER {
            for l in 0..ORDER {
                next[l] = mul_add::<FMA>(filter.next_state[j][l], s[j], next[l]);
            }
        }
        s = next;
        for l in 0..BLOCK {
            energy[l] = mul_add::<FMA>(y[l], y[l], energy[l]);
        }
    }
    let mut tail = [0.0f32; LANES];
    for (slot, &v) in tail.iter_mut().zip(rest) {
        let mut next = [0.0f32; ORDER + 1];
        for l in 0..=ORDER {
            next[l] = filter.one_input[l] * v;
            for j in 0..ORDER {
                next[l] = mul_add::<FMA>(filter.one_state[j][l], s[j], next[l]);
            }
        }
        *slot = next[0] * next[0];
        s = [next[1], next[2], next[3], next[4]];
    }
    // After silence the states would creep through denormal numbers, which are slow: end it where nothing can hear it.
    if s.iter().all(|v| v.abs() < 1e-20) {
        s = [0.0; ORDER];
    }
    state.0 = s;
    sum(energy) + sum(tail)
}

/// Taps of one phase of the true-peak interpolator.
pub(crate) const TAPS: usize = 12;

/// Phases between two samples at most: 4x oversampling.
pub(crate) const PHASES: usize = 3;

/// A polyphase interpolator: the points between the samples. Phase 0, the samples themselves, is not stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TruePeakTable {
    /// The taps of each phase, newest sample first; all zero where a phase is not used.
    pub taps: [[f32; TAPS]; PHASES],
    /// No output can exceed the largest input by more than this factor: the largest sum of absolute taps.
    pub bound: f32,
}

#[inline(always)]
pub(crate) fn true_peak<const FMA: bool>(table: &TruePeakTable, x: &[f32]) -> f32 {
    let Some(n) = x.len().checked_sub(TAPS - 1) else { return 0.0 };
    let mut largest = [0.0f32; LANES];
    let mut start = 0;
    while start + LANES <= n {
        // A fixed-size window over the input, so that every load below is in bounds by construction.
        let Some(input) = x[start..].first_chunk::<{ TAPS - 1 + LANES }>() else { break };
        let mut acc = [[0.0f32; LANES]; PHASES];
        for k in 0..TAPS {
            for p in 0..PHASES {
                for l in 0..LANES {
                    acc[p][l] = mul_add::<FMA>(table.taps[p][k], input[TAPS - 1 - k + l], acc[p][l]);
                }
            }
        }
        for phase in &acc {
            for l in 0..LANES {
                let a = phase[l].abs();
                largest[l] = if a > largest[l] { a } else { largest[l] };
            }
        }
        start += LANES;
    }
    let mut peak = largest.into_iter().fold(0.0, f32::max);
    for i in start..n {
        for taps in &table.taps {
            let mut acc = 0.0f32;
            for k in 0..TAPS {
                acc = mul_add::<FMA>(taps[k], x[i + TAPS - 1 - k], acc);
            }
            peak = peak.max(acc.abs());
        }
    }
    peak
}

#[inline(always)]
pub(crate) fn apply_window<const FMA: bool>(x: &[f32], window: &[f32], out: &mut [f32]) {
    for ((o, &v), &w) in out.iter_mut().zip(x).zip(window) {
        *o = v * w;
    }
}
