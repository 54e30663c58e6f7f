//! Eight numbers at a time. Plain arrays are the definition; AVX2 does the same operations in one instruction each, where
//! the compiler, left alone, takes arrays apart.

use super::doubles::{Doubles, Plain4};
use rustfft::num_complex::Complex32;

/// Bytes in one register.
pub(super) const BYTES: usize = 32;

/// Eight lanes of single precision.
pub(super) trait Lanes: Copy {
    /// The same level's lanes of double precision.
    type Doubles: Doubles;

    fn splat(v: f32) -> Self;
    fn load(v: &[f32; 8]) -> Self;
    /// The real and the imaginary parts of eight complex numbers.
    fn load_complex(v: &[Complex32; 8]) -> [Self; 2];
    fn store(self) -> [f32; 8];
    /// Eight complex numbers of their real parts `self` and their imaginary parts.
    fn store_complex(self, im: Self, out: &mut [Complex32; 8]);
    fn add(self, b: Self) -> Self;
    fn sub(self, b: Self) -> Self;
    fn mul(self, b: Self) -> Self;
    /// `self * b + c`, fused where the level can: for tolerance kernels only.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `self` where it is less than `b`, else `b`.
    fn min(self, b: Self) -> Self;
    /// `self` where it is greater than `b`, else `b`.
    fn max(self, b: Self) -> Self;
    fn abs(self) -> Self;
    /// 1.0 where the lane is zero, else 0.0.
    fn is_zero(self) -> Self;
    /// All lanes, added pairwise: the halves, then their halves, then the two that are left.
    fn total(self) -> f32;
    /// The total of each of eight, in the lane of its turn: neighbours are added, then pairs of them, then the halves.
    fn totals(v: [Self; 8]) -> Self;
    /// Lane `I` in every lane.
    fn broadcast<const I: usize>(self) -> Self;
    /// The lanes in the opposite order.
    fn reverse(self) -> Self;
    /// The last lane of `before`, then all lanes but the last.
    fn shift_in(self, before: Self) -> Self;
    /// Bit `l` is set where lane `l` is greater than that of `b`.
    fn above(self, b: Self) -> u8;
    /// `out[l]` is the sum of `|planes[k][l] - one[k]|`, at most 255; the sum of those below 255, and how many these are.
    fn byte_distances(planes: &[[u8; BYTES]; 8], one: &[u8; 8], out: &mut [u8; BYTES]) -> (u32, u32);
}

#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 8]);

impl Plain {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(core::array::from_fn(|l| f(self.0[l], b.0[l])))
    }
}

impl Lanes for Plain {
    type Doubles = Plain4;

