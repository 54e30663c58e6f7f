//! Validity: is this audio at all, and audio of the format it was declared to be?
//!
//! ## What it measures
//! Whether anything came, whether every sample is a usable number, and whether anything can be heard: NaN, infinity,
//! numbers beyond 240 dB over full scale, denormals, an empty stream, a stream without a single audible hop. And whether
//! the samples are what the caller took them for: floats scaled to 16 bits, a WAV header, mu-law or A-law bytes, bytes in the
//! wrong order, interleaved channels.
//!
//! ## Why it matters for speech
//! A model that overflows in half precision answers with NaN, an empty answer is sent as success, and a vocoder that
//! died sends minutes of zeros. The server's dashboards stay green in all three cases. A format that is taken for another
//! is full-scale noise, or a voice at half its speed, with every byte delivered in time.
//!
//! ## Method
//! The gate at the entrance counts everything that is no usable number and replaces it by 0, so that no other metric
//! sees it. Replaced samples less than `merge_gap_ms` apart are one finding. A hop is audible when the RMS of any
//! channel is above `audible_dbfs`.
//!
//! Formats, each named only after four hops agreed and none between them was ordinary audio. `float_scale`: the peak of a hop is above
//! `float_peak_fs`, and its samples are whole numbers or its RMS is that high too. `wav_header`: the exact values of `RIFF`, `WAVE` and `fmt ` as 16-bit
//! samples, or of `RIFF` and `WAVE` as floats, at any sample. On every eighth audible hop of the first channel: `interleaved`, one minus the correlation within pairs
//! of samples is below `pair_ratio` times the same between pairs, and samples two apart correlate by more than a half. On those of
//! them above `noise_dbfs` (speech hardly gets there, wrong bytes always do) whose samples are whole 16-bit codes: `byte_order`, the low
//! byte taken as a signed number correlates with the next one by more than `byte_correlation_ratio` while whole samples
//! correlate by less than 0.3 (in speech the low byte is noise; where it is smooth, it is the high byte of a stream that was swapped or
//! shifted by one byte); `mu_law`, the bytes correlate as much, each with the next, when they are expanded as mu-law or A-law.
//!
//! ## Reading the value
//! Every count is 0 for sound audio. `denormal_ratio` above a few percent means that a filter upstream decays into
//! denormals, which costs CPU, not quality. A format that was mistaken is one finding, open from where it began
//! (usually sample 0) to where it ended (usually the end): nothing else in the report of such a stream means anything.
//!
//! ## Limits
//! In 16-bit samples a NaN has already become 0 or a rail: there it shows as silence or as clipping. A very quiet but
//! wanted stream is `silent`: lower `audible_dbfs`. Formats take about half a second of sound to be named, in fricatives longer; a
//! stream shorter than that is not judged. Interleaved channels that are not alike are not seen, and a signal in which each sample
//! is sent twice looks like two channels. Bytes of streams with more than one channel are judged by the first. A whole header of another kind
//! (Ogg, MP3) is not known. An odd number of bytes never gets here: samples are whole, so the border (command line, Python, C) must refuse it.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink, Stretch};
use crate::frame::CHANNEL_HISTORY;
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::db_power;

params! { ValidityConfig {
    audible_dbfs: Dbfs = -50.0 in -120.0 ..= 0.0, "A hop whose RMS is above this in any channel can be heard.";
    merge_gap_ms: Ms = 20.0 in 0.0 ..= 10000.0, "Bad samples closer together than this are one finding.";
    float_peak_fs: FullScale = 8.0 in 1.5 ..= 16384.0, "Floats beyond this are not scaled to 1.0.";
    noise_dbfs: Dbfs = -9.0 in -40.0 ..= 0.0, "Hops whose RMS is above this may be bytes of another format.";
    byte_correlation_ratio: Ratio = 0.5 in 0.2 ..= 0.99, "Neighbouring bytes that correlate by more than this are samples.";
    pair_ratio: Ratio = 0.1 in 0.001 ..= 0.5, "How alike the samples of a pair are, against samples of two pairs, in interleaved channels.";
} }

