//! Sample rate conversion.

use std::fmt;

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, Indexing, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// Samples per channel and block at the lower rate, at least.
const BLOCK: usize = 1024;

/// Largest term of the reduced ratio (160/147 for 44.1 to 48 kHz) for the FFT method, whose blocks and filter are multiples of
/// it. Pairs of common rates stay below 2,600.
const MAX_TERM: u32 = 4096;

/// Taps of the other method's filter, at the lower rate.
const TAPS: usize = 256;

/// Largest ratio between the two rates.
const MAX_RATIO: u32 = 256;

/// Streaming sample rate conversion with one quality, high enough that no metric sees it.
///
/// The method is rubato's synchronous FFT resampler in blocks of at least 1,024 samples at the lower rate, window squared
/// Blackman-Harris: flat within 0.00002 dB up to 0.97 of the lower Nyquist frequency, aliases and images below -100 dB. Rates
/// without a short ratio (44,101 to 48,000 Hz) take rubato's sinc interpolation (256 taps at the lower rate, cubic), flat up to
/// 0.90, slower, and aligned within a thousandth of a sample.
///
/// The output is aligned with the input: sample 0 of the output is at the time of sample 0 of the input, the filter's delay
/// is taken out, and `n` input samples give `round(n * out / in)`. How the input is cut into calls does not change one
/// bit of the output. Equal rates copy.
///
/// ```
/// use otoscope_decode::Resampler;
///
/// let mut to_16k = Resampler::new(48_000, 16_000, 1)?;
/// let mut out = Vec::new();
/// for chunk in vec![0.25f32; 4_800].chunks(100) {
///     to_16k.process(chunk, &mut out)?;
/// }
/// to_16k.flush(&mut out)?;
/// assert_eq!(out.len(), 1_600);
/// # Ok::<(), otoscope_decode::ResampleError>(())
/// ```
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    channels: usize,
    /// `None` copies.
    inner: Option<Inner>,
    /// Silence put in front, in input samples per channel.
    lead: usize,
    /// Output samples per channel to drop at the start, and those of them still to come.
    delay: usize,
    delay_left: usize,
    /// Input that does not fill a block yet.
    pending: Vec<f32>,
    scratch: Vec<f32>,
    taken: u64,
    given: u64,
}

type Inner = Box<dyn rubato::Resampler<f32>>;

/// Why a conversion cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResampleError {
    /// A rate is 0 or above 768,000 Hz, or the rates are over 256 times apart.
    Rates {
        /// Input rate in hertz.
        from_hz: u32,
        /// Output rate in hertz.
        to_hz: u32,
    },
    /// The number of channels is 0.
    Channels,
    /// The slice is not a whole number of samples for every channel.
    PartialFrame {
        /// Length of the slice.
        len: usize,
        /// Channels of the resampler.
        channels: usize,
    },
    /// The library refused; this is a bug here.
    Internal(String),
}

impl fmt::Display for ResampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rates { from_hz, to_hz } => write!(
                f,
                "cannot convert {from_hz} Hz to {to_hz} Hz: rates are 1 to 768000 Hz, at most {MAX_RATIO} times apart"
            ),
            Self::Channels => f.write_str("cannot resample 0 channels"),
            Self::PartialFrame { len, channels } => {
                write!(f, "{len} values are not a whole number of samples for {channels} channels")
            }
            Self::Internal(what) => write!(f, "resampling failed: {what}"),
        }
    }
}

impl std::error::Error for ResampleError {}

