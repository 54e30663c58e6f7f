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
//! that of minimum statistics, Martin 2001). Each candidate is followed by one of 20 trackers. While the power in its three bins is
//! within 3 dB of what it was, it is seen; while it is more, or does not stand out, something covers it, and nothing is
//! concluded; when it falls by 6 dB for 60 ms, it is over. A line that was never over for `hold_s`, and was seen for
//! `seen_ratio` of `hold_s`, is a finding, dated back to where it was first seen. Lines that overlap in time are one finding: a comb
//! is one fault. Harmonics of a voice, even of a flat synthetic one, end with the syllable.
//!
//! Hum of the mains needs more than bins of 47 Hz can tell: each hop is correlated with 50, 60, 100 and 120 Hz, in Hann windows
//! of 0.4 s every 0.2 s. Hum is there for `hum_hold_s` if level (3 dB) and phase (37 degrees) stay in `hum_seen_ratio` of them.
//!
//! ## Reading the value
//! The frequency of the strongest line, good to a few Hz; one of the four for hum. `strongest_dbfs` is the RMS of the line. Below
//! -60 dBFS only headphones show it in pauses; -40 dBFS annoys anybody.
//!
//! ## Limits
//! Tones that are meant (dialling, ring-back, music, a note sung without vibrato) are found too. Below `voice_below_hz` a line may be
//! a voice, so it must last `voice_hold_s`. Tones of less than about 0.6 s are not found, nor lines that sound only while the
//! voice does. Between 120 and 135 Hz nothing is looked for. Hum at 100 and 120 Hz hides beneath a low voice. Lines closer than three bins are one.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::simd::{COMPARED, Simd};
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, db_power, power_db};