fields! { ValidityOutput {
    1 samples: Samples, Exact, "Samples per channel that were pushed.";
    2 nan_samples: Samples, Exact, "Samples that were not numbers, all channels counted.";
    3 infinite_samples: Samples, Exact, "Samples that were infinite, all channels counted.";
    4 absurd_samples: Samples, Exact, "Finite samples beyond 240 dB over full scale, all channels counted.";
    5 denormal_ratio: Ratio, Exact, "Share of samples between zero and the smallest normal number.";
    6 audible_ratio: Ratio, Exact, "Share of hops that can be heard.";
} }

const NOT_FINITE: KindSpec = KindSpec {
    id: 1,
    name: "not_finite",
    unit: Unit::Samples,
    max_delay_ms: 10,
    message: "{value} samples are NaN, infinite or absurdly large; they were replaced by 0",
};
const EMPTY: KindSpec = KindSpec {
    id: 2,
    name: "empty",
    unit: Unit::Samples,
    max_delay_ms: 0,
    message: "the stream ended with {value} samples: nothing was synthesised",
};
const SILENT: KindSpec = KindSpec {
    id: 3,
    name: "silent",
    unit: Unit::Ratio,
    max_delay_ms: 0,
    message: "nothing in the whole stream can be heard ({value} of its hops are audible)",
};

const FLOAT_SCALE: KindSpec = KindSpec {
    id: 4,
    name: "float_scale",
    unit: Unit::FullScale,
    max_delay_ms: 100,
    message: "the samples reach {value} times full scale: floats scaled to 16 bits were taken for floats scaled to 1.0",
};
const WAV_HEADER: KindSpec = KindSpec {
    id: 5,
    name: "wav_header",
    unit: Unit::Samples,
    max_delay_ms: 20,
    message: "the header of a WAV file stands between the samples ({value} of them, heard as a click)",
};
const MU_LAW: KindSpec = KindSpec {
    id: 6,
    name: "mu_law",
    unit: Unit::Ratio,
    max_delay_ms: 1000,
    message: "mu-law or A-law bytes were taken for 16-bit samples (expanded, they correlate by {value})",
};
const BYTE_ORDER: KindSpec = KindSpec {
    id: 7,
    name: "byte_order",
    unit: Unit::Ratio,
    max_delay_ms: 1000,
    message: "the bytes of the samples are swapped or shifted by one (the low ones correlate by {value}, as high ones do)",
};
const INTERLEAVED: KindSpec = KindSpec {
    id: 8,
    name: "interleaved",
    unit: Unit::Ratio,
    max_delay_ms: 1000,
    message: "two interleaved channels were taken for one (or each sample was sent twice): pairs differ by {value} of what neighbours do",
};

/// State: counters, the stretch of bad samples that is open, and what is suspected of the format.
pub(crate) struct Validity {
    samples: u64,
    nan: u64,
    infinite: u64,
    absurd: u64,
    denormal: u64,
    hops: u64,
    audible: u64,
    bad: Stretch,
    format: Format,
}

pub(crate) struct Plan {
    config: ValidityConfig,
    channels: u64,
    audible: f64,
    noise: f64,
    merge_gap: u64,
}

/// So many hops must agree on a format.
const VOTES: u8 = 4;
/// One in so many audible hops is looked at.
const LOOK: u8 = 8;
/// So many samples of it at most, and at least.
const LOOKED: usize = 128;
const LEAST_LOOKED: usize = 64;
/// What single precision leaves of a correlation of 1.
const ROUNDING: f64 = 1e-5;

/// What a hop says of its format.
#[derive(Clone, Copy, PartialEq)]
enum Vote {
    /// Audio as it should be.
    Ordinary,
    /// Nothing: a fricative, a pause.
    Unknown,
    /// One of [`FORMATS`], and how sure.
    Wrong(u8, f32),
}

