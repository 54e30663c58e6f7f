//! Noise: how loud the floor is, and whether noise takes over.
//!
//! ## What it measures
//! The level of the quietest hops, the speech above it, and stretches in which noise as strong as the voice never pauses:
//! in the place of speech, on top of it, or after its end.
//!
//! ## Why it matters for speech
//! Generators that lose the thread produce hiss for seconds; vocoders leave a burst of noise behind the last word.
//!
//! ## Method
//! Floor: the level that a twentieth of all hops that are not digital zero stay below. Takeover: minimum statistics (after
//! Martin 2001) of ten bands from 100 Hz to 8 kHz, 40 ms at a time. What a band does not fall below for `sustain_s` is
//! noise or a held sound; speech, whose syllables and formants move, leaves little. It is a takeover when these minima,
//! added up (and 2.5 dB more, which noise lies above its own minima), reach `takeover_db` of the speech so far and are level
//! across the bands: the logarithm of their mean density exceeds the mean of their logarithms by at most `flatness_db`.
//! It ends when half of the bands have fallen 6 dB below the minima. Tail: the same when it lasts to the
//! end of the stream, or a level spectrum that ends the stream for 0.2 s or more, holds still within 6 dB and is not the floor.
//!
//! ## Reading the value
//! Floors below -60 dBFS are clean; an SNR below 20 dB is audible noise. The value of a takeover is the noise against the
//! speech: -6 is half its amplitude. White noise is 0 dB from flat, pink noise 2 to 4, a vowel 20.
//!
//! ## Limits
//! Applause and rain are noise. Babble, music and hum are not: they move or are not flat. Noise shorter than `sustain_s`, or
//! confined to part of the spectrum, is not seen. Tails shorter than 0.2 s pass for a last fricative, and tails near the
//! level of the pauses are floor, as is all below -80 dBFS. The floor of a stream without pauses is speech.

use crate::error::ConfigError;
use crate::features::{BANDS, FrameView};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, db_power, power_db};

params! { NoiseConfig {
    takeover_db: Db = -13.5 in -60.0 ..= 20.0, "Noise that stays above this, against the speech so far, is a finding.";
    sustain_s: Seconds = 0.6 in 0.2 ..= 0.6, "For at least this long, in steps of 40 ms.";
    flatness_db: Db = 6.0 in 0.0 ..= 40.0, "How far from white it may be.";
    tail_db: Db = -40.0 in -90.0 ..= 20.0, "Steady noise at the end of the stream is a finding above this, against the speech.";
    least_dbfs: Dbfs = -50.0 in -80.0 ..= 0.0, "Quieter noise is a floor, not a takeover.";
} }

fields! { NoiseOutput {
    1 floor_dbfs: Dbfs, Exactness::LIBM, "RMS that a twentieth of all hops but those of digital zero stay below.";
    2 snr_db: Db, Exactness::LIBM, "Mean level of active hops above the floor.";
    3 takeover_s: Seconds, Exactness::Exact, "Time under noise as strong as the voice, so far.";
} }

const fn kind(id: u16, name: &'static str, message: &'static str) -> KindSpec {
    KindSpec { id, name, unit: Unit::Db, max_delay_ms: 700, message }
}
const TAKEOVER: KindSpec = kind(1, "takeover", "{duration_ms} ms of noise, {value} dB against the speech");
const TAIL: KindSpec = kind(2, "tail", "the stream ends in {duration_ms} ms of noise, {value} dB against the speech");

/// Two of the shared bands are one here.
const WIDE: usize = BANDS / 2;
/// Four hops: two spectra.
const ENTRY_HOPS: u64 = 4;
const ENTRIES: usize = 15;
/// What the minimum of 15 averages of two spectra lies below their mean, in bands of some 10 bins.
const MINIMUM_BELOW_MEAN_DB: f64 = 2.5;

/// Levels are kept in quarters of an octave of power from 2^-44 (-132 dB) on.
const LOWEST: u32 = (127 - 44) * 4;
/// 6 dB.
const FALL: u8 = 8;

