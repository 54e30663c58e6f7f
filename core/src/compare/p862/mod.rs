//! A PESQ-compatible score: implements ITU-T Rec. P.862 with P.862.1 (narrow band) and P.862.2 (wide band). Not affiliated
//! with or certified by ITU or OPTICOM; conformance is measured, see the table of scores.
//!
//! The data flow: level and input filter (`level`), a copy for the alignment behind a filter of its own, activity (`vad`),
//! delays (`align`), utterances (`utterance`, `split`), then the perceptual model on the first copy (`model`), a second look at
//! intervals that are bad (`realign`), one number (`score`). All positions inside count from the start of the first margin.
//!
//! Written from the Recommendation's terms and from the prose in `spec/01` to `spec/06` of the crate `pesq` 0.2.0 (MIT OR
//! Apache-2.0), whose tables are taken over; no code of the ITU or of a wrapper was read.

mod align;
mod level;
mod model;
mod realign;
mod score;
mod split;
mod tables;
mod transform;
mod utterance;
mod vad;

use super::{Reason, Side};
use crate::simd::{Cascade, Simd};
use align::{Aligner, Heard};
use level::{Filters, Measured, Responses};
use model::{Ear, MOST_BANDS};
use realign::{BAD, Interval, Realigner};
use rustfft::num_complex::Complex32;
use std::sync::OnceLock;
use tables::{AT_16K, Constants, NARROW_8K};
use transform::{Transforms, Work, room};
use utterance::Utterance as Stretch;

/// Which score, at which rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// P.862 and P.862.1 at 8 kHz.
    Narrow8,
    /// P.862 and P.862.1 at 16 kHz.
    Narrow16,
    /// P.862.2 at 16 kHz.
    Wide16,
}

impl Mode {
    /// The rate of the samples it takes, in hertz.
    #[must_use]
    pub const fn rate_hz(self) -> u32 {
        match self {
            Self::Narrow8 => 8000,
            Self::Narrow16 | Self::Wide16 => 16_000,
        }
    }
}

/// Which text of the standard: they differ in the wide band only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Edition {
    /// P.862.2 of November 2005: what published tables show.
    #[default]
    E2005,
    /// Corrigendum 2 of March 2018: the input filter 12 dB lower.
    Cor2,
}

impl Edition {
    /// The name in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::E2005 => "2005",
            Self::Cor2 => "Cor.2-2018",
        }
    }
}

/// A stretch of the reference that has one delay in the degraded signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utterance {
    /// Its first sample in the reference.
    pub start_sample: usize,
    /// The sample of the reference after its last.
    pub end_sample: usize,
    /// How many samples later it is in the degraded signal; negative if earlier.
    pub delay_samples: i64,
    /// The share of short frames that agree on this delay, 0 to 1.
    pub confidence: f64,
}

/// An interval so much disturbed that its delay was looked for a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadInterval {
    /// Its first sample in the reference.
    pub start_sample: usize,
    /// The sample of the reference after its last.
    pub end_sample: usize,
    /// The delay found beyond that of its utterance; 0 if none matches better.
    pub delay_samples: i64,
}

/// The disturbance of one frame of 32 ms, one every 16 ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameDisturbance {
    /// Its first sample in the reference.
    pub start_sample: usize,
    /// Everything that differs; 0 is none, 45 the most.
    pub disturbance: f64,
    /// What was added; 0 is none, 45 the most.
    pub asymmetric: f64,
}

/// The score of a pair and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The score on the scale of listeners: about 1 to 4.55 (narrow band) or 4.64 (wide band).
    pub mos_lqo: f64,
    /// The score before that mapping: -0.5 to 4.5.
    pub raw: f64,
    /// The stretches and their delays, in order.
    pub utterances: Vec<Utterance>,
    /// The intervals looked at twice, in order.
    pub bad_intervals: Vec<BadInterval>,
    /// The frames that the score is made of, where asked for.
    pub frames: Option<Vec<FrameDisturbance>>,
    /// More than 50 utterances: the standard's own code has no defined score for the pair.
    pub beyond_reference: bool,
}