/// The kinds of the votes; channels may be interleaved from an even or from an odd sample on.
const FORMATS: [&KindSpec; 5] = [&FLOAT_SCALE, &MU_LAW, &BYTE_ORDER, &INTERLEAVED, &INTERLEAVED];

/// The votes so far.
#[derive(Clone, Copy, Default)]
struct Format {
    /// Where the last ordinary hop ended.
    ordinary_until: u64,
    /// Where the suspicion, or what speaks against it once it is open, began.
    since: u64,
    against: u64,
    value: f32,
    open: Option<EventId>,
    suspect: u8,
    votes: u8,
    tick: u8,
}

impl Format {
    fn occurrence(&self, plan: &Plan, end: u64) -> Occurrence {
        let c = &plan.config;
        let threshold =
            [c.float_peak_fs, c.byte_correlation_ratio, c.byte_correlation_ratio, c.pair_ratio, c.pair_ratio];
        Occurrence {
            start: self.since,
            end,
            severity: Severity::Error,
            value: f64::from(self.value),
            threshold: threshold[usize::from(self.suspect) % FORMATS.len()],
            channel_mask: 0,
        }
    }

    fn kind(&self) -> &'static KindSpec {
        FORMATS[usize::from(self.suspect) % FORMATS.len()]
    }

    fn count(&mut self, plan: &Plan, vote: Vote, f: &FrameView<'_>, out: &mut Sink<'_>) {
        match (vote, self.open) {
            (Vote::Wrong(kind, value), None) => {
                if self.votes == 0 || kind != self.suspect {
                    // What came before and was not ordinary belongs to it: pauses, fricatives.
                    (self.suspect, self.votes, self.value, self.since) = (kind, 0, value, self.ordinary_until);
                }
                self.votes += 1;
                self.value = if kind >= 3 { self.value.min(value) } else { self.value.max(value) };
                if self.votes == VOTES {
                    self.votes = 0;
                    self.open = Some(out.open(self.kind(), self.occurrence(plan, f.end())));
                }
            }
            (Vote::Wrong(..), Some(_)) => self.votes = 0,
            (Vote::Ordinary, None) => (self.votes, self.ordinary_until) = (0, f.end()),
            (Vote::Ordinary, Some(event)) => {
                if self.votes == 0 {
                    self.against = f.start();
                }
                self.votes += 1;
                if self.votes == VOTES {
                    out.close(self.kind(), event, self.occurrence(plan, self.against));
                    *self = Self { ordinary_until: f.end(), tick: self.tick, ..Self::default() };
                }
            }
            (Vote::Unknown, _) => {}
        }
    }

    fn finish(&mut self, plan: &Plan, end: u64, out: &mut Sink<'_>) {
        if let Some(event) = self.open.take() {
            out.close(self.kind(), event, self.occurrence(plan, end));
        }
    }
}

impl Plan {
    /// A hop beyond `float_peak_fs`.
    fn judge_scale(&self, x: &[f32], peak: f32, mean_square: f64) -> Vote {
        let least = self.config.float_peak_fs;
        let is_16_bit = peak <= 65_536.0 && (x.iter().all(|v| v.fract() == 0.0) || mean_square > least * least);
        if is_16_bit { Vote::Wrong(0, peak) } else { Vote::Unknown }
    }

