//! A PESQ-compatible score: implements ITU-T Rec. P.862 with P.862.1 (narrow band) and P.862.2 (wide band). Not
//! affiliated with or certified by ITU or OPTICOM; conformance is measured, see the table of scores.
//!
//! The data flow: level and input filter (`level`), a copy for the alignment behind a filter of its own, activity
//! (`vad`), delays (`align`), utterances (`utterance`, `split`), then the perceptual model on the first copy (`model`),
//! a second look at intervals that are bad (`realign`), one number (`score`). All positions inside count from the start
//! of the first margin.
//!
//! Written from the Recommendation's terms and from the prose in `spec/01` to `spec/06` of the crate `pesq` 0.2.0 (MIT
//! OR Apache-2.0), whose tables are taken over; no code of the ITU or of a wrapper was read.

mod align;
mod judge;
mod level;
mod model;
mod outcome;
mod realign;
mod score;
mod split;
mod tables;
mod transform;
mod utterance;
mod vad;

pub use outcome::{BadInterval, Edition, FrameDisturbance, Mode, Outcome, Utterance};

use super::{Reason, Side};
use crate::simd::{Cascade, Simd};
use align::{Aligner, Heard};
use level::{Filters, Measured, Responses};
use model::Ear;
use realign::Interval;
use rustfft::num_complex::Complex32;
use std::sync::OnceLock;
use tables::{AT_16K, Constants, NARROW_8K};
use transform::{Transforms, Work};
use utterance::Utterance as Stretch;

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

impl core::fmt::Debug for Context {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
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
        Self::with(mode, edition, Simd::choose(None))
    }

    /// The tables of a mode, for kernels of one level.
    pub(crate) fn with(mode: Mode, edition: Edition, simd: Simd) -> Self {
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
    /// late. In the wide band the rounding of the input can move the score by 1e-4, so there the reference is filtered
    /// anew, in the operations of the standard, for a degraded signal that is longer or has a higher peak.
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
}