/// A level in a byte.
fn quantise(power: f32) -> u8 {
    (power.to_bits() >> 21).saturating_sub(LOWEST).min(255) as u8
}

/// The middle of what a byte stands for.
fn power(level: u8) -> f32 {
    f32::from_bits((u32::from(level) + LOWEST) << 21 | 1 << 20)
}

/// Bins of the histogram of hops: half-octaves of power (1.5 dB) from 2^-40 (-120 dBFS) to full scale.
const FLOOR_LOWEST: u32 = (127 - 40) * 2;
const FLOOR_BINS: usize = 82;

pub(crate) struct Noise {
    /// The newest entries, as a ring: the density of each band.
    ring: [[u8; WIDE]; ENTRIES],
    /// The first spectrum of an entry, until the second is there.
    half: Option<[f32; WIDE]>,
    entries: u16,
    /// The mean square of active hops: of the first all alike, then of the last ten seconds or so.
    speech: f32,
    speech_hops: u16,
    open: Option<Takeover>,
    taken: u64,
    /// The hops that are not digital zero, by level; halved when a count is full, and how many went in.
    hops: [u8; FLOOR_BINS],
    counted: u32,
}

struct Takeover {
    event: EventId,
    start: u64,
    floor: [u8; WIDE],
    value: f32,
}

pub(crate) struct Plan {
    config: NoiseConfig,
    rate: SampleRate,
    sustain: usize,
    /// The number of bins of each band.
    bins: [f32; WIDE],
    takeover: f32,
    least: f32,
    tail: f32,
    /// In steps of levels, over all bands.
    flatness: f32,
}

/// A tail is at least five entries of noise (a last fricative has up to four), whose bands stay within 6 dB in the mean.
const TAIL_ENTRIES: usize = 5;
const STEADY: u32 = 8;
const ABOVE_FLOOR: f32 = 10.0;

/// Active hops before anything is held against them: half a second.
const ENOUGH_SPEECH: u16 = 50;
const LONG: u16 = 1000;

impl Noise {
    fn occurrence(&self, plan: &Plan, start: u64, end: u64, value: f32) -> Occurrence {
        let (value, threshold) = (f64::from(value), plan.config.takeover_db);
        Occurrence { start, end, severity: Severity::Error, value, threshold, channel_mask: 0 }
    }

    /// The minima of the window, if they are noise: against the speech, in decibels.
    fn look(&self, plan: &Plan) -> Option<([u8; WIDE], f32)> {
        if (self.entries as usize) < plan.sustain || self.speech_hops < ENOUGH_SPEECH {
            return None;
        }
        let newest = self.entries as usize - 1;
        let mut floor = self.ring[newest % ENTRIES];
        let bar = (self.speech * plan.takeover).max(plan.least);
        let total = |levels: &[u8; WIDE]| levels.iter().zip(&plan.bins).map(|(&l, n)| power(l) * n).sum::<f32>();
        if total(&floor) < bar {
            return None;
        }
        for k in 1..plan.sustain {
            let entry = &self.ring[(newest - k) % ENTRIES];
            floor.iter_mut().zip(entry).for_each(|(f, &e)| *f = (*f).min(e));
        }
        let sum = total(&floor);
        let density = floor.iter().map(|&l| power(l)).sum::<f32>() / WIDE as f32;
        let logs: f32 = floor.iter().map(|&l| f32::from(l)).sum();
        let is_flat = f32::from(quantise(density)) * WIDE as f32 - logs <= plan.flatness;
        (sum >= bar && is_flat)
            .then(|| (floor, power_db(f64::from(sum / self.speech)) as f32 + MINIMUM_BELOW_MEAN_DB as f32))
    }

