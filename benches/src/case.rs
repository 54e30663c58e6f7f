//! A case: what listens, to what, in which pieces. Its name says all of it.

use crate::signal::Signal;
use ebur128::Mode;
use otoscope::{Config, ConfigError, Plan, SPECS, StreamSpec};
use std::fmt;
use std::str::FromStr;

/// A set of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Set {
    /// Everything in the list.
    All,
    /// `loudness` (momentary, short-term, integrated, range) and `true_peak`: what the peer does too.
    LoudnessTruePeak,
    /// One metric by name.
    One(&'static str),
    /// No metric: what taking in the samples costs.
    None,
}

impl Set {
    /// The name used in cases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::LoudnessTruePeak => "loudness+true_peak",
            Self::One(metric) => metric,
            Self::None => "none",
        }
    }

    /// The plan of a mono stream with this set.
    ///
    /// # Errors
    /// A rate the probe does not take.
    pub fn plan(self, rate_hz: u32) -> Result<Plan, ConfigError> {
        let mut config = Config::new(StreamSpec::mono(rate_hz));
        match self {
            Self::All => {}
            Self::LoudnessTruePeak => config.only(["loudness", "true_peak"])?,
            Self::One(metric) => config.only([metric])?,
            Self::None => config.only([])?,
        }
        config.freeze()
    }
}

/// What crate ebur128 is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Integrated loudness and true peak.
    IntegratedTruePeak,
    /// Integrated and short-term loudness, loudness range and true peak.
    AllTruePeak,
}

impl Peer {
    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::IntegratedTruePeak => Mode::I | Mode::TRUE_PEAK,
            Self::AllTruePeak => Mode::I | Mode::S | Mode::LRA | Mode::TRUE_PEAK,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::IntegratedTruePeak => "ebur128:I+TP",
            Self::AllTruePeak => "ebur128:I+S+LRA+TP",
        }
    }
}

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// A probe.
    Probe(Set),
    /// Crate ebur128.
    Peer(Peer),
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe(set) => set.name(),
            Self::Peer(peer) => peer.name(),
        })
    }
}

/// The sample format of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// 16-bit codes.
    I16,
    /// Single precision; the probe looks for NaN in it.
    F32,
}

/// What the caller says with each push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edges {
    /// A chunk with its arrival time, as a server has it: `join` looks at its edge, `continuity` at its time.
    Timed,
    /// A chunk without a time.
    Chunk,
    /// More of the same chunk: no edges and no times, as a file is read.
    More,
}

impl Edges {
    const fn name(self) -> &'static str {
        match self {
            Self::Timed => "timed",
            Self::Chunk => "chunk",
            Self::More => "more",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Case {
    /// Who listens.
    pub listener: Listener,
    /// To what.
    pub signal: Signal,
    /// At which rate, mono.
    pub rate_hz: u32,
    /// In pushes of this length.
    pub push_ms: u32,
    /// In which format.
    pub format: Format,
    /// What is said with each push; the peer cannot be told.
    pub edges: Edges,
}

impl Case {
    /// Speech at 24 kHz in timed 10 ms chunks of 16 bits: what a server does.
    #[must_use]
    pub const fn probe(set: Set) -> Self {
        Self {
            listener: Listener::Probe(set),
            signal: Signal::Speech,
            rate_hz: 24_000,
            push_ms: 10,
            format: Format::I16,
            edges: Edges::Timed,
        }
    }

    /// Speech at 24 kHz in 10 ms calls of single precision.
    #[must_use]
    pub const fn peer(peer: Peer) -> Self {
        let base = Self::probe(Set::None);
        Self { listener: Listener::Peer(peer), format: Format::F32, edges: Edges::More, ..base }
    }

    /// The same with another format.
    #[must_use]
    pub const fn format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// The same in pushes of another length.
    #[must_use]
    pub const fn push_ms(self, push_ms: u32) -> Self {
        Self { push_ms, ..self }
    }

    /// The same with something else said about each push.
    #[must_use]
    pub const fn edges(self, edges: Edges) -> Self {
        Self { edges, ..self }
    }

    /// The same on another signal.
    #[must_use]
    pub const fn on(self, signal: Signal) -> Self {
        Self { signal, ..self }
    }

    /// The same at another rate.
    #[must_use]
    pub const fn rate(self, rate_hz: u32) -> Self {
        Self { rate_hz, ..self }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, signal, rate_hz, push_ms, format, edges } = self;
        let format = match format {
            Format::I16 => "i16",
            Format::F32 => "f32",
        };
        write!(f, "{listener}/{signal}/{rate_hz}hz/{push_ms}ms/{format}/{}", edges.name())
    }
}

/// No case has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCase(String);

impl fmt::Display for UnknownCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no case: wanted listener/signal/RATEhz/PUSHms/i16|f32/timed|chunk|more", self.0)
    }
}

