//! Four numbers of double precision at a time, as `lanes.rs` does for eight of single precision.

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
            // SAFETY: whoever names `Avx4` runs with AVX2 and FMA, and `loadu` is given four numbers.
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
    }
}