    #[inline(always)]
    fn splat(v: f32) -> Self {
        Self([v; 8])
    }
    #[inline(always)]
    fn load(v: &[f32; 8]) -> Self {
        Self(*v)
    }
    #[inline(always)]
    fn load_complex(v: &[Complex32; 8]) -> [Self; 2] {
        [Self(v.map(|c| c.re)), Self(v.map(|c| c.im))]
    }
    #[inline(always)]
    fn store(self) -> [f32; 8] {
        self.0
    }
    #[inline(always)]
    fn store_complex(self, im: Self, out: &mut [Complex32; 8]) {
        *out = core::array::from_fn(|l| Complex32 { re: self.0[l], im: im.0[l] });
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        self.zip(b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self.zip(b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.zip(b, |a, b| a * b)
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        self.mul(b).add(c)
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        self.zip(b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.zip(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }
    #[inline(always)]
    fn is_zero(self) -> Self {
        Self(self.0.map(|v| if v == 0.0 { 1.0 } else { 0.0 }))
    }
    #[inline(always)]
    fn total(self) -> f32 {
        let l = self.0;
        ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
    }
    #[inline(always)]
    fn totals(v: [Self; 8]) -> Self {
        Self(v.map(|Self(l)| ((l[0] + l[1]) + (l[2] + l[3])) + ((l[4] + l[5]) + (l[6] + l[7]))))
    }
    #[inline(always)]
    fn broadcast<const I: usize>(self) -> Self {
        Self([self.0[I]; 8])
    }
    #[inline(always)]
    fn reverse(mut self) -> Self {
        self.0.reverse();
        self
    }
    #[inline(always)]
    fn shift_in(self, before: Self) -> Self {
        Self(core::array::from_fn(|l| if l == 0 { before.0[7] } else { self.0[l - 1] }))
    }
    #[inline(always)]
    fn above(self, b: Self) -> u8 {
        let mut bits = 0;
        for l in 0..8 {
            bits |= u8::from(self.0[l] > b.0[l]) << l;
        }
        bits
    }
    #[inline(always)]
    fn byte_distances(planes: &[[u8; BYTES]; 8], one: &[u8; 8], out: &mut [u8; BYTES]) -> (u32, u32) {
        *out = [0; BYTES];
        for (plane, &b) in planes.iter().zip(one) {
            for (o, a) in out.iter_mut().zip(plane) {
                *o = o.saturating_add(a.abs_diff(b));
            }
        }
        let near = out.iter().filter(|o| **o < u8::MAX);
        near.fold((0, 0), |(sum, n), &o| (sum + u32::from(o), n + 1))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx::Avx;

#[cfg(target_arch = "x86_64")]
mod avx {
    use super::BYTES;
    use core::arch::x86_64::*;
    use rustfft::num_complex::Complex32;

    /// Only the functions of module `avx2`, which are compiled for AVX2 and FMA, may use this type.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx(__m256);

    /// The intrinsics are inlined into functions that have the features they need.
    macro_rules! avx {
        ($e:expr) => {
            // SAFETY: whoever names `Avx` runs with AVX2 and FMA, and `loadu` and `storeu` are given eight numbers.
            Avx(unsafe { $e })
        };
    }

    impl super::Lanes for Avx {
        type Doubles = super::super::doubles::Avx4;

        #[inline(always)]
        fn splat(v: f32) -> Self {
            avx!(_mm256_set1_ps(v))
        }
        #[inline(always)]
        fn load(v: &[f32; 8]) -> Self {
            avx!(_mm256_loadu_ps(v.as_ptr()))
        }
        #[inline(always)]
        fn load_complex(v: &[Complex32; 8]) -> [Self; 2] {
            let at: *const f32 = v.as_ptr().cast();
            // SAFETY: a complex number is two numbers in a row (`repr(C)`), so there are sixteen; otherwise as above.
            let (low, high) = unsafe { (_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))) };
            // Each half of a register is shuffled on its own; the middle two pairs then change places.
            macro_rules! pick {
                ($which:literal) => {
                    avx!(_mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(
                        _mm256_shuffle_ps::<$which>(low, high)
                    ))))
                };
            }
            [pick!(0b10_00_10_00), pick!(0b11_01_11_01)]
        }
        #[inline(always)]
        fn store(self) -> [f32; 8] {
            let mut v = [0.0; 8];
            // SAFETY: as above.
            unsafe { _mm256_storeu_ps(v.as_mut_ptr(), self.0) };
            v
        }
        #[inline(always)]
        fn store_complex(self, im: Self, out: &mut [Complex32; 8]) {
            let at: *mut f32 = out.as_mut_ptr().cast();
            // SAFETY: a complex number is two numbers in a row (`repr(C)`), so there is room for sixteen; otherwise as above.
            unsafe {
                let (low, high) = (_mm256_unpacklo_ps(self.0, im.0), _mm256_unpackhi_ps(self.0, im.0));
                _mm256_storeu_ps(at, _mm256_permute2f128_ps::<0x20>(low, high));
                _mm256_storeu_ps(at.add(8), _mm256_permute2f128_ps::<0x31>(low, high));
            }
        }
        #[inline(always)]
        fn add(self, b: Self) -> Self {
            avx!(_mm256_add_ps(self.0, b.0))
        }
        #[inline(always)]
        fn sub(self, b: Self) -> Self {
            avx!(_mm256_sub_ps(self.0, b.0))
        }
        #[inline(always)]
        fn mul(self, b: Self) -> Self {
            avx!(_mm256_mul_ps(self.0, b.0))
        }
        #[inline(always)]
        fn mul_add(self, b: Self, c: Self) -> Self {
            avx!(_mm256_fmadd_ps(self.0, b.0, c.0))
        }
        #[inline(always)]
        fn min(self, b: Self) -> Self {
            avx!(_mm256_min_ps(self.0, b.0))
        }
        #[inline(always)]
        fn max(self, b: Self) -> Self {
            avx!(_mm256_max_ps(self.0, b.0))
        }
        #[inline(always)]
        fn abs(self) -> Self {
            avx!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0))
        }
        #[inline(always)]
        fn is_zero(self) -> Self {
            let zero = avx!(_mm256_setzero_ps());
            avx!(_mm256_and_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, zero.0), _mm256_set1_ps(1.0)))
        }
        #[inline(always)]
        fn total(self) -> f32 {
            // SAFETY: as above.
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
            }
        }
        #[inline(always)]
        fn totals(v: [Self; 8]) -> Self {
            macro_rules! halves {
                ($i:literal) => {{
                    let (a, b) = (_mm256_hadd_ps(v[$i].0, v[$i + 1].0), _mm256_hadd_ps(v[$i + 2].0, v[$i + 3].0));
                    _mm256_hadd_ps(a, b)
                }};
            }
            // SAFETY: as above.
            let (a, b) = unsafe { (halves!(0), halves!(4)) };
            avx!(_mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b)))
        }
        #[inline(always)]
        fn broadcast<const I: usize>(self) -> Self {
            avx!(_mm256_permutevar8x32_ps(self.0, _mm256_set1_epi32(I as i32)))
        }
        #[inline(always)]
        fn reverse(self) -> Self {
            avx!(_mm256_permutevar8x32_ps(self.0, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)))
        }
        #[inline(always)]
        fn shift_in(self, before: Self) -> Self {
            let turn = [7i32, 0, 1, 2, 3, 4, 5, 6];
            // SAFETY: as above.
            let turn = unsafe { _mm256_loadu_si256(turn.as_ptr().cast::<__m256i>()) };
            avx!(_mm256_blend_ps::<1>(_mm256_permutevar8x32_ps(self.0, turn), _mm256_permutevar8x32_ps(before.0, turn)))
        }
        #[inline(always)]
        fn above(self, b: Self) -> u8 {
            // SAFETY: as above.
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, b.0)) as u8 }
        }
        #[inline(always)]
        fn byte_distances(planes: &[[u8; BYTES]; 8], one: &[u8; 8], out: &mut [u8; BYTES]) -> (u32, u32) {
            // SAFETY: as above; loads and the store are of 32 bytes each.
            unsafe {
                let mut sums = _mm256_setzero_si256();
                for k in 0..8 {
                    let (a, b) = (_mm256_loadu_si256(planes[k].as_ptr().cast()), _mm256_set1_epi8(one[k] as i8));
                    let apart = _mm256_sub_epi8(_mm256_max_epu8(a, b), _mm256_min_epu8(a, b));
                    sums = _mm256_adds_epu8(sums, apart);
                }
                _mm256_storeu_si256(out.as_mut_ptr().cast(), sums);
                let far = _mm256_cmpeq_epi8(sums, _mm256_set1_epi8(-1));
                let quarters = _mm256_sad_epu8(_mm256_andnot_si256(far, sums), _mm256_setzero_si256());
                let halves = _mm_add_epi64(_mm256_castsi256_si128(quarters), _mm256_extracti128_si256::<1>(quarters));
                let total = _mm_cvtsi128_si32(halves) + _mm_extract_epi32::<2>(halves);
                (total as u32, BYTES as u32 - (_mm256_movemask_epi8(far) as u32).count_ones())
            }
        }
    }
}