/// The tables and plans of one mode and edition: made once, used by all threads.
pub struct Model {
    mode: Mode,
    c: &'static Constants,
    simd: Simd,
    transforms: Transforms,
    level: Responses,
    irs: Responses,
    /// The input filter of the wide band.
    wideband: [f32; 5],
    cascade: Cascade,
    /// The window of the alignment.
    hann: Box<[f32]>,
    tools: align::Tools,
    ear: Ear,
}

/// A reference made ready: shared by all threads that compare with it.
#[derive(Default)]
pub struct Prepared {
    samples: usize,
    measured: Measured,
    /// In the narrow band what the model hears, with margins and padding; in the wide band the reference itself: see
    /// [`Model::compare`].
    signal: Vec<f32>,
    /// At the level for signals that are not longer, and not louder in the wide band; made when first needed.
    listened: OnceLock<Listened>,
}

/// One signal at its level.
#[derive(Default)]
struct Listened {
    /// What the model hears, with margins and padding; of a reference in the wide band only.
    signal: Vec<f32>,
    /// What the alignment hears.
    heard: Heard,
    /// The pitch power densities, frame by frame; of a reference only.
    densities: Vec<f32>,
}

/// The work memory of one thread. It grows to what the longest pair needs and stays.
#[derive(Default)]
pub struct Context {
    scratch: Scratch,
    listened: Listened,
    /// The reference, where the prepared one is at another level.
    again: Listened,
    /// Memory of the last pair's reference.
    prepared: Prepared,
    /// Pitch power densities of the reference, compensated, and of the degraded signal.
    reference: Vec<f32>,
    degraded: Vec<f32>,
    /// Of each frame: audible power of the reference, and both disturbances.
    audible: Vec<f64>,
    symmetric: Vec<f32>,
    asymmetric: Vec<f32>,
    utterances: Vec<Stretch>,
    intervals: Vec<Interval>,
    moved: Vec<f32>,
}

/// Both signals of a pair as the model hears them.
#[derive(Clone, Copy)]
struct Pair<'a> {
    reference: &'a [f32],
    degraded: &'a [f32],
    /// Samples of the reference alone.
    samples: usize,
    /// Samples of the longer signal, with margins, without padding.
    nominal: usize,
}

/// Memory for transforms and what lies between them.
#[derive(Default)]
struct Scratch {
    time: Vec<f32>,
    pairs: Vec<Complex32>,
    spectrum: Vec<Complex32>,
    product: Vec<Complex32>,
    bins: Vec<Complex32>,
    lags: Vec<Complex32>,
    spectra: align::Spectra,
    votes: Vec<f32>,
    window: Vec<f32>,
    frame: Vec<Complex32>,
    power: Vec<f32>,
    work: Work,
}

impl Context {
    /// Memory that grows when it is used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Model {
    /// The tables of a mode. The edition matters in the wide band only.
    #[must_use]
    pub fn new(mode: Mode, edition: Edition) -> Self {
        let c = match mode {
            Mode::Narrow8 => &NARROW_8K,
            Mode::Narrow16 | Mode::Wide16 => &AT_16K,
        };
        let mut wideband = tables::WIDEBAND;
        if edition == Edition::Cor2 {
            for b in &mut wideband[..3] {
                // The coefficients are single, the factor is double: a last bit can be heard.
                *b = (f64::from(*b) * tables::CORRIGENDUM_2) as f32;
            }
        }
        let simd = Simd::choose(None);
        Self {
            mode,
            c,
            simd,
            transforms: Transforms::new(),
            level: Responses::level(),
            irs: Responses::irs(),
            wideband,
            cascade: Cascade::new(c.sections),
            hann: model::hann(c.aligned),
            tools: align::Tools::new(c),
            ear: Ear::new(c, simd),
        }
    }

    /// The mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Everything that depends on the reference alone.
    pub fn prepare(&self, reference: &[f32], ctx: &mut Context) -> Result<Prepared, Reason> {
        let mut prepared = Prepared::default();
        self.prepare_in(reference, ctx, &mut prepared)?;
        Ok(prepared)
    }

