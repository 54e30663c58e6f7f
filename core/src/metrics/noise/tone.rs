//! Tone: steady lines that do not belong to the voice.
//!
//! ## What it measures
//! Lines of constant frequency and level anywhere up to half the rate: a whistle, a comb of lines, mains hum.
//!
//! ## Why it matters for speech
//! Vocoders leave lines at multiples of their frame rate, often above 1 kHz; faulty audio interfaces hum. The words stay
//! intelligible, no score drops, and every listener is annoyed.
//!
//! ## Method
//! Every 20 ms the bins of the power spectrum (Hann, about 47 Hz apart at 24 kHz) that are higher than their neighbours and
//! `standout_db` above the bins three and four away are candidates (Otoscope; the rule that a line is what never drops is
//! that of minimum statistics, Martin 2001). Each candidate is followed by one of 24 trackers. While the power in its three bins is
//! within 3 dB of what it was, it is seen; while it is more, or does not stand out, something covers it, and nothing is
//! concluded; when it falls by 6 dB for 60 ms, it is over. A line that was never over for `hold_s`, and was seen for
//! `seen_ratio` of `hold_s`, is a finding, dated back to where it was first seen. Lines that overlap in time are one finding: a comb
//! is one fault. Harmonics of a voice, even of a flat synthetic one, end with the syllable.
//!
//! ## Reading the value
//! The frequency of the strongest line, good to a few Hz above 100 Hz. The finding is `hum` when the strongest line lies below `hum_below_hz`.
//! `strongest_dbfs` is the RMS of the line. Below -60 dBFS only headphones show it in pauses; -40 dBFS annoys anybody.
//!
//! ## Limits
//! Tones that are meant (dialling, ring-back, music, a note sung without vibrato) are found too. A line that sounds only while
//! the voice does, or that is always covered by it, is not found. Below 100 Hz the frequency is good to about 10 Hz, as bins are
//! as wide as the frequency itself, and hum shows in pauses only, so that it may take seconds. Lines closer than three bins are one.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, db_power, power_db};

params! { ToneConfig {
    standout_db: Db = 12.0 in 3.0 ..= 60.0, "How far a line must stand out of the bins beside it.";
    least_dbfs: Dbfs = -75.0 in -120.0 ..= 0.0, "The RMS of the faintest line looked for.";
    hold_s: Seconds = 0.5 in 0.1 ..= 60.0, "For how long a line must last without a break.";
    seen_ratio: Ratio = 0.6 in 0.1 ..= 1.0, "For how much of hold_s it must be seen, that is stand out at its level.";
    lowest_hz: Hz = 40.0 in 20.0 ..= 20000.0, "Below this no line is looked for.";
    hum_below_hz: Hz = 200.0 in 20.0 ..= 20000.0, "A finding whose strongest line is below this is called hum.";
    warning_dbfs: Dbfs = -60.0 in -120.0 ..= 0.0, "From this RMS on a finding is a warning, below it is worth knowing.";
    error_dbfs: Dbfs = -35.0 in -120.0 ..= 0.0, "From this RMS on it is an error.";
} }

fields! { ToneOutput {
    1 strongest_hz: Hz, Exactness::Abs(1.0), "Frequency of the strongest line found.";
    2 strongest_dbfs: Dbfs, Exactness::Abs(0.1), "Its RMS; a full-scale sine has -3.01 dBFS.";
    3 tone_s: Seconds, Exactness::Abs(0.1), "How long findings of a tone or hum lasted in all.";
} }

const fn kind(id: u16, name: &'static str, message: &'static str) -> KindSpec {
    KindSpec { id, name, unit: Unit::Hz, max_delay_ms: 1000, message }
}
const LINE: KindSpec = kind(1, "line", "a steady tone of {value} Hz for {duration_ms} ms");
const HUM: KindSpec = kind(2, "hum", "hum of about {value} Hz for {duration_ms} ms");

/// Lines followed at once.
const TRACKERS: usize = 24;
/// Spectra a line must be gone for before it is over.
const GONE: u8 = 3;
/// Power ratios: 3 dB is the same level, a quarter is gone.
const SAME: f32 = 2.0;
const DROP: f32 = 0.25;
/// Weight of a new level in the level of a line.
const NEW: f32 = 0.125;
/// The bytes that hold one bit for each bin of the longest spectrum.
const BIT_BYTES: usize = crate::dsp::fft::LONGEST_HALF / 8;

/// One line that may be; `bin` 0 is nobody.
#[derive(Clone, Copy, Default)]
struct Tracker {
    /// Power of the line, and what it became when it was last gone.
    level: f32,
    after: f32,
    hz: f32,
    /// The spectrum in which it was first seen.
    since: u32,
    seen: u16,
    bin: u16,
    gone: u8,
    found: bool,
}

/// The finding that is open.
#[derive(Clone, Copy)]
struct Open {
    hum: bool,
    start: u64,
    level: f32,
    hz: f32,
}

