//! The kernels behind the spectrum, its bands and peaks, the pitch and the signatures: the portable definitions, as in
//! `portable.rs`.

use super::lanes::{BYTES, Lanes};
use super::portable::LANES;
use rustfft::num_complex::Complex32;

#[inline(always)]
pub(crate) fn window_pairs<V: Lanes>(x: &[f32], window: &[f32], out: &mut [Complex32]) {
    for ((o, x), w) in out.iter_mut().zip(x.as_chunks::<2>().0).zip(window.as_chunks::<2>().0) {
        *o = Complex32 { re: x[0] * w[0], im: x[1] * w[1] };
    }
}

/// The last step of a real transform of `2 M` points made by a complex one of `M`: the turns of bins `1..=M / 2`.
pub(crate) struct RealPower {
    cos: Box<[f32]>,
    sin: Box<[f32]>,
    scale: f32,
}

impl RealPower {
    /// For `len` points, a multiple of 32; powers are times `scale`, except both ends, which are times half of it.
    pub(crate) fn new(len: usize, scale: f64) -> Self {
        let angles = || (1..=len / 4).map(|k| core::f64::consts::TAU * k as f64 / len as f64);
        Self {
            cos: angles().map(|a| a.cos() as f32).collect(),
            sin: angles().map(|a| a.sin() as f32).collect(),
            scale: scale as f32,
        }
    }
}

/// With `z` the transform of `even + i odd`, that of the even samples is `E[k] = (z[k] + z*[M-k]) / 2`, that of the odd ones
/// `O[k] = (z[k] - z*[M-k]) / 2i`, and the whole one `X[k] = E[k] + e^(-i pi k / M) O[k]`, `X*[M-k] = E[k] - ...`.
#[inline(always)]
pub(crate) fn real_power<V: Lanes>(table: &RealPower, z: &[Complex32], power: &mut [f32]) {
    let m = z.len();
    let (Some(first), true) = (z.first(), power.len() > m) else { return };
    let ends = |x: f32| 0.5 * table.scale * x * x;
    (power[0], power[m]) = (ends(first.re + first.im), ends(first.re - first.im));
    let scale = V::splat(0.25 * table.scale);
    let turns = table.cos.as_chunks::<LANES>().0.iter().zip(table.sin.as_chunks::<LANES>().0);
    for (i, (cos, sin)) in turns.enumerate() {
        let low = 1 + i * LANES;
        let Some(high) = m.checked_sub(low + LANES - 1) else { break };
        let (Some(a), Some(b)) = (z[low..].first_chunk(), z[high..].first_chunk()) else { break };
        let ([ar, ai], [br, bi]) = (V::load_complex(a), V::load_complex(b));
        let (br, bi) = (br.reverse(), bi.reverse());
        let (even_re, even_im, odd_re, odd_im) = (ar.add(br), ai.sub(bi), ai.add(bi), br.sub(ar));
        let (cos, sin) = (V::load(cos), V::load(sin));
        let (re, im) = (cos.mul_add(odd_re, sin.mul(odd_im)), cos.mul(odd_im).sub(sin.mul(odd_re)));
        let (x_re, x_im, y_re, y_im) = (even_re.add(re), even_im.add(im), even_re.sub(re), even_im.sub(im));
        if let Some(p) = power[low..].first_chunk_mut() {
            *p = x_re.mul_add(x_re, x_im.mul(x_im)).mul(scale).store();
        }
        if let Some(p) = power[high..].first_chunk_mut() {
            *p = y_re.mul_add(y_re, y_im.mul(y_im)).mul(scale).reverse().store();
        }
    }
}

/// Where a line of a Hann window (two bins to either side) stands out of what lies beside it.
#[inline(always)]
pub(crate) fn peaks<V: Lanes>(power: &[f32], ratio: f32, bits: &mut [u8]) {
    const SPAN: usize = LANES + 8;
    let quarter = V::splat(0.25 * ratio);
    macro_rules! stand_out {
        ($x:ident) => {{
            macro_rules! at {
                ($k:literal) => {
                    match $x[$k..].first_chunk() {
                        Some(x) => V::load(x),
                        None => return,
                    }
                };
            }
            let around = at!(0).add(at!(1)).add(at!(7).add(at!(8)));
            let highest = around.mul(quarter).max(at!(3)).max(at!(5));
            at!(4).above(highest)
        }};
    }
    let whole = (power.len() + LANES).saturating_sub(SPAN) / LANES;
    let (inside, beyond) = bits.split_at_mut(whole.min(bits.len()));
    for (bits, x) in inside.iter_mut().zip(power.windows(SPAN).step_by(LANES)) {
        *bits = stand_out!(x);
    }
    for (i, bits) in beyond.iter_mut().enumerate() {
        // Beyond the last bin there is nothing to stand out of, and nothing that could.
        let rest = power.get((whole + i) * LANES..).unwrap_or_default();
        let mut x = [f32::INFINITY; SPAN];
        x[..rest.len()].copy_from_slice(rest);
        *bits = stand_out!(x);
    }
}