params! { ToneConfig {
    standout_db: Db = 12.0 in 3.0 ..= 60.0, "How far a line must stand out of the bins beside it.";
    least_dbfs: Dbfs = -75.0 in -80.0 ..= 0.0, "The RMS of the faintest line looked for.";
    hold_s: Seconds = 0.5 in 0.1 ..= 60.0, "For how long a line must last without a break.";
    seen_ratio: Ratio = 0.6 in 0.1 ..= 1.0, "For how much of hold_s it must be seen, that is stand out at its level.";
    voice_below_hz: Hz = 800.0 in 130.0 ..= 5000.0, "Below this a line may be the fundamental of a voice.";
    voice_hold_s: Seconds = 2.0 in 0.1 ..= 60.0, "For how long such a line must last: longer than a voice stays on one note.";
    hum_least_dbfs: Dbfs = -62.0 in -120.0 ..= 0.0, "The RMS of the faintest hum of the mains: nobody hears fainter hum beside speech.";
    hum_hold_s: Seconds = 2.0 in 0.6 ..= 60.0, "For how long hum of the mains must last.";
    hum_seen_ratio: Ratio = 0.7 in 0.1 ..= 1.0, "In how many of the windows of 0.4 s it must be seen, level and phase steady.";
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
const fn kind_of(hum: bool) -> &'static KindSpec {
    if hum { &HUM } else { &LINE }
}
const LINE: KindSpec = kind(1, "line", "a steady tone of {value} Hz for {duration_ms} ms");
const HUM: KindSpec = kind(2, "hum", "hum of about {value} Hz for {duration_ms} ms");

/// Lines followed at once.
const TRACKERS: usize = 20;
const _: () = assert!(TRACKERS <= COMPARED && TRACKERS < 32);
/// Spectra a line must be gone for before it is over.
const GONE: u8 = 3;
/// Power ratios: 3 dB is the same level, a quarter is gone.
const SAME: f32 = 2.0;
const DROP: f32 = 0.25;
/// Mains frequencies and their doubles (what a rectifier leaves), all whole turns in 100 ms.
const MAINS_HZ: [f64; 4] = [50.0, 60.0, 100.0, 120.0];
/// Below this only the mains are looked for, by correlation; from here on lines in the spectrum.
const LOWEST_HZ: f64 = 135.0;
/// Hops in the Hann window of a correlation, parts in a hop (as many as lanes), and hops after which the mains are where they were.
const WINDOW: usize = 40;
const PARTS: usize = 8;
const CYCLE: usize = 10;
/// Windows (each half overlapping the one before) for which hum must be gone.
const HUM_GONE: u8 = 2;
/// The cosine of how far its phase may have moved between two windows: 37 degrees, half a hertz.
const SAME_PHASE: f32 = 0.8;
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

/// Hum at one of the mains frequencies.
#[derive(Clone, Copy, Default)]
struct Mains {
    /// The two windows that are being filled, as complex numbers, and the last full one.
    sums: [[f32; 2]; 2],
    last: [f32; 2],
    level: f32,
    /// The hop with which the first window that shows it began.
    since: u32,
    seen: u8,
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
    mains: [Mains; MAINS_HZ.len()],
    hops: u32,
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
    hum_least: f32,
    /// Spectra for which a line must last and in which it must be seen: any line, and one that may be a voice.
    hold: [u32; 2],
    seen: [u16; 2],
    voice_below: f32,
    /// Windows for which hum must last.
    hum_windows: u32,
    /// Parts of a hop: how many samples; weight of each hop in the window; turns of each part, cosine and minus sine of each of the mains.
    part: usize,
    window: [f32; WINDOW],
    turns: [[[f32; 2 * MAINS_HZ.len()]; PARTS]; CYCLE],
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
            threshold: if open.hum { MAINS_HZ[0] } else { LOWEST_HZ },
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
    /// What became of the lines; the candidates that are theirs are taken out of `bits`.
    fn follow(&mut self, plan: &Plan, simd: Simd, power: &[f32], bits: &mut [u8; BIT_BYTES], out: &mut Sink<'_>) {
        let (mut was, mut now) = ([0.0f32; COMPARED], [0.0f32; COMPARED]);
        let (mut peaks, mut young, mut leaving) = (0u32, 0u32, 0u32);
        let mut places = [0u16; TRACKERS];
        for (i, t) in self.trackers.iter().enumerate().filter(|(_, t)| t.bin != 0) {
            (was[i], now[i]) = (t.level, level(power, t.bin.into()));
            let (found, place) = take_near(bits, t.bin.into());
            places[i] = place as u16;
            peaks |= u32::from(found) << i;
            young |= u32::from(t.seen < 3) << i;
            leaving |= u32::from(t.gone > 0) << i;
        }
        let [more, less, gone] = simd.compare(&was, &now, SAME, DROP);
        for i in each(leaving & !gone) {
            self.trackers[i].gone = 0;
        }
        // What is young and grew was only half inside the first frame.
        for i in each(peaks & !gone & !less & (!more | young)) {
            let t = &mut self.trackers[i];
            if more >> i & 1 == 1 {
                t.level = now[i];
            }
            t.level += NEW * (now[i] - t.level);
            t.seen = t.seen.saturating_add(1);
            let low = usize::from(f32::from(t.bin) < plan.voice_below);
            if t.found || (self.spectra - t.since >= plan.hold[low] && t.seen >= plan.seen[low]) {
                let hz = plan.frequency(power, places[i].into());
                t.hz = if t.found { t.hz + NEW * (hz - t.hz) } else { hz };
                t.found = true;
                let start = if t.since <= 1 { 0 } else { plan.middle(t.since) };
                let (level, hz) = (t.level, t.hz);
                self.report(plan, start, level, hz, out);
            }
        }
        for i in each(gone) {
            let (t, level) = (&mut self.trackers[i], now[i]);
            if t.gone == 0 {
                t.after = level;
            }
            t.gone += 1;
            if t.gone < GONE {
                continue;
            }
            let ended = self.spectra + 1 - u32::from(GONE);
            let found = t.found;
            // What covered a fainter line is gone: that one was there all the while.
            let seen = peaks >> i & 1 == 1;
            let uncovered = seen && level < t.after * SAME && level * SAME > t.after && level > plan.least;
            *t = if uncovered {
                Tracker { level, since: ended, seen: 1, bin: t.bin, ..Tracker::default() }
            } else {
                Tracker::default()
            };
            if found {
                self.close_unless_others(plan, plan.middle(ended), out);
            }
        }
    }

    /// A line is there: opens the finding, or adds to the one that is open.
    fn report(&mut self, plan: &Plan, start: u64, level: f32, hz: f32, out: &mut Sink<'_>) {
        if level >= self.strongest {
            (self.strongest, self.strongest_hz) = (level, hz);
        }
        if let Some((_, open)) = &mut self.open {
            open.start = open.start.min(start);
            if level >= open.level {
                (open.level, open.hz) = (level, hz);
            }
            return;
        }
        let open = Open { start, level, hz, hum: f64::from(hz) < LOWEST_HZ };
        let event = out.open(kind_of(open.hum), plan.occurrence(&open, plan.rate.hop_start(self.hops.into())));
        self.open = Some((event, open));
    }

    fn close_unless_others(&mut self, plan: &Plan, end: u64, out: &mut Sink<'_>) {
        if !self.trackers.iter().any(|t| t.found) && !self.mains.iter().any(|m| m.found) {
            self.close(plan, end, out);
        }
    }

    fn close(&mut self, plan: &Plan, end: u64, out: &mut Sink<'_>) {
        let Some((event, open)) = self.open.take() else { return };
        let end = end.max(open.start);
        self.found += end - open.start;
        let hum = f64::from(open.hz) < LOWEST_HZ;
        out.close_as(kind_of(open.hum), kind_of(hum), event, plan.occurrence(&open, end));
    }

    /// Correlates the hop with the mains.
    fn hum(&mut self, plan: &Plan, simd: Simd, hop: &[f32], out: &mut Sink<'_>) {
        let n = self.hops as usize;
        self.hops = self.hops.saturating_add(1);
        let places = [n % WINDOW, (n + WINDOW / 2) % WINDOW];
        let weights = places.map(|place| plan.window[place]);
        let products = simd.weigh(&simd.part_sums(hop, plan.part), &plan.turns[n % CYCLE]);
        for (m, c) in self.mains.iter_mut().zip(products.as_chunks::<2>().0) {
            for (sum, w) in m.sums.iter_mut().zip(weights) {
                *sum = [sum[0] + w * c[0], sum[1] + w * c[1]];
            }
        }
        let Some(full) = places.iter().position(|&p| p == WINDOW - 1) else { return };
        let began = (n + 1).saturating_sub(WINDOW) as u32;
        for i in 0..MAINS_HZ.len() {
            let m = &mut self.mains[i];
            let x = core::mem::take(&mut m.sums[full]);
            if n + 1 < WINDOW {
                continue;
            }
            let level = x[0] * x[0] + x[1] * x[1];
            let before = m.last[0] * m.last[0] + m.last[1] * m.last[1];
            let along = x[0] * m.last[0] + x[1] * m.last[1];
            m.last = x;
            let same_phase = along > 0.0 && along * along > SAME_PHASE * SAME_PHASE * level * before;
            if m.seen == 0 || level < m.level * DROP {
                m.gone += 1;
                if m.seen > 0 && m.gone < HUM_GONE {
                    continue;
                }
                let found = m.found;
                (m.level, m.since, m.seen, m.gone, m.found) =
                    (level, began, u8::from(level > plan.hum_least), 0, false);
                if found {
                    self.close_unless_others(plan, plan.rate.hop_start(u64::from(began)), out);
                }
                continue;
            }
            m.gone = 0;
            if level > m.level * SAME && m.seen < 2 {
                (m.level, m.seen) = (level, 1);
            } else if same_phase && level < m.level * SAME && level * SAME > m.level {
                m.level += NEW * (level - m.level);
                m.seen = m.seen.saturating_add(1);
                let windows = (began - m.since) / (WINDOW / 2) as u32 + 1;
                m.found |=
                    windows >= plan.hum_windows && f64::from(m.seen) >= plan.config.hum_seen_ratio * f64::from(windows);
                if m.found {
                    let (start, level) = (plan.rate.hop_start(u64::from(m.since)), m.level);
                    self.report(plan, start, level, MAINS_HZ[i] as f32, out);
                }
            }
        }
    }

    /// Candidates that nobody follows yet take the places of the trackers that have seen least.
    fn begin(&mut self, plan: &Plan, power: &[f32], bits: &[u8; BIT_BYTES]) {
        let mut free: u32 = self.trackers.iter().enumerate().map(|(i, t)| u32::from(t.bin == 0) << i).sum();
        let mut weakest = None;
        for (word, bytes) in bits.as_chunks::<8>().0.iter().enumerate() {
            let mut left = u64::from_le_bytes(*bytes);
            while left != 0 {
                let bin = 64 * word + left.trailing_zeros() as usize;
                left &= left - 1;
                let level = if bin < plan.lowest { 0.0 } else { level(power, bin) };
                if level < plan.least {
                    continue;
                }
                let place = if free != 0 {
                    let first = free.trailing_zeros() as usize;
                    free &= free - 1;
                    first
                } else {
                    // What has just begun has seen least: it stays the weakest.
                    *weakest.get_or_insert_with(|| self.weakest())
                };
                if let Some(t) = self.trackers.get_mut(place).filter(|t| !t.found) {
                    *t = Tracker { level, since: self.spectra, seen: 1, bin: bin as u16, ..Tracker::default() };
                }
            }
        }
    }

    /// The first of those that have seen least and are no finding.
    fn weakest(&self) -> usize {
        let weight = |t: &Tracker| if t.found { u32::MAX } else { u32::from(t.seen) };
        self.trackers.iter().enumerate().min_by_key(|(_, t)| weight(t)).map_or(0, |(i, _)| i)
    }
}

/// The numbers of the bits that are set.
fn each(mut bits: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let first = bits.trailing_zeros() as usize;
        let some = bits != 0;
        bits &= bits.wrapping_sub(1);
        some.then_some(first)
    })
}