    fn take(&mut self, plan: &Plan, entry: [f32; WIDE], hop: u64, out: &mut Sink<'_>) {
        let entry = entry.map(quantise);
        self.ring[self.entries as usize % ENTRIES] = entry;
        // A ring of 15 entries wraps at a multiple of 15.
        self.entries = if self.entries as usize == 64 * ENTRIES { 63 * ENTRIES as u16 + 1 } else { self.entries + 1 };
        let began = plan.rate.hop_start((hop + 1).saturating_sub(ENTRY_HOPS));
        if let Some(takeover) = &self.open {
            let fallen = entry.iter().zip(&takeover.floor).filter(|(e, f)| e.saturating_add(FALL) < **f).count();
            if 2 * fallen >= WIDE {
                let o = self.occurrence(plan, takeover.start, began.max(takeover.start), takeover.value);
                self.taken += o.end - o.start;
                out.close(&TAKEOVER, takeover.event, o);
                self.open = None;
            }
        } else if let Some((floor, value)) = self.look(plan) {
            let start = plan.rate.hop_start((hop + 1).saturating_sub(ENTRY_HOPS * plan.sustain as u64));
            let event = out.open(&TAKEOVER, self.occurrence(plan, start, plan.rate.hop_start(hop + 1), value));
            self.open = Some(Takeover { event, start, floor, value });
        }
    }

    /// The noise that the stream ends in: how many entries ago it began and ended, and its mean level.
    fn tail(&self, plan: &Plan) -> Option<(usize, usize, f32)> {
        let filled = (self.entries as usize).min(ENTRIES);
        let entry = |age: usize| &self.ring[(self.entries as usize - 1 - age) % ENTRIES];
        let total = |age: usize| entry(age).iter().zip(&plan.bins).map(|(&l, n)| power(l) * n).sum::<f32>();
        let bar = self.speech * plan.tail;
        let end = (0..filled).find(|&age| total(age) >= bar)?;
        let (mut low, mut high) = (*entry(end), *entry(end));
        let (mut start, mut sum, mut logs) = (end, 0.0, 0.0f32);
        while start < filled {
            let e = entry(start);
            low.iter_mut().zip(e).for_each(|(l, &e)| *l = (*l).min(e));
            high.iter_mut().zip(e).for_each(|(h, &e)| *h = (*h).max(e));
            if low.iter().zip(&high).map(|(&l, &h)| u32::from(h - l)).sum::<u32>() > STEADY * WIDE as u32 {
                break;
            }
            sum += total(start);
            logs += e.iter().map(|&l| f32::from(l)).sum::<f32>();
            start += 1;
        }
        let n = (start - end) as f32;
        let density = (end..start).flat_map(entry).map(|&l| power(l)).sum::<f32>() / (n * WIDE as f32);
        let is_flat = f32::from(quantise(density)) * WIDE as f32 - logs / n <= plan.flatness;
        let level = sum / n;
        let found = start - end >= TAIL_ENTRIES && is_flat && self.is_new(level, start - end);
        found.then_some((start, end, level))
    }

    /// Whether noise of this level is not the floor of the whole stream: either a twentieth of all hops are 10 dB below it,
    /// or hardly any but its own are near it.
    fn is_new(&self, level: f32, entries: usize) -> bool {
        let total: f64 = self.hops.iter().map(|&n| f64::from(n)).sum();
        let bin = (level.to_bits() >> 22).saturating_sub(FLOOR_LOWEST) as usize;
        // From 3 dB below to 6 dB above: the hops hold what lies outside the bands too.
        let near = self.hops.iter().skip(bin.saturating_sub(2)).take(7).map(|&n| f64::from(n)).sum::<f64>();
        let own = (ENTRY_HOPS as usize * entries) as f64 * total / f64::from(self.counted.max(1));
        self.floor().is_some_and(|f| f as f32 * ABOVE_FLOOR <= level) || near <= 2.0 * own
    }

    fn floor(&self) -> Option<f64> {
        let total: f64 = self.hops.iter().map(|&n| f64::from(n)).sum();
        let edge = |bin: usize| f64::from(f32::from_bits((FLOOR_LOWEST + bin as u32) << 22));
        let mut left = 0.05 * total;
        for (bin, &n) in self.hops.iter().enumerate() {
            if n > 0 && left <= f64::from(n) {
                return Some(edge(bin) + (edge(bin + 1) - edge(bin)) * left / f64::from(n));
            }
            left -= f64::from(n);
        }
        None
    }
}

