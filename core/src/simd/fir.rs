//! Finite impulse responses of a polyphase resampler: a few outputs in a row, at two places of the signal at a time, so that five
//! multiply-adds cost three and a half loads.

use super::doubles::Doubles;
use super::lanes::Lanes;

/// Taps come in whole groups of so many.
pub(crate) const TAP_GROUP: usize = 16;

/// Outputs made from one place of the signal.
pub(crate) const OUTPUTS: usize = 5;

/// Taps of [`OUTPUTS`] outputs, one load of each; so placed that no load crosses a line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Taps<N, const WIDTH: usize>(pub [[N; WIDTH]; OUTPUTS]);

macro_rules! fir {
    ($polyphase:ident, $dot:ident, $number:ty, $width:literal, $lanes:ty) => {
        #[inline(always)]
        pub(crate) fn $polyphase<V: Lanes>(
            x: &[$number],
            x_step: usize,
            taps: &[Taps<$number, $width>],
            out: &mut [$number],
            out_step: usize,
            count: usize,
        ) {
            let n = taps.len();
            let at = |i: usize| &x[i * x_step..][..n * $width].as_chunks::<$width>().0[..n];
            let mut i = 0;
            while i < count {
                // At the end one place is taken twice.
                let second = (i + 1).min(count - 1);
                let (one, two) = (at(i), at(second));
                let mut acc = [[<$lanes>::splat(0.0); OUTPUTS]; 2];
                for k in 0..n {
                    let (a, b) = (<$lanes>::load(&one[k]), <$lanes>::load(&two[k]));
                    for l in 0..OUTPUTS {
                        let h = <$lanes>::load(&taps[k].0[l]);
                        acc[0][l] = a.mul_add(h, acc[0][l]);
                        acc[1][l] = b.mul_add(h, acc[1][l]);
                    }
                }
                for (to, acc) in [i, second].into_iter().zip(&acc) {
                    let out = &mut out[to * out_step..][..OUTPUTS];
                    for l in 0..OUTPUTS {
                        out[l] = acc[l].total();
                    }
                }
                i += 2;
            }
        }

        #[inline(always)]
        pub(crate) fn $dot<V: Lanes>(x: &[$number], taps: &[$number]) -> $number {
            // Two sums: one would wait for itself.
            let mut acc = [<$lanes>::splat(0.0); 2];
            for (h, v) in taps.as_chunks::<{ 2 * $width }>().0.iter().zip(x.as_chunks::<{ 2 * $width }>().0) {
                let (h, v) = (h.as_chunks::<$width>().0, v.as_chunks::<$width>().0);
                for l in 0..2 {
                    acc[l] = <$lanes>::load(&v[l]).mul_add(<$lanes>::load(&h[l]), acc[l]);
                }
            }
            acc[0].add(acc[1]).total()
        }
    };
}

fir!(polyphase_f32, dot_f32, f32, 8, V);
fir!(polyphase_f64, dot_f64, f64, 4, V::Doubles);
