//! Four numbers of double precision at a time, as `lanes.rs` does for eight of single precision.

use rustfft::num_complex::Complex64;

/// Added to a whole number below this, its bits are the last ones of the sum.
const WHOLE: f64 = 4_503_599_627_370_496.0;
const ONE: u64 = 1.0f64.to_bits();
const MANTISSA: u64 = (1 << 52) - 1;

/// Four lanes of double precision.
pub(super) trait Doubles: Copy {
    fn splat(v: f64) -> Self;
    fn load(v: &[f64; 4]) -> Self;
    fn store(self) -> [f64; 4];
    fn add(self, b: Self) -> Self;
    fn sub(self, b: Self) -> Self;
    fn mul(self, b: Self) -> Self;
    fn div(self, b: Self) -> Self;
    /// `self * b + c`, fused where the level can: for tolerance kernels only.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `self` where it is less than `b`, else `b`.
    fn min(self, b: Self) -> Self;
    fn sqrt(self) -> Self;
    /// `self` where `a > b`, else 0.
    fn where_above(self, a: Self, b: Self) -> Self;
    /// `self` where it is greater than `b`, else `b`.
    fn max(self, b: Self) -> Self;
    /// `self` where `a > b`, else `other`.
    fn choose(self, other: Self, a: Self, b: Self) -> Self;
    /// The exponent of a normal positive number, and its mantissa, from 1 to 2.
    fn parts(self) -> [Self; 2];
    /// Two to the power of a whole number from -1022 to 1023.
    fn power_of_two(self) -> Self;
    /// The square root of a number within 1e-36 to 1e38, to 2e-13 of itself: for tolerance kernels only.
    fn root(self) -> Self;
    /// The real and the imaginary parts of four complex numbers.
    fn load_complex(v: &[Complex64; 4]) -> [Self; 2];
    /// Four complex numbers of their real parts `self` and their imaginary parts.
    fn store_complex(self, im: Self, out: &mut [Complex64; 4]);
    /// The lanes in the opposite order.
    fn reverse(self) -> Self;
    /// All lanes, added pairwise: the halves, then the two that are left.
    #[inline(always)]
    fn total(self) -> f64 {
        let l = self.store();
        (l[0] + l[2]) + (l[1] + l[3])
    }
}

#[derive(Clone, Copy)]
pub(super) struct Plain4([f64; 4]);

impl Plain4 {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self(core::array::from_fn(|l| f(self.0[l], b.0[l])))
    }
}

