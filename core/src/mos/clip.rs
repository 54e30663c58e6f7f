//! Clips of any length, cut into windows by the rule of whoever made the model.

use super::front::RATE_HZ;
use super::{Model, Scorer};
use crate::dsp::polyphase::Resampler;
use crate::units::SampleRate;
use std::borrow::Cow;

/// Samples of DNSMOS's window, 9.01 s.
const DNSMOS: usize = 144_160;
const SECOND: usize = RATE_HZ as usize;
/// With fewer there is nothing to say.
const LEAST: usize = SECOND / 10;
/// Samples of DNSMOS Pro's window.
const PRO: usize = 10 * SECOND;
/// Samples of the window of our own networks, which a stream has too.
const OURS: usize = 9 * SECOND;

/// What a model makes of a clip.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ClipScore {
    /// The mean of the windows' outputs.
    pub raw: Vec<f64>,
    /// The mean of what is published of each window: for DNSMOS P.835 the values of its polynomials, for DNSMOS Pro mean and
    /// variance, for all others the outputs.
    pub fitted: Vec<f64>,
    /// The windows in the order of time.
    pub windows: Vec<ClipWindow>,
}

/// One window of a clip.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClipWindow {
    /// Where it begins in the clip, which may have been doubled.
    pub start_s: f64,
    /// The network's outputs.
    pub raw: Vec<f32>,
    /// What is published of them.
    pub fitted: Vec<f64>,
    /// The package leaves it out of its means, and so do we: see [`Scorer::clip`].
    pub is_left_out: bool,
}

/// How a clip is cut.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// That of PyPI `speechmos` 0.0.1.1: how many samples of a window are not heard, and the polynomial of each output, highest power first.
    Dnsmos { unheard: usize, polynomials: Option<[[f64; 3]; 3]> },
    /// Ours.
    Even,
    /// That of DNSMOS Pro: one window.
    Pro,
}

impl Rule {
    pub(super) const fn of(model: Model) -> Self {
        match model {
            Model::Accurate | Model::Light => Self::Even,
            Model::DnsmosP808 => Self::Dnsmos { unheard: 160, polynomials: None },
            #[cfg(feature = "dnsmos_p835")]
            Model::DnsmosP835 => Self::Dnsmos {
                unheard: 0,
                polynomials: Some([
                    [-0.08397278, 1.22083953, 0.0052439],
                    [-0.13166888, 1.60915514, -0.39604546],
                    [-0.06766283, 1.11546468, 0.04602535],
                ]),
            },
        }
    }

    fn fitted(self, raw: &[f32]) -> Vec<f64> {
        let raw = raw.iter().map(|v| f64::from(*v));
        match self {
            Self::Dnsmos { polynomials: Some(all), .. } => {
                raw.zip(all).map(|(v, [a, b, c])| (a * v + b) * v + c).collect()
            }
            Self::Pro => {
                // Linear above 20, as in PyTorch.
                let softplus = |v: f64| if v > 20.0 { v } else { v.exp().ln_1p() };
                raw.enumerate().map(|(i, v)| if i == 0 { 3.0 + 2.0 * v } else { 4.0 * softplus(v) }).collect()
            }
            _ => raw.collect(),
        }
    }
}

/// Whether the package finds window `k` too short by one sample and leaves it out: it takes the end as 9.01 plus a whole number, times 16,000, in
/// double precision and rounded down.
fn is_left_out(k: usize) -> bool {
    ((k as f64 + 9.01) * SECOND as f64) as usize - k * SECOND < DNSMOS
}

