//! What is listened to.

use otoscope_fixtures::{signals, speech};
use std::fmt;

/// A signal a case is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Speech of one neural voice with its pauses, repeated; at 24 kHz as it left the engine.
    Speech,
    /// All committed clips one after another: six voices, two of them human.
    Voices,
    /// White noise up to 0 dBFS: no block of it can be left out of the true peak.
    Noise,
    /// Digital silence.
    Silence,
    /// Nothing but NaN.
    Nan,
    /// A square of 200 Hz at full scale: every sample is part of a run at a rail.
    Square,
    /// The speech in the steps of 8 bits: three samples of one value in a row everywhere.
    Coarse,
    /// The speech with a step of 0.1 at each push of 10 ms: every edge gets the closer look of the join detector.
    Steps,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Speech, Self::Voices, Self::Noise, Self::Silence, Self::Nan, Self::Square, Self::Coarse, Self::Steps];

    /// The name used in cases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Speech => "speech",
            Self::Voices => "voices",
            Self::Noise => "noise",
            Self::Silence => "silence",
            Self::Nan => "nan",
            Self::Square => "square",
            Self::Coarse => "coarse",
            Self::Steps => "steps",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A signal in memory, in both formats.
#[derive(Debug, Clone)]
pub struct Pcm {
    /// The rate.
    pub rate_hz: u32,
    /// As 16-bit codes; NaN is 0 there.
    pub codes: Vec<i16>,
    /// As numbers.
    pub numbers: Vec<f32>,
}

impl Pcm {
    /// At least `seconds` of a signal: cut to the sample where it is made, speech in whole clips.
    ///
    /// # Errors
    /// When the committed clips cannot be read.
    pub fn new(signal: Signal, rate_hz: u32, seconds: f64) -> Result<Self, speech::SpeechError> {
        let numbers = match signal {
            Signal::Speech => repeated(&clip("ja_kokoro_alpha", rate_hz)?, rate_hz, seconds),
            Signal::Voices => {
                let clips = speech::clips()?;
                let one: Vec<f32> =
                    clips.iter().flat_map(|c| resampled(&c.samples_f32(), c.sample_rate_hz, rate_hz)).collect();
                repeated(&one, rate_hz, seconds)
            }
            Signal::Noise => signals::white_uniform(0.0, rate_hz, seconds, 1),
            Signal::Silence => signals::silence(rate_hz, seconds),
            Signal::Nan => vec![f32::NAN; (seconds * f64::from(rate_hz)) as usize],
            Signal::Square => signals::square(200.0, 1.0, rate_hz, seconds),
            Signal::Coarse => {
                let mut x = repeated(&clip("ja_kokoro_alpha", rate_hz)?, rate_hz, seconds);
                x.iter_mut().for_each(|v| *v = (*v * 128.0).round() / 128.0);
                x
            }
            Signal::Steps => {
                let mut x = repeated(&clip("ja_kokoro_alpha", rate_hz)?, rate_hz, seconds);
                for push in x.chunks_mut(rate_hz as usize / 100).skip(1).step_by(2) {
                    push.iter_mut().for_each(|v| *v += 0.1);
                }
                x
            }
        };
        Ok(Self { rate_hz, codes: signals::quantise(&numbers), numbers })
    }

    /// Samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is nothing to listen to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The ranges of pushes of `push_ms`, the last one shorter if need be.
    pub fn pushes(&self, push_ms: u32) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let (len, step) = (self.len(), (self.rate_hz as usize * push_ms as usize / 1000).max(1));
        (0..len).step_by(step).map(move |at| at..(at + step).min(len))
    }
}

fn clip(name: &str, rate_hz: u32) -> Result<Vec<f32>, speech::SpeechError> {
    let clip = speech::load(name)?;
    Ok(resampled(&clip.samples_f32(), clip.sample_rate_hz, rate_hz))
}

/// By straight lines: good enough for a load, not for a measurement. At its own rate nothing is changed.
fn resampled(x: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    if from_hz == to_hz {
        return x.to_vec();
    }
    let len = x.len() as u64 * u64::from(to_hz) / u64::from(from_hz);
    (0..len)
        .map(|n| {
            let at = n as f64 * f64::from(from_hz) / f64::from(to_hz);
            let (i, share) = (at as usize, at.fract() as f32);
            let after = x.get(i + 1).copied().unwrap_or(0.0);
            x[i] + share * (after - x[i])
        })
        .collect()
}

fn repeated(x: &[f32], rate_hz: u32, seconds: f64) -> Vec<f32> {
    let wanted = (seconds * f64::from(rate_hz)).ceil() as usize;
    x.repeat(wanted.div_ceil(x.len().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_is_as_long_as_asked_for_and_its_pushes_cover_it() {
        for signal in Signal::ALL {
            let pcm = Pcm::new(signal, 22_050, 8.0).expect("the clips are committed");
            assert!(pcm.len() >= 8 * 22_050 && pcm.codes.len() == pcm.len(), "{signal}");
            let mut end = 0;
            for push in pcm.pushes(10) {
                assert!(push.start == end && push.len() <= 220);
                end = push.end;
            }
            assert_eq!(end, pcm.len());
        }
    }

    #[test]
    fn the_voice_of_24_khz_is_left_as_it_is() {
        let clip = speech::load("ja_kokoro_alpha").expect("committed");
        let pcm = Pcm::new(Signal::Speech, 24_000, 1.0).expect("committed");
        assert_eq!(pcm.codes, clip.samples);
    }
}
