//! Mono samples of any usual type, borrowed or owned, without a copy until somebody needs one.

use crate::dsp::polyphase::Real;
use core::ops::Range;
use std::borrow::Cow;

/// The samples of one channel. 16-bit samples are taken as `x / 32768`, floats as they are: full scale is 1.
///
/// Made by `from` a slice (borrowed) or a vector (owned) of `i16`, `f32` or `f64`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Samples<'a> {
    /// 16-bit PCM.
    I16(Cow<'a, [i16]>),
    /// Single precision.
    F32(Cow<'a, [f32]>),
    /// Double precision.
    F64(Cow<'a, [f64]>),
}

macro_rules! made_from {
    ($($variant:ident($type:ty);)*) => {$(
        impl<'a> From<&'a [$type]> for Samples<'a> {
            fn from(samples: &'a [$type]) -> Self {
                Self::$variant(Cow::Borrowed(samples))
            }
        }
        impl<'a> From<&'a Vec<$type>> for Samples<'a> {
            fn from(samples: &'a Vec<$type>) -> Self {
                Self::$variant(Cow::Borrowed(samples))
            }
        }
        impl From<Vec<$type>> for Samples<'_> {
            fn from(samples: Vec<$type>) -> Self {
                Self::$variant(Cow::Owned(samples))
            }
        }
    )*};
}
made_from! { I16(i16); F32(f32); F64(f64); }

/// How many samples are converted at a time: small enough to stay in the fastest cache.
pub(crate) const BLOCK: usize = 1024;