    /// The score of one pair: [`Self::prepare`] and [`Self::compare`], in the memory of `ctx`.
    pub fn pair(
        &self,
        reference: &[f32],
        degraded: &[f32],
        ctx: &mut Context,
        frames: bool,
    ) -> Result<Outcome, Reason> {
        let mut prepared = core::mem::take(&mut ctx.prepared);
        let outcome = self
            .prepare_in(reference, ctx, &mut prepared)
            .and_then(|()| self.compare(&prepared, degraded, ctx, frames));
        ctx.prepared = prepared;
        outcome
    }

    fn prepare_in(&self, reference: &[f32], ctx: &mut Context, prepared: &mut Prepared) -> Result<(), Reason> {
        if let Some(memory) = prepared.listened.take() {
            ctx.again = memory;
        }
        prepared.samples = reference.len();
        prepared.measured = self.measure(reference, Side::Reference, &mut ctx.scratch)?;
        let signal = &mut prepared.signal;
        if self.mode == Mode::Wide16 {
            signal.clear();
            signal.extend_from_slice(reference);
        } else {
            signal.resize(self.buffer(reference.len()), 0.0);
            self.filters().irs(reference, &prepared.measured, reference.len(), &mut ctx.scratch, signal);
        }
        Ok(())
    }

    /// Measures one signal.
    fn measure(&self, x: &[f32], side: Side, scratch: &mut Scratch) -> Result<Measured, Reason> {
        let rate = f64::from(self.c.rate_hz);
        let shortest = self.c.rate_hz as usize / 4;
        if x.len() < shortest {
            return Err(Reason::TooShort { side, have_s: x.len() as f64 / rate, need_s: shortest as f64 / rate });
        }
        self.filters().measure(x, self.mode == Mode::Wide16, scratch).ok_or(match side {
            Side::Reference => Reason::SilentReference,
            Side::Degraded => Reason::SilentDegraded,
        })
    }

    /// Samples of a buffer with margins and padding.
    fn buffer(&self, samples: usize) -> usize {
        samples + 2 * self.c.margin() + self.c.padding()
    }