/// Whether the bit of one of three neighbouring bins is set, since a line may wander by one; which one; and clears it.
fn take_near(bits: &mut [u8; BIT_BYTES], bin: usize) -> (bool, usize) {
    let first = bin - 1;
    let byte = (first / 8).min(BIT_BYTES - 2);
    let pair = u16::from_le_bytes([bits[byte], bits[byte + 1]]);
    let three = pair >> (first - 8 * byte) & 0b111;
    let lowest = three & three.wrapping_neg();
    let rest = pair & !(lowest << (first - 8 * byte));
    [bits[byte], bits[byte + 1]] = rest.to_le_bytes();
    (three != 0, first + lowest.trailing_zeros() as usize % 16)
}

impl Metric for Tone {
    const SPEC: MetricSpec = MetricSpec {
        id: 19,
        name: "tone",
        revision: 1,
        summary: "Steady tones, combs of lines and hum",
        definition: "Otoscope: spectral lines of constant level that never drop (after minimum statistics, Martin 2001)",
        on: true,
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
        let hold = [config.hold_s, config.voice_hold_s].map(|s| (s * 50.0).round());
        // The sum of each part is taken for its middle, and what that loses of a sine is given back. Scaled so that a sine
        // gives the root of its mean square.
        let hop = stream.rate.hz() as usize / 100;
        let part = hop / PARTS;
        let turns = |hop: usize, hz: f64, part_index: usize| {
            let t = 0.01 * hop as f64 + (part_index * part + part / 2) as f64 / f64::from(stream.rate.hz());
            let half = core::f64::consts::PI * hz * part as f64 / f64::from(stream.rate.hz());
            let (sin, cos) = (core::f64::consts::TAU * hz * t).sin_cos();
            (half / half.sin() * sin, half / half.sin() * cos)
        };
        let scale = core::f64::consts::SQRT_2 / (PARTS * part) as f64 / (WINDOW / 2) as f64;
        Ok(Plan {
            hum_windows: (config.hum_hold_s * 100.0 / (WINDOW / 2) as f64).round() as u32 - 1,
            part,
            window: core::array::from_fn(|h| {
                let angle = core::f64::consts::PI * (h as f64 + 0.5) / WINDOW as f64;
                (scale * angle.sin() * angle.sin()) as f32
            }),
            turns: core::array::from_fn(|h| {
                core::array::from_fn(|p| {
                    core::array::from_fn(|i| {
                        let (sin, cos) = turns(h, MAINS_HZ[i / 2], p);
                        if i % 2 == 0 { cos as f32 } else { -sin as f32 }
                    })
                })
            }),
            rate: stream.rate,
            bin_hz: bin_hz as f32,
            lowest: ((LOWEST_HZ / bin_hz).ceil() as usize).max(1),
            standout: db_power(config.standout_db) as f32,
            least: db_power(config.least_dbfs) as f32,
            hum_least: db_power(config.hum_least_dbfs) as f32,
            hold: hold.map(|n| n as u32),
            seen: hold.map(|n| (config.seen_ratio * n).round().max(2.0) as u16),
            voice_below: (config.voice_below_hz / bin_hz) as f32,
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            trackers: [Tracker::default(); TRACKERS],
            mains: [Mains::default(); MAINS_HZ.len()],
            hops: 0,
            open: None,
            strongest: 0.0,
            strongest_hz: 0.0,
            found: 0,
            spectra: 0,
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        if f.len() >= PARTS * plan.part {
            let window = f.window();
            self.hum(plan, f.simd(), &window[window.len() - f.len()..], out);
        }
        let Some(power) = f.spectrum() else { return };
        let mut bits = [0u8; BIT_BYTES];
        let bytes = (power.len() / 8).min(BIT_BYTES);
        let Some((shifted, _)) = bits.split_at_mut_checked(bytes) else { return };
        f.simd().peaks(power, plan.standout, shifted);
        // The kernel counts from bin 4. Below it there are only the mains.
        let mut carry = 0u8;
        for b in shifted {
            let next = *b >> 4;
            *b = *b << 4 | carry;
            carry = next;
        }
        self.follow(plan, f.simd(), power, &mut bits, out);
        self.begin(plan, power, &bits);
        self.spectra = self.spectra.saturating_add(1);
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        // What had just fallen when the stream ended was over.
        let hum = self.mains.iter().any(|m| m.found && m.gone == 0);
        let lines = self.trackers.iter().filter(|t| t.found).map(|t| t.gone).min();
        let fallen = if hum { 0 } else { lines.unwrap_or(0) };
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