pub(crate) struct Tone {
    trackers: [Tracker; TRACKERS],
    open: Option<(EventId, Open)>,
    strongest: f32,
    strongest_hz: f32,
    found: u64,
    /// Spectra so far.
    spectra: u32,
}

pub(crate) struct Plan {
    config: ToneConfig,
    rate: SampleRate,
    bin_hz: f32,
    lowest: usize,
    standout: f32,
    least: f32,
    hold: u32,
    seen: u16,
}

impl Plan {
    /// The middle of the frame of spectrum `index`.
    fn middle(&self, index: u32) -> u64 {
        let end = self.rate.hop_start(2 * u64::from(index) + 2);
        end.saturating_sub(self.rate.samples_in_ms(20).next_power_of_two() as u64 / 2)
    }

    fn occurrence(&self, open: &Open, end: u64) -> Occurrence {
        let level = power_db(f64::from(open.level));
        Occurrence {
            start: open.start,
            end,
            severity: Severity::above(level, self.config.warning_dbfs, self.config.error_dbfs),
            value: f64::from(open.hz),
            threshold: self.config.lowest_hz,
            channel_mask: 0,
        }
    }

    /// The frequency of the line that peaks in `bin`: a Hann window's amplitude in the higher neighbour over that in the
    /// bin itself is `(1 + d) / (2 - d)` for a line `d` bins away.
    fn frequency(&self, power: &[f32], bin: usize) -> f32 {
        let at = |k: usize| power.get(k).copied().unwrap_or(0.0);
        let (below, peak, above) = (at(bin - 1), at(bin), at(bin + 1));
        let ratio = (below.max(above) / peak.max(f32::MIN_POSITIVE)).min(1.0).sqrt();
        let off = ((2.0 * ratio - 1.0) / (1.0 + ratio)).max(0.0);
        self.bin_hz * if above > below { bin as f32 + off } else { bin as f32 - off }
    }
}

/// Power in the three bins around a line: the RMS of a sine, squared, wherever between the bins it lies.
fn level(power: &[f32], bin: usize) -> f32 {
    power.get(bin - 1..=bin + 1).map_or(0.0, |p| p[0] + p[1] + p[2])
}

impl Tone {
    fn follow(&mut self, plan: &Plan, power: &[f32], bits: &mut [u8; BIT_BYTES], out: &mut Sink<'_>) {
        let now = self.spectra;
        for i in 0..TRACKERS {
            let t = &mut self.trackers[i];
            if t.bin == 0 {
                continue;
            }
            let bin = usize::from(t.bin);
            let peak = (bin - 1..=bin + 1).find(|&k| has(bits, k));
            let level = level(power, bin);
            if let Some(k) = peak {
                take(bits, k);
                if level > t.level * SAME && t.seen < 3 {
                    // It was only half inside the first frame.
                    t.level = level;
                }
            }
            if level < t.level * DROP {
                if t.gone == 0 {
                    t.after = level;
                }
                t.gone += 1;
                if t.gone < GONE {
                    continue;
                }
                let ended = now + 1 - u32::from(GONE);
                let found = t.found;
                // What covered a fainter line is gone: that one was there all the while.
                let uncovered = peak.is_some() && level < t.after * SAME && level * SAME > t.after && level > plan.least;
                *t = if uncovered { Tracker { level, since: ended, seen: 1, bin: t.bin, ..Tracker::default() } } else { Tracker::default() };
                if found && !self.trackers.iter().any(|t| t.found) {
                    self.close(plan, plan.middle(ended), out);
                }
                continue;
            }
            t.gone = 0;
            let Some(k) = peak else { continue };
            if level > t.level * SAME || level * SAME < t.level {
                continue;
            }
            t.level += NEW * (level - t.level);
            t.seen = t.seen.saturating_add(1);
            if t.found || (now - t.since >= plan.hold && t.seen >= plan.seen) {
                let hz = plan.frequency(power, k);
                t.hz = if t.found { t.hz + NEW * (hz - t.hz) } else { hz };
                t.found = true;
                let t = *t;
                self.report(plan, &t, out);
            }
        }
    }

    /// A line is there: opens the finding, or adds to the one that is open.
    fn report(&mut self, plan: &Plan, t: &Tracker, out: &mut Sink<'_>) {
        if t.level >= self.strongest {
            (self.strongest, self.strongest_hz) = (t.level, t.hz);
        }
        let start = if t.since <= 1 { 0 } else { plan.middle(t.since) };
        if let Some((_, open)) = &mut self.open {
            open.start = open.start.min(start);
            if t.level >= open.level {
                (open.level, open.hz) = (t.level, t.hz);
            }
            return;
        }
        let hum = f64::from(t.hz) < plan.config.hum_below_hz;
        let open = Open { hum, start, level: t.level, hz: t.hz };
        let event = out.open(if hum { &HUM } else { &LINE }, plan.occurrence(&open, plan.middle(self.spectra)));
        self.open = Some((event, open));
    }

