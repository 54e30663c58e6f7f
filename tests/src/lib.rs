//! What the tests across crates share: ways to listen to a signal, and a way to say that two reports agree.

pub mod docs;
pub mod scores;
pub mod truth;

use otoscope::spec::{Exactness, Value};
use otoscope::{Config, Finding, FindingLog, Plan, Probe, Push, Report, SPECS, Script, StreamSpec, TextHint};
use otoscope_fixtures::rng::Rng;
use otoscope_fixtures::take::Take;

/// What a probe said about one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The final report.
    pub report: Report,
    /// Its findings, in order of their start.
    pub findings: Vec<Finding>,
}

impl Heard {
    /// The number of a field.
    ///
    /// # Panics
    /// If there is no such field or it has no number.
    #[must_use]
    pub fn number(&self, key: &str) -> f64 {
        match self.report.value(key) {
            Some(Value::Number(x)) => x,
            other => panic!("{key}: {other:?}"),
        }
    }

    /// The findings as `metric.kind`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.findings.iter().map(name).collect()
    }
}

/// A finding as `metric.kind`.
#[must_use]
pub fn name(f: &Finding) -> String {
    otoscope::specs_of(f).map_or_else(String::new, |(m, k)| format!("{}.{}", m.name, k.name))
}

/// A plan with all metrics and their defaults.
///
/// # Panics
/// If the stream is not one a probe accepts.
#[must_use]
pub fn plan(sample_rate_hz: u32, channels: u32) -> Plan {
    Config::new(StreamSpec { sample_rate_hz, channels }).freeze().expect("a stream a probe accepts")
}

/// One piece of input: interleaved samples and what is known of them.
pub type Piece<'a> = (&'a [f32], Push);

/// Pushes the pieces into a probe, drains its findings and finishes it.
///
/// # Panics
/// If a push is refused.
pub fn listen_with<'a>(probe: &mut Probe, pieces: impl IntoIterator<Item = Piece<'a>>) -> Heard {
    let mut log = FindingLog::new();
    for (samples, push) in pieces {
        probe.push_f32(samples, push).expect("whole frames");
        log.drain(probe);
    }
    let report = probe.finish();
    log.drain(probe);
    Heard { report, findings: log.into_sorted() }
}

/// [`listen_with`] a fresh probe.
pub fn listen<'a>(plan: &Plan, pieces: impl IntoIterator<Item = Piece<'a>>) -> Heard {
    listen_with(&mut Probe::new(plan), pieces)
}

/// Listens to a whole signal as one chunk.
#[must_use]
pub fn listen_whole(sample_rate_hz: u32, channels: u32, samples: &[f32]) -> Heard {
    listen(&plan(sample_rate_hz, channels), [(samples, Push::CHUNK)])
}

/// Listens to a take as its server sent it: chunk by chunk with their arrival times, the request at time 0.
#[must_use]
pub fn listen_take(take: &Take) -> Heard {
    listen_take_with(&plan(take.sample_rate_hz, take.channels.into()), take)
}

/// [`listen_take`] with a plan of one's own.
#[must_use]
pub fn listen_take_with(plan: &Plan, take: &Take) -> Heard {
    let request = (&[][..], Push::at(0));
    let chunks = take.pushes().map(|(samples, t)| (samples, t.map_or(Push::CHUNK, Push::at)));
    let mut probe = Probe::new(plan);
    if let Some(text) = take.text {
        let script = Script::from_name(text.script).expect("the name of a script");
        probe.expect_text(TextHint::new(text.chars, script)).expect("a stream that has not ended");
    }
    listen_with(&mut probe, core::iter::once(request).chain(chunks))
}

/// The texts of a folder of speech, by path: the last column of its `details.csv`; recordings of which only the name is
/// known (`prompt ...`) are left out. Empty if there is no such file.
#[must_use]
pub fn texts(folder: &std::path::Path) -> std::collections::BTreeMap<String, TextHint> {
    let table = std::fs::read_to_string(folder.join("details.csv")).unwrap_or_default();
    let row = |line: &str| {
        // Only the text may hold commas and quotes.
        let mut columns = line.splitn(7, ',');
        let (path, text) = (columns.next()?, columns.nth(5)?);
        let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text).replace("\"\"", "\"");
        (!text.starts_with("prompt ")).then(|| (path.to_owned(), TextHint::of(&text)))
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// Cuts each piece at random into calls that say they belong together. Some calls are empty, some hold one sample.
#[must_use]
pub fn recut<'a>(pieces: &[Piece<'a>], channels: usize, rng: &mut Rng) -> Vec<Piece<'a>> {
    let mut out = Vec::new();
    for &(mut samples, push) in pieces {
        let mut push = push;
        loop {
            let frames = samples.len() / channels;
            let take = match rng.below(8) {
                0 => 1,
                1 => rng.below(9),
                2..=5 => rng.below(700),
                _ => rng.below(20_000),
            }
            .clamp(1, frames.max(1));
            if frames == 0 {
                if out.is_empty() || push.t_ns.is_some() && !push.same_chunk {
                    out.push((samples, push));
                }
                break;
            }
            let (head, tail) = samples.split_at(take * channels);
            out.push((head, push));
            if rng.below(10) == 0 {
                // An empty call without a time says nothing.
                out.push((&[], Push::MORE));
            }
            push = push.same_chunk();
            samples = tail;
            if tail.is_empty() {
                break;
            }
        }
    }
    out
}