fn internal(error: impl fmt::Display) -> ResampleError {
    ResampleError::Internal(error.to_string())
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Resampler {
    /// A converter from `from_hz` to `to_hz` for interleaved samples of `channels` channels. All memory is allocated here.
    ///
    /// # Errors
    /// [`ResampleError::Rates`] or [`ResampleError::Channels`].
    pub fn new(from_hz: u32, to_hz: u32, channels: u16) -> Result<Self, ResampleError> {
        let (low, high) = (from_hz.min(to_hz), from_hz.max(to_hz));
        if low == 0 || high > 768_000 || high > low.saturating_mul(MAX_RATIO) {
            return Err(ResampleError::Rates { from_hz, to_hz });
        }
        if channels == 0 {
            return Err(ResampleError::Channels);
        }
        let channels = usize::from(channels);
        let (inner, lead, delay) = if from_hz == to_hz {
            (None, 0, 0)
        } else if high / gcd(from_hz, to_hz) <= MAX_TERM {
            let inner = Self::fft(from_hz, to_hz, channels)?;
            let delay = inner.output_delay();
            (Some(inner), 0, delay)
        } else {
            let (inner, lead, delay) = Self::sinc(from_hz, to_hz, channels)?;
            (Some(inner), lead, delay)
        };
        let (block, room) = inner.as_ref().map_or((0, 0), |r| (r.input_frames_max(), r.output_frames_max()));
        let mut resampler = Self {
            from_hz,
            to_hz,
            channels,
            inner,
            lead,
            delay,
            delay_left: 0,
            pending: Vec::with_capacity((block + lead) * channels),
            scratch: vec![0.0; room * channels],
            taken: 0,
            given: 0,
        };
        resampler.reset();
        Ok(resampler)
    }

    fn fft(from_hz: u32, to_hz: u32, channels: usize) -> Result<Inner, ResampleError> {
        let common = gcd(from_hz, to_hz);
        // An even number of shortest blocks: the delay, half a block, is then whole on both sides.
        let shortest = (from_hz.min(to_hz) / common) as usize;
        let chunk = 2 * BLOCK.div_ceil(2 * shortest) * (from_hz / common) as usize;
        let window = WindowFunction::BlackmanHarris2;
        let (from_hz, to_hz) = (from_hz as usize, to_hz as usize);
        let made = Fft::<f32>::new_custom(from_hz, to_hz, chunk, 1, channels, window, FixedSync::Both);
        Ok(Box::new(made.map_err(internal)?))
    }

    /// The resampler, the silence to put in front, and the delay of both in output samples.
    fn sinc(from_hz: u32, to_hz: u32, channels: usize) -> Result<(Inner, usize, usize), ResampleError> {
        // As long in time whichever side is the lower rate; from 16 times on shorter, to bound the table (4 MB).
        let taps = TAPS * from_hz.div_ceil(to_hz).clamp(1, 16) as usize;
        let parameters = SincInterpolationParameters {
            sinc_len: taps,
            f_cutoff: None,
            oversampling_factor: 256,
            interpolation: SincInterpolationType::Cubic,
            window: WindowFunction::BlackmanHarris2,
        };
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        let made =
            Async::<f32>::new_sinc(ratio, 1.0, &parameters, BLOCK, channels, FixedAsync::Input).map_err(internal)?;
        // Where output sample 0 lies: one output step after the start, less half the filter, whose peak sits one step of the
        // oversampled table early (rubato 5.0.1; `output_delay` rounds this down, and the tests would see a change). That is
        // no whole number of output samples. With some silence in front it nearly is: of 4,096 lengths the best misses by
        // about 1/8,192 of a sample.
        let half = (taps / 2) as f64 - 1.0 / parameters.oversampling_factor as f64;
        let delay = |lead: usize| (lead as f64 + half) * ratio - 1.0;
        let miss = |lead: usize| (delay(lead) - delay(lead).round()).abs();
        let lead = (0..4096).min_by(|&a, &b| miss(a).total_cmp(&miss(b))).unwrap_or(0);
        Ok((Box::new(made), lead, delay(lead).round() as usize))
    }

    /// The input rate in hertz.
    #[must_use]
    pub fn from_hz(&self) -> u32 {
        self.from_hz
    }

    /// The output rate in hertz.
    #[must_use]
    pub fn to_hz(&self) -> u32 {
        self.to_hz
    }

    /// Takes interleaved samples and appends what is ready to `out`. Output comes in blocks, up to a block late.
    ///
    /// # Errors
    /// If `input` is not a whole number of samples for every channel; then nothing was taken.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) -> Result<(), ResampleError> {
        if !input.len().is_multiple_of(self.channels) {
            return Err(ResampleError::PartialFrame { len: input.len(), channels: self.channels });
        }
        self.taken += (input.len() / self.channels) as u64;
        let Some(block) = self.inner.as_ref().map(|r| r.input_frames_next() * self.channels) else {
            out.extend_from_slice(input);
            return Ok(());
        };
        let mut rest = input;
        while self.pending.len() + rest.len() >= block {
            // The silence in front may be several blocks long.
            let (now, later) = rest.split_at(block.saturating_sub(self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            self.convert(block / self.channels, u64::MAX, out)?;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Ends the stream: appends the samples that are still inside, so that there are `round(n * out / in)` in all, and
    /// begins anew.
    ///
    /// # Errors
    /// Only [`ResampleError::Internal`].
    pub fn flush(&mut self, out: &mut Vec<f32>) -> Result<(), ResampleError> {
        let (n, from, to) = (u128::from(self.taken), u128::from(self.from_hz), u128::from(self.to_hz));
        let total = u64::try_from((2 * n * to + from) / (2 * from)).unwrap_or(u64::MAX);
        if self.inner.is_some() {
            while self.given < total {
                // What is pending counts once, then silence pushes the rest out.
                self.convert(self.pending.len() / self.channels, total, out)?;
            }
        }
        self.reset();
        Ok(())
    }

    /// Forgets everything and begins a new stream.
    pub fn reset(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.reset();
        }
        self.delay_left = self.delay;
        self.pending.clear();
        self.pending.resize(self.lead * self.channels, 0.0);
        (self.taken, self.given) = (0, 0);
    }

    /// Converts the first `frames` pending samples per channel (a whole block, or less and silence), up to `total` output
    /// samples in all.
    fn convert(&mut self, frames: usize, total: u64, out: &mut Vec<f32>) -> Result<(), ResampleError> {
        let Some(inner) = &mut self.inner else { return Ok(()) };
        let channels = self.channels;
        let frames = frames.min(inner.input_frames_next());
        let room = self.scratch.len() / channels;
        let input = InterleavedSlice::new(&self.pending, channels, self.pending.len() / channels).map_err(internal)?;
        let mut output = InterleavedSlice::new_mut(&mut self.scratch, channels, room).map_err(internal)?;
        let indexing = Indexing::new().partial_len(frames);
        let (_, made) = inner.process_into_buffer(&input, &mut output, Some(&indexing)).map_err(internal)?;
        self.pending.drain(..frames * channels);
        let late = self.delay_left.min(made);
        self.delay_left -= late;
        let ready = ((made - late) as u64).min(total - self.given);
        out.extend_from_slice(&self.scratch[late * channels..(late + ready as usize) * channels]);
        self.given += ready;
        Ok(())
    }
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler")
            .field("from_hz", &self.from_hz)
            .field("to_hz", &self.to_hz)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}
