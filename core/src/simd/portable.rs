//! The definition of every kernel. Eight lanes, always in the same order: element `i` belongs to lane `i % 8`, and lanes
//! are added pairwise at the end. The lane order is part of each metric's definition.
//!
//! Every kernel is written once, over eight lanes `V` of a level; only `V::mul_add` may be fused, and exact kernels do not
//! use it.
#![allow(clippy::needless_range_loop, reason = "several tables are walked by one index")]

pub(crate) use super::distances::*;
/// The kernels of the spectrum belong to the same definition.
pub(crate) use super::fir::*;
use super::lanes::Lanes;
pub(crate) use super::octaves::*;
/// The kernels of the spectrum and of the P.862 score belong to the same definition.
pub(crate) use super::p862::*;
pub(crate) use super::pairs::*;
pub(crate) use super::spectral::*;

pub(crate) const LANES: usize = 8;

/// `a * b + c` in one lane.
#[inline(always)]
fn one_mul_add<V: Lanes>(a: f32, b: f32, c: f32) -> f32 {
    V::splat(a).mul_add(V::splat(b), V::splat(c)).store()[0]
}

/// Adds the lanes pairwise.
#[inline(always)]
fn sum(l: [f32; LANES]) -> f64 {
    let d = l.map(f64::from);
    ((d[0] + d[4]) + (d[2] + d[6])) + ((d[1] + d[5]) + (d[3] + d[7]))
}