impl std::error::Error for UnknownCase {}

impl FromStr for Case {
    type Err = UnknownCase;

    fn from_str(name: &str) -> Result<Self, UnknownCase> {
        parse(name).ok_or_else(|| UnknownCase(name.to_owned()))
    }
}

fn parse(name: &str) -> Option<Case> {
    let mut parts = name.split('/');
    let mut next = || parts.next();
    let listener = next()?;
    let mut listeners = [Set::All, Set::LoudnessTruePeak, Set::None]
        .into_iter()
        .chain(singles())
        .map(Listener::Probe)
        .chain([Peer::IntegratedTruePeak, Peer::AllTruePeak].map(Listener::Peer));
    let listener = listeners.find(|l| l.to_string() == listener)?;
    let signal = next()?;
    let signal = Signal::ALL.into_iter().find(|s| s.name() == signal)?;
    let rate_hz = next()?.strip_suffix("hz")?.parse().ok()?;
    let push_ms = next()?.strip_suffix("ms")?.parse().ok()?;
    let format = match next()? {
        "i16" => Format::I16,
        "f32" => Format::F32,
        _ => return None,
    };
    let edges = next()?;
    let edges = [Edges::Timed, Edges::Chunk, Edges::More].into_iter().find(|e| e.name() == edges)?;
    next().is_none().then_some(Case { listener, signal, rate_hz, push_ms, format, edges })
}

/// One set for each metric of the list.
fn singles() -> impl Iterator<Item = Set> {
    SPECS.iter().map(|spec| Set::One(spec.name))
}

/// What the figures of the README are made of: the sets, the formats, the push sizes, and the peer.
#[must_use]
pub fn core_cases() -> Vec<Case> {
    let all = Case::probe(Set::All);
    let pair = Case::probe(Set::LoudnessTruePeak);
    vec![
        Case::peer(Peer::IntegratedTruePeak),
        Case::peer(Peer::AllTruePeak),
        Case::peer(Peer::IntegratedTruePeak).on(Signal::Voices),
        Case::peer(Peer::IntegratedTruePeak).rate(48_000),
        pair.format(Format::F32).edges(Edges::More),
        pair,
        pair.format(Format::F32).edges(Edges::More).on(Signal::Voices),
        pair.format(Format::F32).edges(Edges::More).rate(48_000),
        all,
        all.edges(Edges::Chunk),
        all.edges(Edges::More),
        all.format(Format::F32),
        all.push_ms(100),
        all.push_ms(100).format(Format::F32),
        all.on(Signal::Voices),
        all.rate(16_000),
        all.rate(48_000),
        Case::probe(Set::None),
        Case::probe(Set::None).format(Format::F32),
    ]
}

/// Each metric alone.
#[must_use]
pub fn single_cases() -> Vec<Case> {
    singles().map(Case::probe).collect()
}

/// All metrics, and the peer, on signals that leave no way out.
#[must_use]
pub fn worst_cases() -> Vec<Case> {
    let all = Case::probe(Set::All).format(Format::F32);
    let worst = [Signal::Noise, Signal::Silence, Signal::Nan, Signal::Square, Signal::Coarse, Signal::Steps];
    let peer = Case::peer(Peer::IntegratedTruePeak);
    worst
        .into_iter()
        .map(|s| all.on(s))
        .chain([Signal::Noise, Signal::Silence, Signal::Square].map(|s| peer.on(s)))
        .chain([Case::probe(Set::LoudnessTruePeak).format(Format::F32).edges(Edges::More).on(Signal::Noise)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_found_again_by_its_name() {
        let all: Vec<Case> = [core_cases(), single_cases(), worst_cases()].concat();
        for case in &all {
            assert_eq!(case.to_string().parse(), Ok(*case));
            assert_eq!(all.iter().filter(|c| c == &case).count(), 1, "{case} twice");
        }
        for wrong in ["", "all", "all/speech/24000hz/10ms/i16/timed/more", "every/speech/24000hz/10ms/i16/timed"] {
            assert!(wrong.parse::<Case>().is_err(), "{wrong}");
        }
    }
}