impl Doubles for Plain4 {
    #[inline(always)]
    fn splat(v: f64) -> Self {
        Self([v; 4])
    }
    #[inline(always)]
    fn load(v: &[f64; 4]) -> Self {
        Self(*v)
    }
    #[inline(always)]
    fn store(self) -> [f64; 4] {
        self.0
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
    fn div(self, b: Self) -> Self {
        self.zip(b, |a, b| a / b)
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
    fn sqrt(self) -> Self {
        Self(self.0.map(f64::sqrt))
    }
    #[inline(always)]
    fn where_above(self, a: Self, b: Self) -> Self {
        Self(core::array::from_fn(|l| if a.0[l] > b.0[l] { self.0[l] } else { 0.0 }))
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.zip(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn choose(self, other: Self, a: Self, b: Self) -> Self {
        Self(core::array::from_fn(|l| if a.0[l] > b.0[l] { self.0[l] } else { other.0[l] }))
    }
    #[inline(always)]
    fn parts(self) -> [Self; 2] {
        let bits = self.0.map(f64::to_bits);
        let exponent = bits.map(|b| f64::from_bits(WHOLE.to_bits() | b >> 52) - (WHOLE + 1023.0));
        [Self(exponent), Self(bits.map(|b| f64::from_bits(ONE | b & MANTISSA)))]
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(self.0.map(|n| f64::from_bits((n + (WHOLE + 1023.0)).to_bits() << 52)))
    }
    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn load_complex(v: &[Complex64; 4]) -> [Self; 2] {
        [Self(v.map(|c| c.re)), Self(v.map(|c| c.im))]
    }
    #[inline(always)]
    fn store_complex(self, im: Self, out: &mut [Complex64; 4]) {
        *out = core::array::from_fn(|l| Complex64 { re: self.0[l], im: im.0[l] });
    }
    #[inline(always)]
    fn reverse(self) -> Self {
        let [a, b, c, d] = self.0;
        Self([d, c, b, a])
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx::Avx4;

#[cfg(target_arch = "x86_64")]
mod avx {
    use core::arch::x86_64::*;

    /// Only the functions of module `avx2`, which are compiled for AVX2 and FMA, may use this type.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx4(__m256d);

    /// The intrinsics are inlined into functions that have the features they need.
    macro_rules! avx {
        ($e:expr) => {
            // SAFETY: whoever names `Avx4` runs with AVX2 and FMA, and `loadu` is given four numbers or two complex ones.
            Avx4(unsafe { $e })
        };
    }

    impl super::Doubles for Avx4 {
        #[inline(always)]
        fn splat(v: f64) -> Self {
            avx!(_mm256_set1_pd(v))
        }
        #[inline(always)]
        fn load(v: &[f64; 4]) -> Self {
            avx!(_mm256_loadu_pd(v.as_ptr()))
        }
        #[inline(always)]
        fn store(self) -> [f64; 4] {
            let mut v = [0.0; 4];
            // SAFETY: AVX as above; `v` is four numbers.
            unsafe { _mm256_storeu_pd(v.as_mut_ptr(), self.0) };
            v
        }
        #[inline(always)]
        fn add(self, b: Self) -> Self {
            avx!(_mm256_add_pd(self.0, b.0))
        }
        #[inline(always)]
        fn sub(self, b: Self) -> Self {
            avx!(_mm256_sub_pd(self.0, b.0))
        }
        #[inline(always)]
        fn mul(self, b: Self) -> Self {
            avx!(_mm256_mul_pd(self.0, b.0))
        }
        #[inline(always)]
        fn div(self, b: Self) -> Self {
            avx!(_mm256_div_pd(self.0, b.0))
        }
        #[inline(always)]
        fn mul_add(self, b: Self, c: Self) -> Self {
            avx!(_mm256_fmadd_pd(self.0, b.0, c.0))
        }
        #[inline(always)]
        fn min(self, b: Self) -> Self {
            avx!(_mm256_min_pd(self.0, b.0))
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            avx!(_mm256_sqrt_pd(self.0))
        }
        #[inline(always)]
        fn where_above(self, a: Self, b: Self) -> Self {
            avx!(_mm256_and_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(a.0, b.0), self.0))
        }
        #[inline(always)]
        fn max(self, b: Self) -> Self {
            avx!(_mm256_max_pd(self.0, b.0))
        }
        #[inline(always)]
        fn choose(self, other: Self, a: Self, b: Self) -> Self {
            avx!(_mm256_blendv_pd(other.0, self.0, _mm256_cmp_pd::<_CMP_GT_OQ>(a.0, b.0)))
        }
        #[inline(always)]
        fn parts(self) -> [Self; 2] {
            let whole = Self::splat(super::WHOLE);
            let exponent =
                avx!(_mm256_or_pd(whole.0, _mm256_castsi256_pd(_mm256_srli_epi64::<52>(_mm256_castpd_si256(self.0)))));
            let mantissa = f64::from_bits(super::MANTISSA);
            let mantissa = avx!(_mm256_or_pd(_mm256_and_pd(self.0, _mm256_set1_pd(mantissa)), _mm256_set1_pd(1.0)));
            [exponent.sub(Self::splat(super::WHOLE + 1023.0)), mantissa]
        }
        #[inline(always)]
        fn power_of_two(self) -> Self {
            let biased = self.add(Self::splat(super::WHOLE + 1023.0));
            avx!(_mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(biased.0))))
        }
        #[inline(always)]
        fn root(self) -> Self {
            // From twelve bits of the inverse root, by the series of (1 - e)^(-1/2) up to the third power: half the time of an
            // exact root.
            let inverse = avx!(_mm256_cvtps_pd(_mm_rsqrt_ps(_mm256_cvtpd_ps(self.0))));
            let near = self.mul(inverse);
            let e = avx!(_mm256_fnmadd_pd(near.0, inverse.0, _mm256_set1_pd(1.0)));
            let series = Self::splat(0.3125).mul_add(e, Self::splat(0.375)).mul_add(e, Self::splat(0.5));
            near.mul(e).mul_add(series, near)
        }
        #[inline(always)]
        fn load_complex(v: &[rustfft::num_complex::Complex64; 4]) -> [Self; 2] {
            let numbers: *const f64 = v.as_ptr().cast();
            let (a, b) = (avx!(_mm256_loadu_pd(numbers)), avx!(_mm256_loadu_pd(numbers.add(4))));
            // Both mix the halves: 0, 2, 1, 3.
            let (re, im) = (avx!(_mm256_unpacklo_pd(a.0, b.0)), avx!(_mm256_unpackhi_pd(a.0, b.0)));
            [avx!(_mm256_permute4x64_pd::<0b11_01_10_00>(re.0)), avx!(_mm256_permute4x64_pd::<0b11_01_10_00>(im.0))]
        }
        #[inline(always)]
        fn store_complex(self, im: Self, out: &mut [rustfft::num_complex::Complex64; 4]) {
            // Numbers 0 and 2, then 1 and 3.
            let (even, odd) = (avx!(_mm256_unpacklo_pd(self.0, im.0)), avx!(_mm256_unpackhi_pd(self.0, im.0)));
            let numbers: *mut f64 = out.as_mut_ptr().cast();
            // SAFETY: AVX as above; `out` is eight numbers.
            unsafe {
                _mm256_storeu_pd(numbers, _mm256_permute2f128_pd::<0x20>(even.0, odd.0));
                _mm256_storeu_pd(numbers.add(4), _mm256_permute2f128_pd::<0x31>(even.0, odd.0));
            }
        }
        #[inline(always)]
        fn reverse(self) -> Self {
            avx!(_mm256_permute4x64_pd::<0b00_01_10_11>(self.0))
        }
    }
}