    fn filters(&self) -> Filters<'_> {
        let Self { c, simd, transforms, level, irs, .. } = self;
        Filters { c, simd: *simd, transforms, level, irs }
    }

    /// What the alignment hears, from what the model hears, but for the filter.
    fn centre(&self, signal: &[f32], samples: usize, heard: &mut Heard) {
        heard.nominal = samples + 2 * self.c.margin();
        heard.signal.clear();
        heard.signal.extend_from_slice(signal);
        level::centre(self.c, samples, &mut heard.signal);
    }

    fn detect(&self, heard: &mut Heard) {
        let signal = &heard.signal[..heard.nominal];
        vad::detect(self.simd, signal, self.c.window, &mut heard.energy, &mut heard.log);
    }

    /// The densities of all frames of a reference.
    fn all_densities(&self, signal: &[f32], densities: &mut Vec<f32>, scratch: &mut Scratch) {
        let (c, bands) = (self.c, self.ear.bands());
        let frames = signal.len().saturating_sub(c.margin() + c.frame) / c.hop() + 1;
        densities.resize(frames * bands, 0.0);
        for (f, out) in densities.chunks_exact_mut(bands).enumerate() {
            self.ear.densities(&signal[c.margin() + f * c.hop()..][..c.frame], scratch, out);
        }
    }

    /// The score of a degraded signal; `frames` asks for the disturbance of each frame too.
    ///
    /// The level of the reference depends on the longer length of the pair. In the narrow band that is a factor put in
    /// late. In the wide band the rounding of the input can move the score by 1e-4, so there the reference is filtered anew,
    /// in the operations of the standard, for a degraded signal that is longer or has a higher peak.
    pub fn compare(
        &self,
        reference: &Prepared,
        degraded: &[f32],
        ctx: &mut Context,
        frames: bool,
    ) -> Result<Outcome, Reason> {
        let measured = self.measure(degraded, Side::Degraded, &mut ctx.scratch)?;
        let (c, wide, own) = (self.c, self.mode == Mode::Wide16, &reference.measured);
        let (samples, longer) = (reference.samples, reference.samples.max(degraded.len()));
        let peak = own.peak.max(measured.peak);
        // Far below the other's peak, a signal is on its own: it must not underflow.
        let divisor = |own: f32| if own > 1e-9 * peak { peak } else { own };
        let as_prepared = !wide || (divisor(own.peak) == own.peak && longer == samples);

        let mut there = core::mem::take(&mut ctx.listened);
        let mut here = core::mem::take(&mut ctx.again);
        let known = reference.listened.get().filter(|_| as_prepared);
        if wide {
            let fade = |x: &[f32], measured: &Measured, out: &mut Vec<f32>| {
                let by = divisor(measured.peak);
                out.resize(self.buffer(x.len()), 0.0);
                level::fade(c, x, by, measured.scale(c, by.into(), longer), out);
            };
            fade(degraded, &measured, &mut there.signal);
            if known.is_some() {
                level::filter(c, &self.wideband, [(&mut there.signal, degraded.len())]);
            } else {
                fade(&reference.signal, own, &mut here.signal);
                let both = [(&mut here.signal[..], samples), (&mut there.signal[..], degraded.len())];
                level::filter(c, &self.wideband, both);
            }
        } else {
            there.signal.resize(self.buffer(degraded.len()), 0.0);
            self.filters().irs(degraded, &measured, longer, &mut ctx.scratch, &mut there.signal);
        }
        self.centre(&there.signal, degraded.len(), &mut there.heard);
        if known.is_some() {
            self.simd.cascade(&self.cascade, &mut there.heard.signal);
        } else {
            let signal = if wide { &here.signal } else { &reference.signal };
            self.centre(signal, samples, &mut here.heard);
            self.simd.cascade_two(&self.cascade, &mut here.heard.signal, &mut there.heard.signal);
            self.detect(&mut here.heard);
            self.all_densities(signal, &mut here.densities, &mut ctx.scratch);
        }
        self.detect(&mut there.heard);
        // Another thread may have been quicker; its values are the same.
        let listened = match known {
            Some(known) => known,
            None if as_prepared => {
                let made = core::mem::take(&mut here);
                reference.listened.get_or_init(|| made)
            }
            None => &here,
        };
        let signal = if wide { &listened.signal } else { &reference.signal };
        let outcome = self.score((signal, listened), &there, own, ctx, frames);
        (ctx.listened, ctx.again) = (there, here);
        outcome
    }

    fn score(
        &self,
        (signal, reference): (&[f32], &Listened),
        degraded: &Listened,
        measured: &Measured,
        ctx: &mut Context,
        frames: bool,
    ) -> Result<Outcome, Reason> {
        self.align(&reference.heard, &degraded.heard, ctx)?;
        let samples = reference.heard.nominal - 2 * self.c.margin();
        let nominal = reference.heard.nominal.max(degraded.heard.nominal);
        let gain = if self.mode == Mode::Wide16 {
            1.0
        } else {
            let (unit, longer) = (1.0 / measured.unit(), nominal - 2 * self.c.margin());
            measured.scale(self.c, unit, longer) / measured.scale(self.c, unit, samples)
        };
        let (first, last) = self.active(signal, gain as f32, nominal).ok_or(Reason::SilentReference)?;
        self.perceive(&reference.densities, &degraded.signal, ctx, gain, nominal, last);
        let pair = Pair { reference: signal, degraded: &degraded.signal, samples, nominal };
        self.judge(pair, ctx, first, frames)
    }

    /// The utterances and their delays.
    fn align(&self, reference: &Heard, degraded: &Heard, ctx: &mut Context) -> Result<(), Reason> {
        let Context { scratch, utterances, .. } = ctx;
        let aligner = Aligner {
            c: self.c,
            simd: self.simd,
            transforms: &self.transforms,
            tools: &self.tools,
            hann: &self.hann,
            reference,
            degraded,
        };
        let coarse = aligner.coarse_of_all(scratch);
        utterance::find(self.c, reference, degraded, coarse, utterances);
        if utterances.is_empty() {
            let run = vad::longest_run(&reference.energy);
            let longest_run_ms = (run * self.c.window) as f64 * 1000.0 / f64::from(self.c.rate_hz);
            return Err(Reason::NoSpeech { side: Side::Reference, longest_run_ms });
        }
        utterance::align(&aligner, coarse, utterances, scratch);
        utterance::bound(self.c, &aligner, utterances);
        split::split(&aligner, utterances, scratch);
        Ok(())
    }

    /// The first and the last frame in which the reference is not quiet (step 3.1). `None` if there is no such.
    fn active(&self, signal: &[f32], gain: f32, nominal: usize) -> Option<(usize, usize)> {
        const QUIET: f32 = 500.0;
        let c = self.c;
        let at = |i: usize| signal.get(i).map_or(0.0, |v| (v * gain).abs());
        let end = nominal + c.padding() - c.margin();
        let (mut skip, mut skip_end) = (0, 0);
        while (0..5).map(|i| at(c.margin() + skip + i)).sum::<f32>() < QUIET && skip < nominal / 2 {
            skip += 1;
        }
        while (0..5).map(|i| at(end - 1 - skip_end - i)).sum::<f32>() < QUIET && skip_end < nominal / 2 {
            skip_end += 1;
        }
        let last = ((end - c.margin()).checked_sub(skip_end)? / c.hop()).checked_sub(1)?;
        (skip / c.hop() <= last).then_some((skip / c.hop(), last))
    }

    /// Densities, compensation and disturbance of all frames, up to the last (spec/03 and 4.1 to 4.3).
    fn perceive(&self, densities: &[f32], signal: &[f32], ctx: &mut Context, gain: f64, nominal: usize, last: usize) {
        let (c, ear, bands) = (self.c, &self.ear, self.ear.bands());
        let Context { scratch, reference, degraded, audible, symmetric, asymmetric, utterances, .. } = ctx;
        let count = last + 1;
        let here = room(reference, count * bands);
        let there = room(degraded, count * bands);
        let buffer = nominal + c.padding();
        let power = (gain * gain) as f32;
        let (mut sums_here, mut sums_there) = ([0.0; MOST_BANDS], [0.0; MOST_BANDS]);
        let mut delays = utterance::Delays::new(c, utterances);
        let mut tail = vec![0.0; c.frame];
        for (f, (here, there)) in here.chunks_exact_mut(bands).zip(there.chunks_exact_mut(bands)).enumerate() {
            match densities.get(f * bands..(f + 1) * bands) {
                Some(d) => here.iter_mut().zip(d).for_each(|(h, d)| *h = d * power),
                None => here.fill(0.0),
            }
            let start = c.margin() + f * c.hop();
            let from = start as isize + delays.at(start as isize);
            if from <= 0 || from as usize + c.frame >= buffer {
                there.fill(0.0);
            } else {
                let from = from as usize;
                let x = match signal.get(from..from + c.frame) {
                    Some(x) => x,
                    // Beyond the degraded signal's own padding there is silence.
                    None => {
                        let some = signal.get(from..).unwrap_or(&[]);
                        tail[..some.len()].copy_from_slice(some);
                        tail[some.len()..].fill(0.0);
                        &tail
                    }
                };
                ear.densities(x, scratch, there);
            }
            if !ear.is_silent(here) {
                ear.accumulate(here, &mut sums_here);
                ear.accumulate(there, &mut sums_there);
            }
        }
        // The sums are divided by the frames of the whole signal, however many of them counted.
        let frames = ((buffer - 2 * c.margin()) / c.hop() - 1) as f64;
        let ratio: [f32; MOST_BANDS] = core::array::from_fn(|b| {
            ((sums_there[b] / frames + 1000.0) / (sums_here[b] / frames + 1000.0)).clamp(0.01, 100.0) as f32
        });
        audible.clear();
        symmetric.clear();
        asymmetric.clear();
        let mut gain = 1.0;
        for (f, (here, there)) in here.chunks_exact_mut(bands).zip(there.chunks_exact_mut(bands)).enumerate() {
            here.iter_mut().zip(&ratio).for_each(|(h, r)| *h *= r);
            let power = ear.audible(here, 1.0);
            let (d, a) = ear.disturbance(here, there, power, f == 0, &mut gain);
            audible.push(power);
            symmetric.push(d);
            asymmetric.push(a);
        }
    }

    /// Delay jumps, bad intervals and the score.
    fn judge(&self, pair: Pair<'_>, ctx: &mut Context, first: usize, frames: bool) -> Result<Outcome, Reason> {
        let Pair { samples, nominal, .. } = pair;
        let any_bad = ctx.symmetric.iter().any(|&d| d > BAD);
        self.skip_at_jumps(ctx);
        ctx.intervals.clear();
        if any_bad {
            self.realign(pair, ctx);
        }
        let Context { audible, symmetric, asymmetric, utterances, intervals, .. } = ctx;
        for ((d, a), &p) in symmetric.iter_mut().zip(&mut *asymmetric).zip(&*audible) {
            (*d, *a) = (score::normalise(*d, p), score::normalise(*a, p));
        }
        let margins = 2 * self.c.margin();
        let weight =
            score::TimeWeight::new(symmetric.len() - 1, ((nominal - margins) / self.c.hop()).saturating_sub(1));
        let raw = score::raw(score::aggregate(symmetric, first, weight), score::aggregate(asymmetric, first, weight));
        if !raw.is_finite() {
            return Err(Reason::Undefined("the disturbance of this pair is no number"));
        }
        let hop = self.c.hop();
        let at = |windows: isize| {
            let at = (windows - tables::MARGIN as isize) * self.c.window as isize;
            at.clamp(0, samples as isize) as usize
        };
        Ok(Outcome {
            mos_lqo: score::mos_lqo(self.mode, raw),
            raw,
            utterances: utterances
                .iter()
                .map(|u| Utterance {
                    start_sample: at(u.start),
                    end_sample: at(u.end),
                    delay_samples: u.delay as i64,
                    confidence: f64::from(u.confidence),
                })
                .collect(),
            bad_intervals: intervals
                .iter()
                .map(|i| BadInterval {
                    start_sample: (i.start * hop).min(samples),
                    end_sample: (i.end * hop + hop).min(samples),
                    delay_samples: i.delay as i64,
                })
                .collect(),
            frames: frames.then(|| {
                (first..symmetric.len())
                    .map(|f| FrameDisturbance {
                        start_sample: f * hop,
                        disturbance: f64::from(symmetric[f]),
                        asymmetric: f64::from(asymmetric[f]),
                    })
                    .collect()
            }),
            beyond_reference: utterances.len() > split::MOST,
        })
    }

    /// Where the delay falls by more than half a frame, some of the reference is missing in the degraded signal: frames
    /// around that are not disturbed (steps 1.14 and 4.4).
    fn skip_at_jumps(&self, ctx: &mut Context) {
        let (c, hop, window) = (self.c, self.c.hop() as isize, self.c.window as isize);
        let stop = ctx.symmetric.len() as isize - 1;
        for pair in ctx.utterances.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            let jump = after.delay - before.delay;
            if jump >= -(c.frame as isize) / 2 {
                continue;
            }
            let samples = |v: isize| (v - tables::MARGIN as isize) * window;
            let from =
                ((samples(after.start) + after.delay) / hop).min((samples(before.end) + before.delay) / hop).max(0);
            let to = (samples(after.start) + jump.abs()) / hop + 1;
            for f in from..=to.min(stop - 1) {
                ctx.symmetric[f as usize] = 0.0;
                ctx.asymmetric[f as usize] = 0.0;
            }
        }
    }

    /// Looks for the delay of bad intervals once more and takes what disturbs less (step 4.5).
    fn realign(&self, pair: Pair<'_>, ctx: &mut Context) {
        let (c, ear, bands) = (self.c, &self.ear, self.ear.bands());
        let Context {
            scratch, reference, degraded, audible, symmetric, asymmetric, utterances, intervals, moved, ..
        } = ctx;
        realign::find(symmetric, intervals);
        let realigner = Realigner { c, simd: self.simd, transforms: &self.transforms, utterances, pair };
        for interval in intervals {
            interval.delay = realigner.lag(interval, scratch);
            realigner.fill(interval, moved);
            let mut gain = 1.0;
            for f in interval.start..interval.end {
                let x = &moved[(f - interval.start) * c.hop()..][..c.frame];
                let there = &mut degraded[f * bands..(f + 1) * bands];
                ear.densities(x, scratch, there);
                let here = &reference[f * bands..(f + 1) * bands];
                let (d, a) = ear.disturbance(here, there, audible[f], f == 0, &mut gain);
                symmetric[f] = symmetric[f].min(d);
                asymmetric[f] = asymmetric[f].min(a);
            }
        }
    }
}