    /// An audible hop that begins at sample `first` (or an even number of samples later). While a format is suspected, quieter hops are asked for their bytes too.
    fn judge(&self, x: &[f32], first: u64, peak: f32, mean: f64, mean_square: f64, suspected: bool) -> Vote {
        let n = (x.len().saturating_sub(2) & !7).min(LOOKED);
        if n < LEAST_LOOKED || peak > 1.0 {
            return Vote::Unknown;
        }
        let x = &x[..n + 2];
        // Lanes of one parity, so that the sums within pairs and between pairs stay apart.
        let (mut energy, mut next, mut second) = ([0.0f32; 8], [0.0f32; 8], [0.0f32; 8]);
        for v in x.windows(10).step_by(8) {
            for l in 0..8 {
                energy[l] += v[l] * v[l];
                next[l] += v[l] * v[l + 1];
                second[l] += v[l] * v[l + 2];
            }
        }
        let parity = |a: &[f32; 8], p: usize| a.iter().skip(p).step_by(2).map(|&v| f64::from(v)).sum::<f64>();
        let all = |a: &[f32; 8]| parity(a, 0) + parity(a, 1);
        let total = all(&energy);
        if total <= 0.0 {
            return Vote::Unknown;
        }
        let lag_1 = all(&next) / total;
        if suspected || (mean_square > self.noise && lag_1 < 0.85) {
            let vote = self.judge_bytes(&x[..n], lag_1);
            if vote != Vote::Unknown || mean_square > self.noise {
                return vote;
            }
        }
        // One minus the correlation within pairs that begin at an even or an odd sample. Of channels that differ in level or
        // polarity alone it is 0 as well.
        let square = |i: usize| f64::from(x[i]) * f64::from(x[i]);
        let (evens, odds) = (parity(&energy, 0), parity(&energy, 1));
        let apart = |p: usize, a: f64, b: f64| (1.0 - parity(&next, p).abs() / (a * b).sqrt()).max(0.0);
        let (even, odd) = (apart(0, evens, odds), apart(1, odds, evens - square(0) + square(n)));
        let least = even.min(odd) / even.max(odd).max(ROUNDING);
        if least < self.config.pair_ratio && even.max(odd) > 10.0 * ROUNDING && all(&second) > 0.5 * total {
            // A square wave has pairs too; what is wanted changes from each pair to the next.
            let start = usize::from(odd < even);
            let floor = 1e-3 * peak;
            let changes = (start + 1..n).step_by(2).filter(|&i| (x[i + 1] - x[i]).abs() > floor).count();
            if changes > n / 4 {
                return Vote::Wrong(3 + ((first + start as u64) % 2) as u8, least as f32);
            }
        }
        let is_centred = mean * mean < 0.5 * mean_square;
        if lag_1 > 0.5 && least > 0.25 && is_centred && has_low_bytes(x) { Vote::Ordinary } else { Vote::Unknown }
    }

    /// A hop as loud as wrong bytes are.
    fn judge_bytes(&self, x: &[f32], lag_1: f64) -> Vote {
        let mut codes = [[0u8; 2]; LOOKED];
        let codes = &mut codes[..x.len().min(LOOKED)];
        for (code, v) in codes.iter_mut().zip(x) {
            let v = v * 32768.0;
            if v.fract() != 0.0 || !(-32768.0..=32767.0).contains(&v) {
                return Vote::Unknown;
            }
            *code = (v as i16).to_le_bytes();
        }
        let least = self.config.byte_correlation_ratio;
        let smooth = correlation(codes.windows(2).map(|w| (w[0][0] as i8, w[1][0] as i8)));
        if smooth > least && lag_1 < 0.3 {
            return Vote::Wrong(2, smooth as f32);
        }
        for law in [mu_law, a_law] {
            let within = correlation(codes.iter().map(|c| (law(c[0]), law(c[1]))));
            let between = correlation(codes.windows(2).map(|w| (law(w[0][1]), law(w[1][0]))));
            if within.min(between) > least {
                return Vote::Wrong(1, within.min(between) as f32);
            }
        }
        Vote::Unknown
    }
}

/// Whether the low bytes of 16-bit samples differ as they do in audio above the last bits; true for other samples.
fn has_low_bytes(x: &[f32]) -> bool {
    let low = x.iter().step_by(4).map(|v| v * 32768.0).map(|v| (v.fract() == 0.0).then_some(v as i32 as i8));
    let (mut n, mut sum, mut square) = (0, 0, 0);
    for v in low {
        let Some(v) = v else { return true };
        n += 1;
        sum += i32::from(v);
        square += i32::from(v) * i32::from(v);
    }
    // A uniform byte has a variance of 5461.
    n * square - sum * sum > 1000 * n * n
}