#[inline(always)]
pub(crate) fn i16_to_f32<V: Lanes>(pcm: &[i16], out: &mut [f32]) {
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
pub(crate) fn gate<V: Lanes>(pcm: &[f32], out: &mut [f32]) -> GateCounts {
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
pub(crate) fn statistics<V: Lanes>(x: &[f32]) -> Statistics {
    let Some(&first) = x.first() else { return Statistics::default() };
    let (mut s, mut e) = (V::splat(0.0), V::splat(0.0));
    let (mut lo, mut hi) = (V::splat(first), V::splat(first));
    // Exact to 2^24 in each lane: hops are at most 1,920 samples.
    let mut zeros = V::splat(0.0);
    let (groups, rest) = x.as_chunks::<LANES>();
    for v in groups {
        let v = V::load(v);
        s = s.add(v);
        e = e.add(v.mul(v));
        lo = v.min(lo);
        hi = v.max(hi);
        zeros = zeros.add(v.is_zero());
    }
    let mut zeros = zeros.store().into_iter().sum::<f32>() as u32;
    if !rest.is_empty() {
        // The rest, filled up with what changes nothing.
        let mut tail = [0.0; LANES];
        tail[..rest.len()].copy_from_slice(rest);
        let v = V::load(&tail);
        s = s.add(v);
        e = e.add(v.mul(v));
        tail[rest.len()..].fill(first);
        let v = V::load(&tail);
        lo = v.min(lo);
        hi = v.max(hi);
        zeros += rest.iter().map(|&v| u32::from(v == 0.0)).sum::<u32>();
    }
    Statistics { sum: sum(s.store()), energy: sum(e.store()), min: least(lo.store()), max: largest(hi.store()), zeros }
}

#[inline(always)]
pub(crate) fn energy<V: Lanes>(x: &[f32]) -> f64 {
    let mut e = V::splat(0.0);
    let (groups, rest) = x.as_chunks::<LANES>();
    for v in groups {
        let v = V::load(v);
        e = e.add(v.mul(v));
    }
    if !rest.is_empty() {
        let mut tail = [0.0; LANES];
        tail[..rest.len()].copy_from_slice(rest);
        let v = V::load(&tail);
        e = e.add(v.mul(v));
    }
    sum(e.store())
}

/// The least lane.
#[inline(always)]
fn least(l: [f32; LANES]) -> f32 {
    let m = |a: f32, b: f32| if a < b { a } else { b };
    m(m(m(l[0], l[4]), m(l[1], l[5])), m(m(l[2], l[6]), m(l[3], l[7])))
}

/// The largest lane.
#[inline(always)]
fn largest(l: [f32; LANES]) -> f32 {
    let m = |a: f32, b: f32| if a > b { a } else { b };
    m(m(m(l[0], l[4]), m(l[1], l[5])), m(m(l[2], l[6]), m(l[3], l[7])))
}

#[inline(always)]
pub(crate) fn has_flat_triple<V: Lanes>(x: &[f32], least: f32, tolerance: f32) -> bool {
    let (most, low) = (V::splat(tolerance), V::splat(least));
    let mut found = 0;
    let mut i = 0;
    while let Some(x) = x.get(i..).and_then(|x| x.first_chunk::<{ LANES + 2 }>()) {
        let (Some(a), Some(b), Some(c)) = (x.first_chunk(), x[1..].first_chunk(), x.last_chunk()) else { break };
        let b = V::load(b);
        let apart = b.sub(V::load(a)).abs().max(V::load(c).sub(b).abs());
        found |= !(apart.above(most) | low.above(b.abs()));
        i += LANES;
    }
    let rest = x.get(i..).unwrap_or_default().windows(3);
    let is_flat = |w: &[f32]| (w[1] - w[0]).abs() <= tolerance && (w[2] - w[1]).abs() <= tolerance;
    found > 0 || rest.into_iter().any(|w| is_flat(w) && w[1].abs() >= least)
}

#[inline(always)]
pub(crate) fn negative<V: Lanes>(x: &[f32]) -> u64 {
    let zero = V::splat(0.0);
    if let Some(x) = x.first_chunk::<64>() {
        let (groups, _) = x.as_chunks::<LANES>();
        return u64::from_le_bytes(core::array::from_fn(|k| zero.above(V::load(&groups[k]))));
    }
    let (groups, rest) = x.as_chunks::<LANES>();
    let mut bits = 0;
    for (k, v) in groups.iter().enumerate() {
        bits |= u64::from(zero.above(V::load(v))) << (LANES * k);
    }
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    bits | u64::from(zero.above(V::load(&last))) << (LANES * groups.len())
}

/// Samples the K-filter takes at a time.
pub(crate) const BLOCK: usize = 8;

/// State variables of the K-filter: two of the shelf, two of the high-pass.
pub(crate) const ORDER: usize = 4;

/// A linear filter of fourth order in block form: outputs and the next state are one matrix product of the state and the
/// inputs. It breaks the serial recurrence of a biquad cascade: the state steps sixteen samples at a time, and the state in
/// the middle, which only outputs wait for, is computed beside it. Columns, so that each input is broadcast over eight
/// outputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KWeighting {
    /// Eight outputs per unit of state, and of each of eight inputs.
    pub out_state: [[f32; BLOCK]; ORDER],
    pub out_input: [[f32; BLOCK]; BLOCK],
    /// The state after eight samples, then the state after sixteen: per unit of state, and of each of sixteen inputs.
    pub next_state: [[f32; 2 * ORDER]; ORDER],
    pub next_input: [[f32; 2 * ORDER]; 2 * BLOCK],
    /// The same for a single sample: output and next state per unit of state, then of input.
    pub one_state: [[f32; ORDER + 1]; ORDER],
    pub one_input: [f32; ORDER + 1],
}

/// What the K-filter remembers of one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct KState(pub [f32; ORDER]);

impl KWeighting {
    /// Eight outputs of a state (in every lane) and eight inputs.
    #[inline(always)]
    fn outputs<V: Lanes>(&self, s: [V; ORDER], x: &[f32; BLOCK]) -> V {
        let mut y = V::splat(x[0]).mul(V::load(&self.out_input[0]));
        for j in 1..BLOCK {
            y = V::splat(x[j]).mul_add(V::load(&self.out_input[j]), y);
        }
        for j in 0..ORDER {
            y = s[j].mul_add(V::load(&self.out_state[j]), y);
        }
        y
    }

    /// The states after eight and after sixteen samples, of which those not given are taken as zero.
    #[inline(always)]
    fn next<V: Lanes>(&self, s: [V; ORDER], x: &[f32]) -> V {
        // Two sums, so that what depends on the state is a short chain at the end.
        let (mut even, mut odd) = (V::splat(0.0), V::splat(0.0));
        for (x, h) in x.as_chunks::<2>().0.iter().zip(self.next_input.as_chunks::<2>().0) {
            even = V::splat(x[0]).mul_add(V::load(&h[0]), even);
            odd = V::splat(x[1]).mul_add(V::load(&h[1]), odd);
        }
        even = s[0].mul_add(V::load(&self.next_state[0]), even);
        odd = s[1].mul_add(V::load(&self.next_state[1]), odd);
        even = s[2].mul_add(V::load(&self.next_state[2]), even);
        odd = s[3].mul_add(V::load(&self.next_state[3]), odd);
        even.add(odd)
    }
}

#[inline(always)]
pub(crate) fn k_energy<V: Lanes>(filter: &KWeighting, state: &mut KState, x: &[f32]) -> f64 {
    let mut s = state.0.map(V::splat);
    let mut energy = V::splat(0.0);
    let (pairs, rest) = x.as_chunks::<{ 2 * BLOCK }>();
    for x in pairs {
        let (Some(early), Some(late)) = (x.first_chunk(), x.last_chunk()) else { break };
        let next = filter.next(s, x);
        let y = filter.outputs(s, early);
        energy = y.mul_add(y, energy);
        let middle = [next.broadcast::<0>(), next.broadcast::<1>(), next.broadcast::<2>(), next.broadcast::<3>()];
        let y = filter.outputs(middle, late);
        energy = y.mul_add(y, energy);
        s = [next.broadcast::<4>(), next.broadcast::<5>(), next.broadcast::<6>(), next.broadcast::<7>()];
    }
    let (groups, rest) = rest.as_chunks::<BLOCK>();
    for x in groups {
        let next = filter.next(s, x);
        let y = filter.outputs(s, x);
        energy = y.mul_add(y, energy);
        s = [next.broadcast::<0>(), next.broadcast::<1>(), next.broadcast::<2>(), next.broadcast::<3>()];
    }
    let mut s = s.map(|v| v.store()[0]);
    let mut tail = [0.0f32; LANES];
    for (slot, &v) in tail.iter_mut().zip(rest) {
        let mut next = [0.0f32; ORDER + 1];
        for l in 0..=ORDER {
            next[l] = filter.one_input[l] * v;
            for j in 0..ORDER {
                next[l] = one_mul_add::<V>(filter.one_state[j][l], s[j], next[l]);
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
    sum(energy.store()) + sum(tail)
}

/// The K-filter over eight streams at once, one in each lane, sample by sample: `x` holds hops of one length, or empty ones for
/// lanes that are not used. Rounds otherwise than [`k_energy`] does, within the same tolerance.
#[inline(always)]
pub(crate) fn k_energy_lanes<V: Lanes>(
    filter: &KWeighting,
    states: &mut [KState; LANES],
    x: &[&[f32]; LANES],
) -> [f64; LANES] {
    let len = x.iter().map(|x| x.len()).max().unwrap_or(0);
    let mut columns = [[0.0f32; LANES]; ORDER];
    for (l, state) in states.iter().enumerate() {
        for j in 0..ORDER {
            columns[j][l] = state.0[j];
        }
    }
    let mut s = [V::splat(0.0); ORDER];
    for j in 0..ORDER {
        s[j] = V::load(&columns[j]);
    }
    let mut energy = V::splat(0.0);
    // Eight samples of each stream are turned into eight registers at a time. What a lane does not have reads as zero.
    for start in (0..len).step_by(BLOCK) {
        let mut turned = [[0.0f32; LANES]; BLOCK];
        for l in 0..LANES {
            if let Some(block) = x[l].get(start..).and_then(|x| x.first_chunk::<BLOCK>()) {
                for i in 0..BLOCK {
                    turned[i][l] = block[i];
                }
            } else {
                for (i, &v) in x[l].iter().skip(start).enumerate() {
                    turned[i][l] = v;
                }
            }
        }
        for v in &turned[..BLOCK.min(len - start)] {
            let v = V::load(v);
            let mut next = [V::splat(0.0); ORDER + 1];
            for k in 0..=ORDER {
                // Two short chains: the next sample waits for them.
                let early = s[1].mul_add(V::splat(filter.one_state[1][k]), s[0].mul(V::splat(filter.one_state[0][k])));
                let late = v.mul(V::splat(filter.one_input[k]));
                let late = s[2].mul_add(V::splat(filter.one_state[2][k]), late);
                let late = s[3].mul_add(V::splat(filter.one_state[3][k]), late);
                next[k] = early.add(late);
            }
            energy = next[0].mul_add(next[0], energy);
            s = [next[1], next[2], next[3], next[4]];
        }
    }
    for j in 0..ORDER {
        columns[j] = s[j].store();
    }
    for (l, state) in states.iter_mut().enumerate() {
        for j in 0..ORDER {
            state.0[j] = columns[j][l];
        }
        if state.0.iter().all(|v| v.abs() < 1e-20) {
            state.0 = [0.0; ORDER];
        }
    }
    energy.store().map(f64::from)
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
    /// The same folded: the first phase is the third one backwards and the second reads the same both ways, so one half of
    /// the taps, applied to sums and differences of samples that mirror each other, is enough.
    pub even: [f32; TAPS / 2],
    pub odd: [f32; TAPS / 2],
    pub half: [f32; TAPS / 2],
    /// No output can exceed the largest input by more than this factor: the largest sum of absolute taps.
    pub bound: f32,
}

/// Points between samples looked at together: short enough that most blocks of speech can be skipped.
const SPAN: usize = 48;

#[inline(always)]
pub(crate) fn true_peak<V: Lanes>(table: &TruePeakTable, x: &[f32], largest: f32) -> f32 {
    let Some(n) = x.len().checked_sub(TAPS - 1) else { return largest };
    let mut peak = largest;
    let mut start = 0;
    while start < n {
        // The last span reaches back into the one before: a maximum does not mind.
        let at = start.min(n.saturating_sub(SPAN));
        start += SPAN;
        let Some(span) = x[at..].first_chunk::<{ SPAN + TAPS - 1 }>() else {
            for i in at..n {
                for taps in &table.taps {
                    let mut acc = 0.0f32;
                    for k in 0..TAPS {
                        acc = one_mul_add::<V>(taps[k], x[i + TAPS - 1 - k], acc);
                    }
                    peak = if acc.abs() > peak { acc.abs() } else { peak };
                }
            }
            break;
        };
        let mut reach = V::splat(0.0);
        for v in span.as_chunks::<LANES>().0 {
            reach = V::load(v).abs().max(reach);
        }
        if let Some(end) = span.last_chunk() {
            reach = V::load(end).abs().max(reach);
        }
        if self::largest(reach.store()) * table.bound <= peak {
            continue;
        }
        let mut highest = V::splat(peak);
        for i in (0..SPAN).step_by(LANES) {
            let Some(input) = span[i..].first_chunk::<{ TAPS - 1 + LANES }>() else { break };
            let (mut even, mut odd, mut half) = (V::splat(0.0), V::splat(0.0), V::splat(0.0));
            for k in 0..TAPS / 2 {
                let (Some(new), Some(old)) = (input[TAPS - 1 - k..].first_chunk(), input[k..].first_chunk()) else {
                    break;
                };
                let (new, old) = (V::load(new), V::load(old));
                let (both, apart) = (new.add(old), new.sub(old));
                even = both.mul_add(V::splat(table.even[k]), even);
                odd = apart.mul_add(V::splat(table.odd[k]), odd);
                half = both.mul_add(V::splat(table.half[k]), half);
            }
            // The quarters before and after the middle are `even + odd` and `even - odd`; the larger magnitude of them:
            highest = even.abs().add(odd.abs()).max(highest);
            highest = half.abs().max(highest);
        }
        peak = self::largest(highest.store());
    }
    peak
}

/// Blocks of the envelope in a hop, at most.
pub(crate) const POINTS: usize = 4;

/// Two equal one-pole smoothers in a row over the magnitude, known at the end of each block of samples only: what a block
/// adds to both is a weighted sum, and exactly what going sample by sample would add.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Envelope {
    /// What the samples of a block add to the first and to the second smoother, oldest samples first. A shorter block uses
    /// the end.
    pub weights: Vec<[[f32; LANES]; 2]>,
    /// What is left of each, and what of the first has come into the second, after `n` samples.
    pub decay: Vec<[f32; 2]>,
}

impl Envelope {
    /// Samples in a block.
    pub(crate) fn block(&self) -> usize {
        LANES * self.weights.len()
    }
}

#[inline(always)]
pub(crate) fn envelope<V: Lanes>(
    table: &Envelope,
    state: &mut [f32; 2],
    mut x: &[f32],
    out: &mut [f32; POINTS],
) -> usize {
    let [mut first, mut second] = *state;
    let mut points = 0;
    while !x.is_empty() && points < POINTS {
        let (block, later) = x.split_at(x.len().min(table.block()));
        let Some(&[keep, cross]) = table.decay.get(block.len()) else { break };
        x = later;
        // The newest samples lie where the weights end; the odd ones are the oldest.
        let (odd, groups) = block.as_rchunks::<LANES>();
        let Some((older, weights)) = table.weights.split_at_checked(table.weights.len() - groups.len()) else { break };
        let (mut p, mut q) = (V::splat(0.0), V::splat(0.0));
        if !odd.is_empty()
            && let Some([a, b]) = older.last()
        {
            let mut padded = [0.0; LANES];
            padded[LANES - odd.len()..].copy_from_slice(odd);
            let x = V::load(&padded).abs();
            p = x.mul(V::load(a));
            q = x.mul(V::load(b));
        }
        for i in 0..groups.len().min(weights.len()) {
            let x = V::load(&groups[i]).abs();
            p = p.add(x.mul(V::load(&weights[i][0])));
            q = q.add(x.mul(V::load(&weights[i][1])));
        }
        second = second * keep + (first * cross + q.total());
        first = first * keep + p.total();
        out[points] = second;
        points += 1;
    }
    // After silence it would creep through denormal numbers, which are slow.
    *state = if first.max(second) < 1e-20 { [0.0; 2] } else { [first, second] };
    points
}

/// Taps of the filters of linear prediction: order 16.
pub(crate) const FIR: usize = 17;

/// The sum of squared fourth differences, and the largest magnitude among them.
#[inline(always)]
pub(crate) fn spikes<V: Lanes>(x: &[f32]) -> (f64, f32) {
    let Some(n) = x.len().checked_sub(4) else { return (0.0, 0.0) };
    let (mut energy, mut highest) = (V::splat(0.0), V::splat(0.0));
    let (four, six) = (V::splat(4.0), V::splat(6.0));
    let mut add = |a: &[f32; LANES + 4]| {
        let (Some(o), Some(p), Some(q), Some(r), Some(s)) =
            (a.first_chunk(), a[1..].first_chunk(), a[2..].first_chunk(), a[3..].first_chunk(), a.last_chunk())
        else {
            return;
        };
        let (outer, inner) = (V::load(o).add(V::load(s)), V::load(p).add(V::load(r)));
        let d = outer.sub(inner.mul(four)).add(V::load(q).mul(six));
        energy = energy.add(d.mul(d));
        highest = d.abs().max(highest);
    };
    let mut i = 0;
    while i + LANES <= n {
        let Some(x) = x[i..].first_chunk() else { break };
        add(x);
        i += LANES;
    }
    // The last differences, each in the lane of its turn.
    for k in i..n {
        let d = (x[k] + x[k + 4]) - (x[k + 1] + x[k + 3]) * 4.0 + x[k + 2] * 6.0;
        let mut lane = [0.0; LANES];
        lane[k - i] = d;
        let d = V::load(&lane);
        energy = energy.add(d.mul(d));
        highest = d.abs().max(highest);
    }
    (sum(energy.store()), largest(highest.store()))
}

/// The longest distance of [`products`].
pub(crate) const SHORT: usize = 4;

#[inline(always)]
pub(crate) fn products<V: Lanes>(x: &[f32]) -> [f32; SHORT + 1] {
    let mut sums = [V::splat(0.0); SHORT + 1];
    let mut add = |x: &[f32; LANES + SHORT]| {
        let Some(newest) = x.last_chunk() else { return };
        let newest = V::load(newest);
        for k in 0..=SHORT {
            let Some(older) = x[SHORT - k..].first_chunk() else { return };
            sums[k] = sums[k].add(newest.mul(V::load(older)));
        }
    };
    let mut i = 0;
    while let Some(x) = x.get(i..).and_then(|x| x.first_chunk()) {
        add(x);
        i += LANES;
    }
    // The rest, filled up with what adds nothing.
    let mut last = [0.0; LANES + SHORT];
    if let Some(rest) = x.get(i..) {
        last[..rest.len()].copy_from_slice(rest);
        add(&last);
    }
    sums.map(V::total)
}

/// `sum f b` and `sum f^2 + b^2` over the common length.
#[inline(always)]
pub(crate) fn lattice_sums<V: Lanes>(f: &[f32], b: &[f32]) -> (f64, f64) {
    let n = f.len().min(b.len());
    let ((fs, f_rest), (bs, b_rest)) = (f[..n].as_chunks::<LANES>(), b[..n].as_chunks::<LANES>());
    let (mut cross, mut power) = (V::splat(0.0), V::splat(0.0));
    for (f, b) in fs.iter().zip(bs) {
        let (f, b) = (V::load(f), V::load(b));
        cross = cross.add(f.mul(b));
        power = power.add(f.mul(f).add(b.mul(b)));
    }
    let (mut f, mut b) = ([0.0; LANES], [0.0; LANES]);
    f[..f_rest.len()].copy_from_slice(f_rest);
    b[..b_rest.len()].copy_from_slice(b_rest);
    let (f, b) = (V::load(&f), V::load(&b));
    cross = cross.add(f.mul(b));
    power = power.add(f.mul(f).add(b.mul(b)));
    (sum(cross.store()), sum(power.store()))
}

/// One step of a lattice: `f + k b` and `b + k f`, in place, over the common length.
#[inline(always)]
pub(crate) fn lattice_step<V: Lanes>(f: &mut [f32], b: &mut [f32], k: f32) {
    let n = f.len().min(b.len());
    let ((fs, f_rest), (bs, b_rest)) = (f[..n].as_chunks_mut::<LANES>(), b[..n].as_chunks_mut::<LANES>());
    let kk = V::splat(k);
    for (f, b) in fs.iter_mut().zip(bs) {
        let (old_f, old_b) = (V::load(f), V::load(b));
        *f = old_f.add(kk.mul(old_b)).store();
        *b = old_b.add(kk.mul(old_f)).store();
    }
    for (f, b) in f_rest.iter_mut().zip(b_rest) {
        (*f, *b) = (*f + k * *b, *b + k * *f);
    }
}

/// `out[i] = sum_k h[k] x[i + k]`, as many as `x` and `out` have room for.
#[inline(always)]
pub(crate) fn correlate<V: Lanes>(x: &[f32], h: &[f32; FIR], out: &mut [f32]) {
    let n = (x.len() + 1).saturating_sub(FIR).min(out.len());
    let mut i = 0;
    while i + LANES <= n {
        let (Some(x), Some(o)) = (x[i..].first_chunk::<{ FIR - 1 + LANES }>(), out[i..].first_chunk_mut()) else {
            break;
        };
        // Two sums: a single one would wait for itself.
        let (mut even, mut odd) = (V::splat(0.0), V::splat(0.0));
        for k in 0..FIR {
            let Some(x) = x[k..].first_chunk() else { break };
            let term = V::load(x).mul(V::splat(h[k]));
            if k % 2 == 0 {
                even = even.add(term);
            } else {
                odd = odd.add(term);
            }
        }
        *o = even.add(odd).store();
        i += LANES;
    }
    for i in i..n {
        let (mut even, mut odd) = (0.0, 0.0);
        for k in 0..FIR {
            let term = x[i + k] * h[k];
            if k % 2 == 0 { even += term } else { odd += term }
        }
        out[i] = even + odd;
    }
}
