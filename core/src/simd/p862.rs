//! Kernels of the P.862 score. Those that decide something are exact: the same bits at every level.

use super::lanes::Lanes;
use super::portable::LANES;

/// Second-order sections in series, one in each lane; lanes without a section pass their input on.
pub(crate) struct Cascade {
    /// b0, b1, b2, a1, a2 of up to sixteen sections.
    coefficients: [[[f32; LANES]; 5]; 2],
    sections: usize,
}

impl Cascade {
    pub(crate) fn new(sections: &[[f32; 5]]) -> Self {
        let mut coefficients = [[[0.0; LANES]; 5]; 2];
        for half in &mut coefficients {
            half[0] = [1.0; LANES];
        }
        for (i, section) in sections.iter().enumerate() {
            for (k, &c) in section.iter().enumerate() {
                coefficients[i / LANES][k][i % LANES] = c;
            }
        }
        Self { coefficients, sections: sections.len() }
    }
}

/// Each sample goes through one section a step, so that all sections work at once and every one does the operations of
/// a plain loop in its order. A section takes over what the one before put out two steps ago: the step in between
/// hides how long a sum takes.
#[inline(always)]
pub(crate) fn cascade<V: Lanes>(table: &Cascade, x: &mut [f32]) {
    if table.sections <= LANES {
        wavefront::<V, 1>(table, x);
    } else {
        wavefront::<V, 2>(table, x);
    }
}

#[inline(always)]
fn wavefront<V: Lanes, const N: usize>(table: &Cascade, x: &mut [f32]) {
    let [b0, b1, b2, a1, a2]: [[V; N]; 5] =
        core::array::from_fn(|k| core::array::from_fn(|h| V::load(&table.coefficients[h][k])));
    let zero = [V::splat(0.0); N];
    let (mut w1, mut w2, mut y1, mut y2) = (zero, zero, zero, zero);
    let last = table.sections - 1;
    let behind = 2 * last;
    for t in 0..x.len() + behind {
        let mut carry = V::splat(x.get(t).copied().unwrap_or(0.0));
        for h in 0..N {
            let input = y2[h].shift_in(carry);
            carry = y2[h];
            let w = input.sub(a1[h].mul(w1[h])).sub(a2[h].mul(w2[h]));
            let y = b0[h].mul(w).add(b1[h].mul(w1[h])).add(b2[h].mul(w2[h]));
            (w2[h], w1[h]) = (w1[h], w);
            (y2[h], y1[h]) = (y1[h], y);
        }
        if t >= behind {
            x[t - behind] = y1[last / LANES].store()[last % LANES];
        }
    }
}