impl Metric for Noise {
    const SPEC: MetricSpec = MetricSpec {
        id: 15,
        name: "noise",
        revision: 1,
        summary: "Level of the noise floor; noise in the place of speech or behind it",
        definition: "Otoscope: minimum statistics of ten bands against the speech of the stream",
        on: true,
        needs: Needs::BANDS.and(Needs::VOICE),
        params: NoiseConfig::PARAMS,
        fields: NoiseOutput::FIELDS,
        kinds: &[TAKEOVER, TAIL],
    };
    type Config = NoiseConfig;
    type Output = NoiseOutput;
    type Plan = Plan;

    fn plan(config: &NoiseConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let widths = crate::features::band_widths(stream.rate);
        Ok(Plan {
            rate: stream.rate,
            sustain: ((config.sustain_s / 0.04).round() as usize).clamp(1, ENTRIES),
            bins: core::array::from_fn(|b| widths[2 * b] + widths[2 * b + 1]),
            takeover: db_power(config.takeover_db - MINIMUM_BELOW_MEAN_DB) as f32,
            least: db_power(config.least_dbfs - MINIMUM_BELOW_MEAN_DB) as f32,
            tail: db_power(config.tail_db) as f32,
            flatness: (config.flatness_db / power_db(2.0) * 4.0) as f32 * WIDE as f32,
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            ring: [[0; WIDE]; ENTRIES],
            half: None,
            entries: 0,
            speech: 0.0,
            speech_hops: 0,
            open: None,
            taken: 0,
            hops: [0; FLOOR_BINS],
            counted: 0,
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let mean_square = (f.mix().energy / f.len() as f64) as f32;
        if mean_square > 0.0 {
            let bin = (mean_square.to_bits() >> 22).saturating_sub(FLOOR_LOWEST) as usize;
            let count = &mut self.hops[bin.min(FLOOR_BINS - 1)];
            *count += 1;
            self.counted = self.counted.saturating_add(1);
            if *count == u8::MAX {
                self.hops.iter_mut().for_each(|n| *n /= 2);
            }
        }
        if f.voice_is_active() {
            self.speech_hops = (self.speech_hops + 1).min(LONG);
            self.speech += (mean_square - self.speech) / f32::from(self.speech_hops);
        }
        let Some(bands) = f.bands() else { return };
        let density: [f32; WIDE] = core::array::from_fn(|b| 0.5 * (bands[2 * b] + bands[2 * b + 1]));
        match self.half.take() {
            None => self.half = Some(density),
            Some(half) => {
                self.take(plan, core::array::from_fn(|b| 0.5 * (half[b] + density[b])), f.index(), out);
            }
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        if let Some(takeover) = self.open.take() {
            let o = self.occurrence(plan, takeover.start, end.samples, takeover.value);
            self.taken += o.end - o.start;
            out.close_as(&TAKEOVER, &TAIL, takeover.event, o);
        } else if self.speech_hops >= ENOUGH_SPEECH
            && let Some((start, until, level)) = self.tail(plan)
        {
            // Entries count from the last complete one.
            let hops = end.samples * 100 / u64::from(plan.rate.hz());
            let last = hops - hops % ENTRY_HOPS;
            let at = |age: usize| plan.rate.hop_start(last.saturating_sub(ENTRY_HOPS * age as u64));
            let value = power_db(f64::from(level / self.speech)) as f32;
            let finish = if until == 0 { end.samples } else { at(until) };
            let o = self.occurrence(plan, at(start), finish, value);
            out.point(&TAIL, Occurrence { severity: Severity::Warning, threshold: plan.config.tail_db, ..o });
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> NoiseOutput {
        let floor = self.floor().map(power_db);
        let speech = (self.speech_hops > 0).then(|| power_db(f64::from(self.speech)));
        NoiseOutput {
            floor_dbfs: Value::some_or(floor, "every hop is digital zero"),
            snr_db: Value::some_or(speech.zip(floor).map(|(s, f)| s - f), "no active hop"),
            takeover_s: Value::Number(plan.rate.seconds(self.taken)),
        }
    }
}