/// The companded value of a mu-law byte (G.711): all bits inverted, sign and magnitude.
fn mu_law(byte: u8) -> i8 {
    let magnitude = (!byte & 0x7f) as i8;
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// The companded value of an A-law byte (G.711): even bits inverted, sign and magnitude.
fn a_law(byte: u8) -> i8 {
    let magnitude = ((byte ^ 0x55) & 0x7f) as i8;
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// Pearson's correlation; 0 if one side does not vary.
fn correlation(pairs: impl Iterator<Item = (i8, i8)>) -> f64 {
    let (mut n, mut sum, mut square, mut cross) = (0i64, [0i64; 2], [0i64; 2], 0i64);
    for (a, b) in pairs {
        let (a, b) = (i64::from(a), i64::from(b));
        n += 1;
        sum = [sum[0] + a, sum[1] + b];
        square = [square[0] + a * a, square[1] + b * b];
        cross += a * b;
    }
    let variance = (n * square[0] - sum[0] * sum[0]) as f64 * (n * square[1] - sum[1] * sum[1]) as f64;
    if variance > 0.0 { (n * cross - sum[0] * sum[1]) as f64 / variance.sqrt() } else { 0.0 }
}

/// `RIFF`, `WAVE` and the first half of `fmt ` as 16-bit samples: how many samples before the last, and the code.
const TAG: [(usize, i16); 5] = [(6, 0x4952), (5, 0x4646), (2, 0x4157), (1, 0x4556), (0, 0x6d66)];
const _: () = assert!(TAG[0].0 <= CHANNEL_HISTORY);
/// The same as floats: `RIFF` and `WAVE`.
const FLOAT_TAG: [(usize, u32); 2] = [(2, 0x4646_4952), (0, 0x4556_4157)];
/// The highest sample of a header is at least this.
const LEAST_OF_HEADER: f32 = TAG[4].1 as f32 / 32768.0;
/// Bytes of the shortest header.
const HEADER_BYTES: u64 = 44;

/// Headers that end in this hop, by their last tag. In several channels they lie across them.
fn find_headers(f: &FrameView<'_>, out: &mut Sink<'_>) {
    let channels = f.channels().len();
    let look_back = TAG[0].0;
    let code = |code: i16| f32::from(code) / 32768.0;
    for (c, stats) in f.channels().iter().enumerate() {
        let x = f.channel(c, look_back);
        // The sample `back` interleaved samples before sample `i` of channel `c`.
        let before = |i: usize, back: usize| {
            let at = (look_back + i) * channels + c - back;
            f.channel(at % channels, look_back)[at / channels]
        };
        let mut found = |i: usize, back: usize, bytes: u64| {
            let at = (f.start() + i as u64) * channels as u64 + c as u64;
            let Some(start) = at.checked_sub(back as u64) else { return };
            let samples = HEADER_BYTES / bytes;
            let first = start / channels as u64;
            out.point(
                &WAV_HEADER,
                Occurrence {
                    start: first,
                    end: first + samples.div_ceil(channels as u64),
                    severity: Severity::Error,
                    value: samples as f64,
                    threshold: 0.0,
                    channel_mask: 0,
                },
            );
        };
        if stats.max >= code(TAG[4].1) {
            for i in 0..f.len() {
                if x[look_back + i] == code(TAG[4].1) && TAG.iter().all(|&(back, v)| before(i, back) == code(v)) {
                    found(i, TAG[0].0, 2);
                }
            }
        }
        if stats.max >= f32::from_bits(FLOAT_TAG[1].1) {
            for i in 0..f.len() {
                if FLOAT_TAG.iter().all(|&(back, v)| before(i, back).to_bits() == v) {
                    found(i, FLOAT_TAG[0].0, 4);
                }
            }
        }
    }
}

impl Metric for Validity {
    const SPEC: MetricSpec = MetricSpec {
        id: 1,
        name: "validity",
        revision: 2,
        summary: "Whether anything came, is a number, can be heard and has the format it was said to have",
        definition: "Otoscope: finite test by exponent, RMS per 10 ms; formats by correlation of samples and bytes (G.711 laws)",
        on: true,
        needs: Needs::NONE,
        params: ValidityConfig::PARAMS,
        fields: ValidityOutput::FIELDS,
        kinds: &[NOT_FINITE, EMPTY, SILENT, FLOAT_SCALE, WAV_HEADER, MU_LAW, BYTE_ORDER, INTERLEAVED],
    };
    type Config = ValidityConfig;
    type Output = ValidityOutput;
    type Plan = Plan;

    fn plan(config: &ValidityConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan {
            config: config.clone(),
            channels: stream.channels as u64,
            audible: db_power(config.audible_dbfs),
            noise: db_power(config.noise_dbfs),
            merge_gap: stream.rate.samples_in_ms(config.merge_gap_ms as u32) as u64,
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            samples: 0,
            nan: 0,
            infinite: 0,
            absurd: 0,
            denormal: 0,
            hops: 0,
            audible: 0,
            bad: Stretch::default(),
            format: Format::default(),
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        self.samples += f.len() as u64;
        self.hops += 1;
        let least = plan.audible * f.len() as f64;
        let is_audible = f.channels().iter().any(|s| s.energy > least);
        self.audible += u64::from(is_audible);
        let gate = f.gate();
        self.denormal += u64::from(gate.denormal);
        if let (Some(first), Some(last)) = (gate.first_bad, gate.last_bad) {
            self.nan += u64::from(gate.nan);
            self.infinite += u64::from(gate.infinite);
            self.absurd += u64::from(gate.absurd);
            let piece = Occurrence {
                start: f.start() + u64::from(first),
                end: f.start() + u64::from(last) + 1,
                severity: Severity::Error,
                value: f64::from(gate.nan + gate.infinite + gate.absurd),
                threshold: 0.0,
                channel_mask: 0,
            };
            self.bad.add(&NOT_FINITE, piece, plan.merge_gap, |a, b| a + b, out);
        } else {
            self.bad.expire(&NOT_FINITE, f.end(), plan.merge_gap, out);
        }
        if f.channels().iter().any(|s| s.max >= LEAST_OF_HEADER) {
            find_headers(f, out);
        }
        let Some(first) = f.channels().first().filter(|_| is_audible) else { return };
        let mean_square = first.energy / f.len() as f64;
        if f64::from(first.peak()) > plan.config.float_peak_fs {
            let vote = plan.judge_scale(f.channel(0, 0), first.peak(), mean_square);
            self.format.count(plan, vote, f, out);
            return;
        }
        self.format.tick += 1;
        if self.format.tick >= LOOK {
            self.format.tick = 0;
            let suspected = self.format.votes > 0 || self.format.open.is_some();
            let x = f.channel(0, CHANNEL_HISTORY);
            let mean = first.sum / f.len() as f64;
            let vote = plan.judge(x, f.start(), first.peak(), mean, mean_square, suspected);
            self.format.count(plan, vote, f, out);
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        self.bad.finish(&NOT_FINITE, out);
        self.format.finish(plan, end.samples, out);
        let whole = Occurrence {
            start: 0,
            end: end.samples,
            severity: Severity::Error,
            value: 0.0,
            threshold: 0.0,
            channel_mask: 0,
        };
        if end.samples == 0 {
            out.point(&EMPTY, whole);
        } else if self.audible == 0 {
            out.point(&SILENT, whole);
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> ValidityOutput {
        let share = |part: u64, all: u64| {
            if all == 0 { Value::Undefined("no samples") } else { Value::Number(part as f64 / all as f64) }
        };
        ValidityOutput {
            samples: Value::count(self.samples),
            nan_samples: Value::count(self.nan),
            infinite_samples: Value::count(self.infinite),
            absurd_samples: Value::count(self.absurd),
            denormal_ratio: share(self.denormal, self.samples * plan.channels),
            audible_ratio: share(self.audible, self.hops),
        }
    }
}
