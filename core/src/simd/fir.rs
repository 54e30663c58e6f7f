//! Finite impulse responses at a stride: one phase of a polyphase resampler. Eight outputs at a time share the taps they are made
//! with, so that a multiply-add costs one load and an eighth.

use super::doubles::Doubles;
use super::lanes::Lanes;

/// Taps come in whole groups of so many.
pub(crate) const TAP_GROUP: usize = 8;

/// Outputs made at a time.
const TOGETHER: usize = 8;

macro_rules! strided_fir {
    ($name:ident, $number:ty, $width:literal, $lanes:ty) => {
        #[inline(always)]
        pub(crate) fn $name<V: Lanes>(
            x: &[$number],
            taps: &[$number],
            x_step: usize,
            out: &mut [$number],
            out_step: usize,
            count: usize,
        ) {
            let zero = <$lanes>::splat(0.0);
            let groups = taps.as_chunks::<$width>().0;
            let n = groups.len();
            let mut i = 0;
            while i + TOGETHER <= count {
                // Cut to one length here, so that the loop below checks nothing.
                let at: [&[[$number; $width]]; TOGETHER] =
                    core::array::from_fn(|l| &x[(i + l) * x_step..][..taps.len()].as_chunks().0[..n]);
                let mut acc = [zero; TOGETHER];
                for k in 0..n {
                    let h = <$lanes>::load(&groups[k]);
                    for l in 0..TOGETHER {
                        acc[l] = <$lanes>::load(&at[l][k]).mul_add(h, acc[l]);
                    }
                }
                for l in 0..TOGETHER {
                    out[(i + l) * out_step] = acc[l].total();
                }
                i += TOGETHER;
            }
            for i in i..count {
                let at = &x[i * x_step..][..taps.len()].as_chunks::<$width>().0[..n];
                // Two sums: one would wait for itself.
                let mut acc = [zero; 2];
                for (h, v) in groups.chunks(2).zip(at.chunks(2)) {
                    for l in 0..h.len() {
                        acc[l] = <$lanes>::load(&v[l]).mul_add(<$lanes>::load(&h[l]), acc[l]);
                    }
                }
                out[i * out_step] = acc[0].add(acc[1]).total();
            }
        }
    };
}

strided_fir!(strided_fir_f32, f32, 8, V);
strided_fir!(strided_fir_f64, f64, 4, V::Doubles);