/// Bands of the signatures that [`distances`] compares.
pub(crate) const SIGNATURE: usize = 8;

/// How far each of many signatures is from one: the sum of absolute differences of their bytes, at most 255. `planes` holds
/// the first bytes of all of them, then the second bytes, and so on. Returns the sum of the distances below 255, and how many
/// there are.
#[inline(always)]
pub(crate) fn distances<V: Lanes>(one: &[u8; SIGNATURE], planes: &[u8], out: &mut [u8]) -> (u32, u32) {
    let len = out.len();
    let (mut total, mut near) = (0, 0);
    let mut at = 0;
    // Whole groups stay in one register over all planes.
    while let Some(out) = out.get_mut(at..).and_then(|o| o.first_chunk_mut::<BYTES>()) {
        let group: [[u8; BYTES]; SIGNATURE] = core::array::from_fn(|k| {
            planes.get(k * len + at..).and_then(|p| p.first_chunk()).copied().unwrap_or([0; BYTES])
        });
        let (sum, least) = V::byte_distances(&group, one, out);
        total += sum;
        near += least;
        at += BYTES;
    }
    for i in at..len {
        let plane = |k: usize| planes.get(k * len + i).copied().unwrap_or(0);
        let sum = one.iter().enumerate().fold(0u8, |sum, (k, &b)| sum.saturating_add(plane(k).abs_diff(b)));
        out[i] = sum;
        if sum < u8::MAX {
            total += u32::from(sum);
            near += 1;
        }
    }
    (total, near)
}

/// Counts for each lag how long it has matched: a distance within `threshold` adds one (where `begin` is false, only to what
/// has begun), another one takes four away. Returns whether a count reached what it needs.
#[inline(always)]
pub(crate) fn count_matches<V: Lanes>(
    distances: &[u8],
    threshold: u8,
    begin: bool,
    counts: &mut [u16],
    need: &[u16],
) -> bool {
    /// Counts looked at at once.
    const COUNTS: usize = 16;
    let (threshold, idle) = (u16::from(threshold), u16::from(!begin));
    let one = |count: u16, d: u8| {
        let up = count.saturating_add(u16::from(count >= idle));
        if u16::from(d) <= threshold { up } else { count.saturating_sub(4) }
    };
    let mut reached = false;
    let (groups, rest) = counts.as_chunks_mut::<COUNTS>();
    let (near, far) = distances.split_at(distances.len().min(groups.len() * COUNTS));
    let (early, late) = need.split_at(near.len().min(need.len()));
    for ((counts, d), need) in groups.iter_mut().zip(near.as_chunks::<COUNTS>().0).zip(early.as_chunks::<COUNTS>().0) {
        let mut any = 0u16;
        for l in 0..COUNTS {
            counts[l] = one(counts[l], d[l]);
            any |= u16::from(counts[l] >= need[l]);
        }
        reached |= any > 0;
    }
    for ((count, &d), &need) in rest.iter_mut().zip(far).zip(late) {
        *count = one(*count, d);
        reached |= *count >= need;
    }
    reached
}

/// `out[i] = sum_k taps[k] x[i step + k]`, as many as `x` and `out` have room for. Eight outputs are totalled at once.
#[inline(always)]
pub(crate) fn decimate<V: Lanes>(x: &[f32], taps: &[f32], step: usize, out: &mut [f32]) {
    let (taps, _) = taps.as_chunks::<LANES>();
    // What the usual rates need, known when this is compiled: then nothing is left to be checked.
    match (step, taps) {
        (4, &[a]) => decimate_by::<V>(x, &[a], 4, out),
        (5, &[a, b]) => decimate_by::<V>(x, &[a, b], 5, out),
        (6, &[a, b]) => decimate_by::<V>(x, &[a, b], 6, out),
        (8, &[a, b]) => decimate_by::<V>(x, &[a, b], 8, out),
        (10, &[a, b, c]) => decimate_by::<V>(x, &[a, b, c], 10, out),
        (11, &[a, b, c]) => decimate_by::<V>(x, &[a, b, c], 11, out),
        _ => decimate_by::<V>(x, taps, step, out),
    }
}