impl Scorer {
    /// What the model says of a clip of any length at 16 kHz. `None` for less than 0.1 s, and for what is not a number.
    ///
    /// DNSMOS as its package does (PyPI `speechmos` 0.0.1.1): a clip of less than 144,160 samples is doubled until it is not, whole copies of all of it;
    /// windows of so many begin each second, as many as whole seconds exceed 9, at least one: up to 2 s at the end are not heard. P.808 does not
    /// hear the last 160 samples of a window. The package drops windows whose end it rounds down by a sample, those that begin at 7 to 23 s and at 119
    /// s and later here and there; they are among the windows, marked, and not in the means, which so are the package's.
    ///
    /// `accurate` and `light`: a clip up to 9 s is one window as it is; of a longer one windows of 9 s are spread evenly from its begin to its end, at
    /// most 1 s apart.
    ///
    /// DNSMOS Pro: one window of 10 s, of a clip that is doubled until it is long enough; what is behind that is not heard.
    ///
    /// Rows that windows share are computed once.
    #[must_use]
    pub fn clip(&self, samples: &[f32]) -> Option<ClipScore> {
        if samples.len() < LEAST || !samples.iter().all(|v| v.is_finite()) {
            return None;
        }
        let (simd, net) = (self.simd, &self.estimator);
        let said: Vec<(usize, Vec<f32>)> = match self.rule {
            Rule::Dnsmos { unheard, .. } => {
                let samples = doubled(samples, DNSMOS);
                let count = (samples.len() / SECOND).saturating_sub(9).max(1);
                let said = net.windows(simd, &samples, DNSMOS - unheard, SECOND, count);
                said.into_iter().enumerate().map(|(k, raw)| (k * SECOND, raw)).collect()
            }
            Rule::Pro => {
                let samples = &doubled(samples, PRO)[..PRO];
                vec![(0, net.window(simd, samples, net.front.rows(PRO)))]
            }
            Rule::Even => {
                let (len, left) = (samples.len().min(OURS), samples.len().saturating_sub(OURS));
                let gaps = left.div_ceil(SECOND);
                let start = |k: usize| if k == 0 { 0 } else { (left as u64 * k as u64 / gaps as u64) as usize };
                let one = |k: usize| (start(k), net.window(simd, &samples[start(k)..][..len], net.front.rows(len)));
                (0..=gaps).map(one).collect()
            }
        };
        let is_dnsmos = matches!(self.rule, Rule::Dnsmos { .. });
        let windows: Vec<ClipWindow> = said
            .into_iter()
            .map(|(start, raw)| ClipWindow {
                start_s: start as f64 / SECOND as f64,
                fitted: self.rule.fitted(&raw),
                raw,
                is_left_out: is_dnsmos && is_left_out(start / SECOND),
            })
            .collect();
        let heard = || windows.iter().filter(|w| !w.is_left_out);
        let count = heard().count() as f64;
        let mean = |value: &dyn Fn(&ClipWindow, usize) -> f64| {
            (0..net.network.outputs()).map(|o| heard().map(|w| value(w, o)).sum::<f64>() / count).collect()
        };
        let (raw, fitted) = (mean(&|w, o| f64::from(w.raw[o])), mean(&|w, o| w.fitted[o]));
        Some(ClipScore { raw, fitted, windows })
    }
}

/// Why a clip has no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoScore {
    /// Less than 0.1 s.
    TooShort,
    /// A sample is NaN or infinite.
    NotFinite,
    /// Every sample is zero: a network would call it mediocre speech.
    Silent,
    /// A rate outside 8 to 192 kHz.
    Rate,
}

impl NoScore {
    /// The name in JSON and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::NotFinite => "non_finite",
            Self::Silent => "silent",
            Self::Rate => "rate_out_of_range",
        }
    }
}

impl core::fmt::Display for NoScore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooShort => "too_short: less than 0.1 s",
            Self::NotFinite => "non_finite: a sample is NaN or infinite",
            Self::Silent => "silent: every sample is zero",
            Self::Rate => "rate_out_of_range: the sample rate is not from 8,000 to 192,000 Hz",
        })
    }
}

impl core::error::Error for NoScore {}

impl Scorer {
    /// [`clip`](Self::clip) of samples at any rate, which are brought to 16 kHz by the filter that streams have.
    ///
    /// # Errors
    /// Why there is no score.
    pub fn clip_at(&self, samples: &[f32], sample_rate_hz: u32) -> Result<ClipScore, NoScore> {
        if SampleRate::new(sample_rate_hz).is_err() {
            return Err(NoScore::Rate);
        }
        if !samples.iter().all(|v| v.is_finite()) {
            return Err(NoScore::NotFinite);
        }
        let resampler = Resampler::<f32>::new(sample_rate_hz, RATE_HZ);
        let view =
            if resampler.is_native() { Cow::Borrowed(samples) } else { resampler.process(self.simd, samples).into() };
        if view.len() >= LEAST && samples.iter().all(|v| *v == 0.0) {
            return Err(NoScore::Silent);
        }
        self.clip(&view).ok_or(NoScore::TooShort)
    }
}

/// Whole copies behind it until it is long enough.
fn doubled(samples: &[f32], len: usize) -> Cow<'_, [f32]> {
    let mut samples = Cow::Borrowed(samples);
    while samples.len() < len {
        samples.to_mut().extend_from_within(..);
    }
    samples
}
