//! Textbook blocks on slices: no thresholds, no metric names.

pub(crate) mod autoregression;
pub(crate) mod cut;
pub(crate) mod envelope;
pub(crate) mod fft;
pub(crate) mod interpolator;
pub(crate) mod k_weighting;
pub(crate) mod outlier;
pub(crate) mod polyphase;
mod solve;