#[inline(always)]
fn decimate_by<V: Lanes>(x: &[f32], taps: &[[f32; LANES]], step: usize, out: &mut [f32]) {
    let len = LANES * taps.len();
    macro_rules! products {
        ($x:ident, $l:literal) => {{
            let mut sum = V::splat(0.0);
            for (x, h) in $x[$l * step..$l * step + len].as_chunks::<LANES>().0.iter().zip(taps) {
                sum = sum.add(V::load(x).mul(V::load(h)));
            }
            sum
        }};
    }
    macro_rules! products_of {
        ($x:ident, $($l:literal)*) => { V::totals([$(products!($x, $l)),*]).store() };
    }
    let (whole, rest) = out.as_chunks_mut::<LANES>();
    let mut at = 0;
    for out in whole {
        let Some(x) = x.get(at..at + (LANES - 1) * step + len) else { return };
        *out = products_of!(x, 0 1 2 3 4 5 6 7);
        at += LANES * step;
    }
    let zero = V::splat(0.0);
    for out in rest {
        let Some(x) = x.get(at..at + len) else { return };
        *out = V::totals([products!(x, 0), zero, zero, zero, zero, zero, zero, zero]).store()[0];
        at += step;
    }
}

/// Bands of bins: each is a weighted sum, kept as groups of eight bins with their weights.
pub(crate) struct BinSums {
    groups: Box<[[f32; LANES]]>,
    /// The first bin of each group, and whether its band is complete with it.
    places: Box<[(u16, bool)]>,
}

impl BinSums {
    /// `bands` bands of a spectrum of `bins` bins, at least eight; `weight` says how much of bin `k` is in band `b`.
    pub(crate) fn new(bins: usize, bands: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let (mut groups, mut places) = (Vec::new(), Vec::new());
        for b in 0..bands {
            let mut k = 0;
            // A band of nothing is a group without weight.
            let mut first = (0..bins).find(|&k| weight(b, k) != 0.0).or(Some(bins - 1));
            while let Some(next) = first {
                // The last group of a spectrum begins early; what lies before it is in the one before.
                let from = next.min(bins - LANES);
                groups.push(core::array::from_fn(|l| if from + l < k { 0.0 } else { weight(b, from + l) }));
                k = from + LANES;
                first = (k..bins).find(|&k| weight(b, k) != 0.0);
                places.push((from as u16, first.is_none()));
            }
        }
        Self { groups: groups.into(), places: places.into() }
    }
}

/// The bands of a spectrum, as far as `out` has room.
#[inline(always)]
pub(crate) fn bin_sums<V: Lanes>(table: &BinSums, power: &[f32], out: &mut [f32]) {
    let mut groups = table.groups.iter().zip(&table.places);
    macro_rules! band {
        () => {{
            let mut sum = V::splat(0.0);
            for (weights, &(first, last)) in groups.by_ref() {
                let Some(p) = power.get(usize::from(first)..).and_then(|p| p.first_chunk()) else { break };
                sum = sum.add(V::load(p).mul(V::load(weights)));
                if last {
                    break;
                }
            }
            sum
        }};
    }
    let (whole, rest) = out.as_chunks_mut::<LANES>();
    for out in whole {
        let bands = [band!(), band!(), band!(), band!(), band!(), band!(), band!(), band!()];
        *out = V::totals(bands).store();
    }
    for out in rest {
        let zero = V::splat(0.0);
        *out = V::totals([band!(), zero, zero, zero, zero, zero, zero, zero]).store()[0];
    }
}

/// The sums of eight parts of `x`, `part` samples each, at least eight, in a row; zeros if `x` is shorter.
#[inline(always)]
pub(crate) fn part_sums<V: Lanes>(x: &[f32], part: usize) -> [f32; LANES] {
    // An eighth of a hop at the usual rates, known when this is compiled.
    match part {
        20 => part_sums_by::<V>(x, 20),
        27 => part_sums_by::<V>(x, 27),
        30 => part_sums_by::<V>(x, 30),
        55 => part_sums_by::<V>(x, 55),
        60 => part_sums_by::<V>(x, 60),
        _ => part_sums_by::<V>(x, part),
    }
}