impl Samples<'_> {
    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::I16(x) => x.len(),
            Self::F32(x) => x.len(),
            Self::F64(x) => x.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same samples, kept for as long as one likes.
    #[must_use]
    pub fn into_owned(self) -> Samples<'static> {
        match self {
            Self::I16(x) => Samples::I16(Cow::Owned(x.into_owned())),
            Self::F32(x) => Samples::F32(Cow::Owned(x.into_owned())),
            Self::F64(x) => Samples::F64(Cow::Owned(x.into_owned())),
        }
    }

    /// The same samples, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> Samples<'_> {
        self.part(0..self.len())
    }

    /// Part of the samples, borrowed.
    #[must_use]
    pub(crate) fn part(&self, range: Range<usize>) -> Samples<'_> {
        match self {
            Self::I16(x) => Samples::I16(Cow::Borrowed(&x[range])),
            Self::F32(x) => Samples::F32(Cow::Borrowed(&x[range])),
            Self::F64(x) => Samples::F64(Cow::Borrowed(&x[range])),
        }
    }

    /// The samples of `range` in double precision; `buffer` (at least as long) is used if they are not already.
    pub(crate) fn f64s<'b>(&'b self, range: Range<usize>, buffer: &'b mut [f64]) -> &'b [f64] {
        let out = &mut buffer[..range.len()];
        match self {
            Self::I16(x) => {
                for (o, &v) in out.iter_mut().zip(&x[range]) {
                    *o = f64::from(v) * (1.0 / 32768.0);
                }
            }
            Self::F32(x) => {
                for (o, &v) in out.iter_mut().zip(&x[range]) {
                    *o = f64::from(v);
                }
            }
            Self::F64(x) => return &x[range],
        }
        out
    }

    /// Writes the samples of `range` to `out`, which is as long.
    pub(crate) fn fill<T: Real>(&self, range: Range<usize>, out: &mut [T]) {
        match self {
            Self::I16(x) => {
                for (o, &v) in out.iter_mut().zip(&x[range]) {
                    *o = T::from_f64(f64::from(v) * (1.0 / 32768.0));
                }
            }
            Self::F32(x) => {
                for (o, &v) in out.iter_mut().zip(&x[range]) {
                    *o = T::from_f64(f64::from(v));
                }
            }
            Self::F64(x) => {
                for (o, &v) in out.iter_mut().zip(&x[range]) {
                    *o = T::from_f64(v);
                }
            }
        }
    }

    /// Writes all samples in single precision to a slice of the same length.
    pub(crate) fn write_f32(&self, out: &mut [f32]) {
        match self {
            Self::I16(x) => {
                for (o, &v) in out.iter_mut().zip(&**x) {
                    *o = f32::from(v) * (1.0 / 32768.0);
                }
            }
            Self::F32(x) => out.copy_from_slice(x),
            Self::F64(x) => {
                for (o, &v) in out.iter_mut().zip(&**x) {
                    *o = v as f32;
                }
            }
        }
    }

    /// All samples in single precision, with full scale 1: borrowed where they are.
    #[must_use]
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match self {
            Self::I16(x) => x.iter().map(|&v| f32::from(v) * (1.0 / 32768.0)).collect(),
            Self::F32(x) => Cow::Borrowed(x),
            Self::F64(x) => x.iter().map(|&v| v as f32).collect(),
        }
    }

    /// Calls `f` with one block after the other, in double precision.
    pub(crate) fn each_block(&self, mut f: impl FnMut(&[f64])) {
        let mut buffer = [0.0; BLOCK];
        for start in (0..self.len()).step_by(BLOCK) {
            f(self.f64s(start..(start + BLOCK).min(self.len()), &mut buffer));
        }
    }

    /// Calls `f` with the same blocks of both, in double precision, as far as both go.
    pub(crate) fn each_pair(&self, other: &Samples<'_>, mut f: impl FnMut(&[f64], &[f64])) {
        let (mut a, mut b) = ([0.0; BLOCK], [0.0; BLOCK]);
        let len = self.len().min(other.len());
        for start in (0..len).step_by(BLOCK) {
            let range = start..(start + BLOCK).min(len);
            f(self.f64s(range.clone(), &mut a), other.f64s(range, &mut b));
        }
    }

    /// The first sample that is NaN or infinite.
    pub(crate) fn first_not_finite(&self) -> Option<usize> {
        // Without an early exit the common case, all finite, is one pass in lanes.
        match self {
            Self::I16(_) => None,
            Self::F32(x) => {
                let all = x.chunks(BLOCK).all(|c| c.iter().fold(true, |ok, v| ok & v.is_finite()));
                if all { None } else { x.iter().position(|v| !v.is_finite()) }
            }
            Self::F64(x) => {
                let all = x.chunks(BLOCK).all(|c| c.iter().fold(true, |ok, v| ok & v.is_finite()));
                if all { None } else { x.iter().position(|v| !v.is_finite()) }
            }
        }
    }

    /// Whether every sample is zero; stops at the first that is not.
    pub(crate) fn all_zero(&self) -> bool {
        match self {
            Self::I16(x) => x.iter().all(|&v| v == 0),
            Self::F32(x) => x.iter().all(|&v| v == 0.0),
            Self::F64(x) => x.iter().all(|&v| v == 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_hold_the_same_numbers() {
        let pcm: Vec<i16> = (0..3000).map(|n| (n * 7919 % 65536 - 32768) as i16).collect();
        let single: Vec<f32> = pcm.iter().map(|&v| f32::from(v) / 32768.0).collect();
        let double: Vec<f64> = pcm.iter().map(|&v| f64::from(v) / 32768.0).collect();
        let all = [Samples::from(&pcm), Samples::from(&single), Samples::from(&double)];
        for s in &all {
            assert_eq!(s.len(), 3000);
            assert_eq!(s.to_f32(), single);
            let mut written = vec![0.0; 3000];
            s.write_f32(&mut written);
            assert_eq!(written, single);
            let mut blocks = Vec::new();
            s.each_block(|b| blocks.extend_from_slice(b));
            assert_eq!(blocks, double);
            let mut n = 0;
            s.part(10..2500).each_pair(&all[2].part(10..2900), |a, b| {
                assert_eq!(a, b);
                n += a.len();
            });
            assert_eq!(n, 2490, "as far as both go");
            assert!(!s.all_zero() && s.first_not_finite().is_none());
        }
    }

    #[test]
    fn the_first_bad_sample_is_found() {
        let mut x = vec![0.0_f32; 5000];
        x[4321] = f32::NAN;
        x[4900] = f32::INFINITY;
        assert_eq!(Samples::from(x.as_slice()).first_not_finite(), Some(4321));
        assert!(Samples::from(vec![0_i16; 9]).all_zero() && Samples::from(Vec::<f64>::new()).is_empty());
    }
}