/// How two reports differ, held to what each field promises; empty if they agree.
#[must_use]
pub fn differences(a: &Report, b: &Report, exact_only: ExactOnly) -> Vec<String> {
    let mut out = Vec::new();
    let mut others = Vec::new();
    b.visit(|_, _, v| others.push(v));
    let mut others = others.into_iter();
    a.visit(|metric, field, x| {
        let y = others.next().expect("the same catalogue");
        let agree = match (x, y) {
            (Value::Number(x), Value::Number(y)) if exact_only == ExactOnly::AllBits => Exactness::Exact.agrees(x, y),
            (Value::Number(x), Value::Number(y)) => field.exactness.agrees(x, y),
            (x, y) => x == y,
        };
        if !agree {
            out.push(format!("{}.{}: {x:?} {y:?}", metric.name, field.name));
        }
    });
    if a.samples != b.samples {
        out.push(format!("samples: {} {}", a.samples, b.samples));
    }
    out
}

/// Whether every field must have the same bits, or each only what it promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExactOnly {
    /// Every field, the same bits.
    AllBits,
    /// `Exact` fields the same bits, others within their tolerance.
    AsPromised,
}

/// The names of all metrics.
pub fn metric_names() -> impl Iterator<Item = &'static str> {
    SPECS.iter().map(|s| s.name)
}

/// Every metric there is, those too that have to be asked for.
#[must_use]
pub fn everything(sample_rate_hz: u32, channels: u32) -> Config {
    let mut config = Config::new(StreamSpec { sample_rate_hz, channels });
    config.only(metric_names()).expect("names from the list");
    config
}

/// Streams that exercise every metric: speech with faults, noise, silence, NaN, full scale; mono and more channels. Each is
/// a rate, a number of channels and pieces with edges and times.
#[must_use]
pub fn gallery() -> Vec<Stream> {
    use otoscope_fixtures::signals;
    let mut rng = Rng::new(4);
    let mut out = Vec::new();
    for (i, (rate, channels)) in
        [(24_000, 1), (22_050, 1), (8_000, 1), (48_000, 2), (11_025, 1), (16_000, 6), (44_100, 1), (192_000, 1)]
            .into_iter()
            .enumerate()
    {
        let mut samples = signals::speech_like(rate, 2.5, i as u64);
        signals::scale(&mut samples, 1.4);
        let n = samples.len();
        // A hole, a step, clipping, bad numbers, a pause, an offset.
        samples[n / 10..n / 10 + rate as usize / 50].fill(0.0);
        samples[n / 5..n / 4].iter_mut().for_each(|v| *v = (*v * 4.0).clamp(-1.0, 1.0));
        samples[n / 4..n / 3].iter_mut().for_each(|v| *v = (*v * 4.0).clamp(-0.5, 0.5));
        samples[n / 3] = f32::NAN;
        samples[n / 3 + 5] = f32::NEG_INFINITY;
        samples[n / 3 + 300] = 1e30;
        samples[n / 3 + 301] = 1e-40;
        samples[2 * n / 5..3 * n / 5].iter_mut().for_each(|v| *v += 0.05);
        samples[3 * n / 4..].iter_mut().for_each(|v| *v *= 1e-6);
        let interleaved: Vec<f32> = samples
            .iter()
            .enumerate()
            .flat_map(|(k, &v)| (0..channels).map(move |c| if c == 1 && k > n / 2 { -v } else { v / (c + 1) as f32 }))
            .collect();
        let mut cuts = Vec::new();
        let (mut at, mut t) = (0, 5_000_000i64);
        while at < n {
            let len = (1 + rng.below(rate as usize / 4)).min(n - at);
            cuts.push((at * channels..(at + len) * channels, t));
            at += len;
            t += len as i64 * 1_000_000_000 / i64::from(rate) + rng.below(80_000_000) as i64 - 20_000_000;
        }
        out.push(Stream { sample_rate_hz: rate, channels: channels as u32, samples: interleaved, chunks: cuts });
    }
    out
}

/// A stream of the gallery.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its rate.
    pub sample_rate_hz: u32,
    /// Its channels.
    pub channels: u32,
    /// Its samples, interleaved.
    pub samples: Vec<f32>,
    /// Its chunks: where each lies in the samples, and when it arrived.
    pub chunks: Vec<(core::ops::Range<usize>, i64)>,
}

impl Stream {
    /// The request, then every chunk with its time.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let chunks = self.chunks.iter().map(|(range, t)| (&self.samples[range.clone()], Push::at(*t)));
        core::iter::once((&[][..], Push::at(0))).chain(chunks).collect()
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of 16-bit codes, little-endian: by these golden tables name their signals.
#[must_use]
pub fn digest_of_codes(codes: &[i16]) -> String {
    use sha2::{Digest, Sha256};
    let bytes: Vec<u8> = codes.iter().flat_map(|v| v.to_le_bytes()).collect();
    Sha256::digest(&bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
}