#[inline(always)]
fn part_sums_by<V: Lanes>(x: &[f32], part: usize) -> [f32; LANES] {
    let Some(x) = x.get(..LANES * part).filter(|_| part >= LANES) else { return [0.0; LANES] };
    // The last group begins early: what the one before it has counted does not count again.
    let mut last = [1.0; LANES];
    last[..part.wrapping_neg() % LANES].fill(0.0);
    let last = V::load(&last);
    macro_rules! sum {
        ($p:literal) => {{
            let mut sum = V::splat(0.0);
            for v in x[$p * part..($p + 1) * part - 1].as_chunks::<LANES>().0 {
                sum = sum.add(V::load(v));
            }
            match x[$p * part..($p + 1) * part].last_chunk() {
                Some(end) => sum.add(V::load(end).mul(last)),
                None => sum,
            }
        }};
    }
    V::totals([sum!(0), sum!(1), sum!(2), sum!(3), sum!(4), sum!(5), sum!(6), sum!(7)]).store()
}

/// Of how many levels [`compare`] tells how they have changed.
pub(crate) const COMPARED: usize = 3 * LANES;

/// Bit by bit: whether `now` is more than `same` times what it was, whether it was more than `same` times what it is now, and
/// whether it is less than `drop` times what it was.
#[inline(always)]
pub(crate) fn compare<V: Lanes>(was: &[f32; COMPARED], now: &[f32; COMPARED], same: f32, drop: f32) -> [u32; 3] {
    let (same, drop) = (V::splat(same), V::splat(drop));
    let mut bits = [[0u8; 4]; 3];
    for (i, (was, now)) in was.as_chunks::<LANES>().0.iter().zip(now.as_chunks::<LANES>().0).enumerate() {
        let (was, now) = (V::load(was), V::load(now));
        bits[0][i] = now.above(was.mul(same));
        bits[1][i] = was.above(now.mul(same));
        bits[2][i] = was.mul(drop).above(now);
    }
    bits.map(u32::from_le_bytes)
}

/// `out[l] = sum_k x[k] rows[k][l]`.
#[inline(always)]
pub(crate) fn weigh<V: Lanes>(x: &[f32; LANES], rows: &[[f32; LANES]; LANES]) -> [f32; LANES] {
    let (mut even, mut odd) = (V::splat(0.0), V::splat(0.0));
    for k in 0..LANES / 2 {
        even = even.add(V::splat(x[2 * k]).mul(V::load(&rows[2 * k])));
        odd = odd.add(V::splat(x[2 * k + 1]).mul(V::load(&rows[2 * k + 1])));
    }
    even.add(odd).store()
}

/// Bit `k` says whether `x[k + 1]` is no lower than what is before it and higher than what follows.
#[inline(always)]
pub(crate) fn maxima<V: Lanes>(x: &[f32]) -> u128 {
    let mut bits = [0u8; 16];
    for (i, bits) in bits.iter_mut().enumerate() {
        let Some(x) = x.get(i * LANES..).and_then(|x| x.first_chunk::<{ LANES + 2 }>()) else { break };
        let (Some(a), Some(b), Some(c)) = (x.first_chunk(), x[1..].first_chunk(), x.last_chunk()) else { break };
        let (a, b, c) = (V::load(a), V::load(b), V::load(c));
        *bits = b.above(c) & !a.above(b);
    }
    u128::from_le_bytes(bits)
}

/// Lags computed in one pass over the reference: enough sums at once that none waits for itself.
pub(crate) const LAG_GROUP: usize = 4 * LANES;

/// `out[k] = sum_n x[n] x[n + k]` for `n` below `span`, for lags from `first` to `last`, in whole groups of 32 as far as
/// `out` has room; others stay as they were. `x` must reach a group beyond the last product, or that group is left out.
#[inline(always)]
pub(crate) fn lagged_products<V: Lanes>(x: &[f32], span: usize, first: usize, last: usize, out: &mut [f32]) {
    let mut lag = first;
    while lag <= last {
        let (Some(shifted), Some(out)) =
            (x.get(lag..lag + span + LAG_GROUP), out.get_mut(lag..).and_then(|o| o.first_chunk_mut::<LAG_GROUP>()))
        else {
            break;
        };
        let (mut a, mut b, mut c, mut d) = (V::splat(0.0), V::splat(0.0), V::splat(0.0), V::splat(0.0));
        for (x, y) in x[..span].iter().zip(shifted.windows(LAG_GROUP)) {
            let Some(y) = y.first_chunk::<LAG_GROUP>() else { break };
            let v = V::splat(*x);
            let (y, _) = y.as_chunks::<LANES>();
            a = a.add(v.mul(V::load(&y[0])));
            b = b.add(v.mul(V::load(&y[1])));
            c = c.add(v.mul(V::load(&y[2])));
            d = d.add(v.mul(V::load(&y[3])));
        }
        for (o, v) in out.as_chunks_mut::<LANES>().0.iter_mut().zip([a, b, c, d]) {
            *o = v.store();
        }
        lag += LAG_GROUP;
    }
}