    fn close(&mut self, plan: &Plan, end: u64, out: &mut Sink<'_>) {
        let Some((event, open)) = self.open.take() else { return };
        let end = end.max(open.start);
        self.found += end - open.start;
        let kind = |hum: bool| if hum { &HUM } else { &LINE };
        let is_hum = f64::from(open.hz) < plan.config.hum_below_hz;
        let o = plan.occurrence(&open, end);
        if is_hum == open.hum {
            out.close(kind(is_hum), event, o);
        } else {
            out.close_as(kind(open.hum), kind(is_hum), event, o);
        }
    }

    /// A candidate that nobody follows yet takes the place of the tracker that has seen least.
    fn begin(&mut self, plan: &Plan, power: &[f32], bin: usize) {
        let level = level(power, bin);
        if level < plan.least {
            return;
        }
        let weight = |t: &Tracker| if t.found { u32::MAX } else { u32::from(t.seen) };
        let Some(place) = self.trackers.iter_mut().min_by_key(|t| weight(t)) else { return };
        // One that has seen as little but is older is no better than the new one.
        if !place.found {
            *place = Tracker { level, since: self.spectra, seen: 1, bin: bin as u16, ..Tracker::default() };
        }
    }
}

fn has(bits: &[u8; BIT_BYTES], bin: usize) -> bool {
    bits.get(bin / 8).is_some_and(|b| b >> (bin % 8) & 1 == 1)
}

fn take(bits: &mut [u8; BIT_BYTES], bin: usize) {
    if let Some(b) = bits.get_mut(bin / 8) {
        *b &= !(1 << (bin % 8));
    }
}

impl Metric for Tone {
    const SPEC: MetricSpec = MetricSpec {
        id: 19,
        name: "tone",
        revision: 1,
        summary: "Steady tones, combs of lines and hum",
        definition: "Otoscope: spectral lines of constant level that never drop (after minimum statistics, Martin 2001)",
        needs: Needs::SPECTRUM,
        params: ToneConfig::PARAMS,
        fields: ToneOutput::FIELDS,
        kinds: &[LINE, HUM],
    };
    type Config = ToneConfig;
    type Output = ToneOutput;
    type Plan = Plan;

    fn plan(config: &ToneConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let len = stream.rate.samples_in_ms(20).next_power_of_two();
        let bin_hz = f64::from(stream.rate.hz()) / len as f64;
        let hold = (config.hold_s * 50.0).round();
        Ok(Plan {
            rate: stream.rate,
            bin_hz: bin_hz as f32,
            lowest: ((config.lowest_hz / bin_hz).round() as usize).max(1),
            standout: db_power(config.standout_db) as f32,
            least: db_power(config.least_dbfs) as f32,
            hold: hold as u32,
            seen: (config.seen_ratio * hold).round().max(2.0) as u16,
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            trackers: [Tracker::default(); TRACKERS],
            open: None,
            strongest: 0.0,
            strongest_hz: 0.0,
            found: 0,
            spectra: 0,
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let Some(power) = f.spectrum() else { return };
        let mut bits = [0u8; BIT_BYTES];
        let bytes = (power.len() / 8).min(BIT_BYTES);
        let Some((shifted, _)) = bits.split_at_mut_checked(bytes) else { return };
        f.simd().peaks(power, plan.standout, shifted);
        // The kernel counts from bin 4; the lowest four have only higher bins to stand out of.
        let mut carry = 0u8;
        for b in shifted {
            let next = *b >> 4;
            *b = *b << 4 | carry;
            carry = next;
        }
        for k in 1..4 {
            let p = &power[k - 1..k + 5];
            if p[1] > p[0] && p[1] > p[2] && p[1] > 0.5 * plan.standout * (p[4] + p[5]) {
                bits[0] |= 1 << k;
            }
        }
        self.follow(plan, power, &mut bits, out);
        for byte in 0..bytes {
            while bits[byte] != 0 {
                let bin = 8 * byte + bits[byte].trailing_zeros() as usize;
                bits[byte] &= bits[byte] - 1;
                if bin >= plan.lowest {
                    self.begin(plan, power, bin);
                }
            }
        }
        self.spectra = self.spectra.saturating_add(1);
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        // What had just fallen when the stream ended was over.
        let fallen = self.trackers.iter().filter(|t| t.found).map(|t| t.gone).min().unwrap_or(0);
        let until = if fallen == 0 { end.samples } else { plan.middle(self.spectra - u32::from(fallen)) };
        self.close(plan, until, out);
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> ToneOutput {
        const NONE: &str = "no tone was found";
        let found = self.strongest > 0.0;
        let running = self.open.map_or(0, |(_, o)| plan.middle(self.spectra).saturating_sub(o.start));
        ToneOutput {
            strongest_hz: Value::some_or(found.then_some(f64::from(self.strongest_hz)), NONE),
            strongest_dbfs: Value::some_or(found.then(|| power_db(f64::from(self.strongest))), NONE),
            tone_s: Value::Number(plan.rate.seconds(self.found + running)),
        }
    }
}
