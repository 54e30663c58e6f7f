//! The live metrics: one file each, and one line each in the list at the end of this file.
//!
//! A metric sees fixed hops of 10 ms and the facts of its hop, never another metric. Its `SPEC` is all that the rest of
//! the library knows of it.

use crate::error::ConfigError;
use crate::features::{Event, FrameView, PacketFacts};
use crate::finding::{Record, Sink};
use crate::simd::{prefetch, prefetch_part};
use crate::spec::{FieldSpec, Fields, MetricSpec, Needs, ParamValue, Params, Value};
use crate::units::SampleRate;

/// What a stream is, as the metrics' plans need it: already checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamShape {
    pub rate: SampleRate,
    pub channels: usize,
}

/// A live metric. Sealed: the list below is the only place that implements it for users.
pub(crate) trait Metric: Sized {
    /// What the metric says about itself.
    const SPEC: MetricSpec;
    /// Its parameters.
    type Config: Params;
    /// Its report.
    type Output: Fields;
    /// Tables for one rate and configuration, shared by all probes.
    type Plan: Send + Sync;

    /// Makes the plan: the only place that may fail or allocate.
    fn plan(config: &Self::Config, stream: &StreamShape) -> Result<Self::Plan, ConfigError>;

    /// How many `f32`s of state depend on the rate or the channels; they come as `mem`, zeroed at the start of a stream and aligned to
    /// eight bytes, so that `bytemuck` can view them as what they hold.
    fn slab(_plan: &Self::Plan) -> usize {
        0
    }

    /// The state at the start of a stream.
    fn new(plan: &Self::Plan) -> Self;

    /// The caller said something; the samples it refers to have not been seen yet.
    fn event(&mut self, _plan: &Self::Plan, _event: &Event, _out: &mut Sink<'_>) {}

    /// One hop.
    fn update(&mut self, plan: &Self::Plan, mem: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>);

    /// The stream ended after `end` samples. A snapshot skips this.
    fn finish(&mut self, _plan: &Self::Plan, _mem: &mut [f32], _end: &End<'_>, _out: &mut Sink<'_>) {}

    /// The values so far.
    fn output(&self, plan: &Self::Plan, mem: &[f32]) -> Self::Output;
}

/// What is known when a stream ends.
pub(crate) struct End<'a> {
    /// Samples per channel in all.
    pub samples: u64,
    /// The final true peak of each channel; needs `TRUE_PEAK`.
    pub true_peak: &'a [f32],
    /// The packets that were still waited for; needs `PACKETS`.
    pub packets: Option<PacketFacts>,
    /// The newest samples of the downmix; what `HISTORY` or `SPECTRUM` keep.
    pub tail: &'a [f32],
}

/// Declares a metric's parameters once: the struct, its defaults and its part of the spec.
///
/// `name: Unit = default in min..=max, "doc";` for a number, `name: Choice = "first" of ["first", "other"], "doc";` for
/// a word.
macro_rules! params {
    (@type Choice) => { &'static str };
    (@type $unit:ident) => { f64 };
    (@domain $default:literal in $min:literal, $max:literal) => {
        $crate::spec::Domain::Number { default: $default, min: $min, max: $max }
    };
    (@domain $default:literal of $($choice:literal),+) => { $crate::spec::Domain::Choice(&[$($choice),+]) };
    ($config:ident {
        $($name:ident : $unit:ident = $default:literal $(in $min:literal ..= $max:literal)? $(of [$($choice:literal),+])?,
          $doc:literal;)*
    }) => {
        #[doc = concat!("The parameters of `", module_path!(), "`.")]
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $config { $(#[doc = $doc] pub $name: params!(@type $unit),)* }
        impl Default for $config {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }
        impl $crate::spec::Params for $config {
            const PARAMS: &'static [$crate::spec::ParamSpec] = &[$($crate::spec::ParamSpec {
                name: stringify!($name),
                unit: $crate::spec::Unit::$unit,
                domain: params!(@domain $default $(in $min, $max)? $(of $($choice),+)?),
                doc: $doc,
            },)*];
            fn get(&self, index: usize) -> $crate::spec::ParamValue {
                let values: &[$crate::spec::ParamValue] = &[$($crate::spec::ParamType::read(&self.$name),)*];
                values[index]
            }
            fn set(&mut self, index: usize, value: $crate::spec::ParamValue) {
                let slots: &mut [&mut dyn $crate::spec::ParamType] = &mut [$(&mut self.$name,)*];
                slots[index].write(value);
            }
        }
    };
}

/// The list. Everything that goes over all metrics is made here and nowhere else.
macro_rules! register {
    ($($name:ident: $path:literal { $metric:ident, $config:ident, $output:ident };)*) => {
        $(
            #[path = $path]
            pub(crate) mod $name;
            pub use $name::{$config, $output};
        )*

        #[allow(non_camel_case_types, reason = "the names of the list, as indices")]
        enum Index { $($name,)* }

        /// The specs of all metrics, in the order of the list.
        pub const SPECS: &[&MetricSpec] = &[$(&<$name::$metric as Metric>::SPEC,)*];
        /// How many metrics there are.
        pub(crate) const METRICS: usize = SPECS.len();

        const _: () = { $(assert!(same(stringify!($name), <$name::$metric as Metric>::SPEC.name),
            "a metric's name in the list must be the name in its spec");)* };

        /// The parameters of all metrics.
        #[derive(Debug, Clone, PartialEq, Default)]
        #[non_exhaustive]
        pub struct MetricsConfig {
            $(#[doc = concat!("Parameters of `", stringify!($name), "`.")] pub $name: $config,)*
        }

        impl MetricsConfig {
            pub(crate) fn get(&self, metric: usize, param: usize) -> ParamValue {
                let all: [&dyn Fn(usize) -> ParamValue; METRICS] = [$(&|i| Params::get(&self.$name, i),)*];
                all[metric](param)
            }
            pub(crate) fn set(&mut self, metric: usize, param: usize, value: ParamValue) {
                $(if metric == Index::$name as usize { Params::set(&mut self.$name, param, value); })*
            }
        }

        /// The report of every metric; `None` where it was switched off.
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[non_exhaustive]
        pub struct Outputs {
            $(#[doc = concat!("Report of `", stringify!($name), "`.")] pub $name: Option<$output>,)*
        }

        impl Outputs {
            /// Walks over every field of every metric, in catalogue order.
            pub fn visit(&self, mut f: impl FnMut(&'static MetricSpec, &'static FieldSpec, Value)) {
                $({
                    let spec = SPECS[Index::$name as usize];
                    for (i, field) in spec.fields.iter().enumerate() {
                        f(spec, field, self.$name.as_ref().map_or(Value::NotComputed(OFF), |o| Fields::get(o, i)));
                    }
                })*
            }
        }

        /// A metric's plan, and where its part of the slab lies.
        struct Planned<P> {
            plan: P,
            start: usize,
            end: usize,
        }

        /// The plans of the metrics that are on.
        pub(crate) struct Plans {
            $($name: Option<Planned<<$name::$metric as Metric>::Plan>>,)*
            /// What each metric that is on has in the slab, and whether it is touched only with the spectrum.
            spans: [Option<(usize, usize, bool)>; METRICS],
            slab: usize,
            needs: Needs,
        }

        impl Plans {
            pub(crate) fn new(
                config: &MetricsConfig,
                enabled: &[bool; METRICS],
                stream: &StreamShape,
            ) -> Result<Self, ConfigError> {
                let mut plans = Self { $($name: None,)* spans: [None; METRICS], slab: 0, needs: Needs::NONE };
                $(if enabled[Index::$name as usize] {
                    let plan = <$name::$metric as Metric>::plan(&config.$name, stream)?;
                    let start = plans.slab.next_multiple_of(2);
                    plans.slab = start + <$name::$metric as Metric>::slab(&plan);
                    plans.needs = plans.needs.and(<$name::$metric as Metric>::SPEC.needs);
                    let rare = <$name::$metric as Metric>::SPEC.needs.has(Needs::SPECTRUM);
                    plans.spans[Index::$name as usize] = Some((start, plans.slab, rare));
                    plans.$name = Some(Planned { plan, start, end: plans.slab });
                })*
                Ok(plans)
            }

            pub(crate) fn slab(&self) -> usize {
                self.slab
            }

            pub(crate) fn needs(&self) -> Needs {
                self.needs
            }
        }

        /// The state of every metric that is on, in the order in which they are updated.
        #[repr(C)]
        pub(crate) struct States { $($name: Option<$name::$metric>,)* }

        impl States {
            /// Asks for what a metric will touch in hop `index`.
            fn prefetch(&self, plans: &Plans, slab: &[f32], metric: usize, index: u64) {
                const PLACES: [(usize, usize); METRICS] =
                    [$((core::mem::offset_of!(States, $name), size_of::<Option<$name::$metric>>()),)*];
                let (Some(&(at, len)), Some(&Some((start, end, rare)))) = (PLACES.get(metric), plans.spans.get(metric))
                else {
                    return;
                };
                if len <= HISTOGRAMS {
                    prefetch_part(self, at, len);
                }
                if start < end && (!rare || index % 2 == 1) {
                    prefetch(&slab[start..end]);
                }
            }

            /// Asks for what the next push of this probe touches before its first metric: what listens to events.
            pub(crate) fn prefetch_first(&self, plans: &Plans, slab: &[f32], index: u64) {
                let events = [Index::continuity, Index::join, Index::level_jump].map(|i| i as usize);
                for metric in events.into_iter().chain(0..AHEAD) {
                    self.prefetch(plans, slab, metric, index);
                }
            }

            pub(crate) fn new(plans: &Plans) -> Self {
                Self { $($name: plans.$name.as_ref().map(|p| Metric::new(&p.plan)),)* }
            }

            pub(crate) fn event(&mut self, plans: &Plans, event: &Event, ledger: &mut dyn Record) {
                $(if let (Some(m), Some(p)) = (&mut self.$name, &plans.$name) {
                    m.event(&p.plan, event, &mut sink(ledger, Index::$name as usize));
                })*
            }

            /// `next` is the probe whose turn comes after this one's, with its plans, its slab and the number of its hop.
            pub(crate) fn update(
                &mut self,
                plans: &Plans,
                slab: &mut [f32],
                f: &FrameView<'_>,
                ledger: &mut dyn Record,
                next: Option<(&Plans, &Self, &[f32], u64)>,
            ) {
                // What is used soon is asked for a little at a time: memory answers few questions at once.
                $(match next {
                    Some((plans, next, slab, index)) => next.prefetch(plans, slab, Index::$name as usize, index),
                    None => self.prefetch(plans, slab, Index::$name as usize + AHEAD, f.index()),
                }
                if let (Some(m), Some(p)) = (&mut self.$name, &plans.$name) {
                    m.update(&p.plan, &mut slab[p.start..p.end], f, &mut sink(ledger, Index::$name as usize));
                })*
            }

            pub(crate) fn finish(&mut self, plans: &Plans, slab: &mut [f32], end: &End<'_>, ledger: &mut dyn Record) {
                $(if let (Some(m), Some(p)) = (&mut self.$name, &plans.$name) {
                    m.finish(&p.plan, &mut slab[p.start..p.end], end, &mut sink(ledger, Index::$name as usize));
                })*
            }

            pub(crate) fn outputs(&self, plans: &Plans, slab: &[f32]) -> Outputs {
                Outputs {
                    $($name: match (&self.$name, &plans.$name) {
                        (Some(m), Some(p)) => Some(m.output(&p.plan, &slab[p.start..p.end])),
                        _ => None,
                    },)*
                }
            }
        }
    };
}

/// So many metrics before its turn, the memory of one is asked for.
const AHEAD: usize = 7;
/// A state longer than this is mostly histograms, of which a hop touches a line or two.
const HISTOGRAMS: usize = 1024;

/// Why the fields of a metric that was switched off have no value.
const OFF: &str = "the metric is switched off";

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// Kinds of finding of all metrics together.
pub(crate) const KINDS: usize = first_kind(METRICS);

/// Where the kinds of metric `index` begin when the kinds of all metrics are put in one row.
pub(crate) const fn first_kind(index: usize) -> usize {
    let (mut i, mut sum) = (0, 0);
    while i < index {
        sum += SPECS[i].kinds.len();
        i += 1;
    }
    sum
}

fn sink(ledger: &mut dyn Record, index: usize) -> Sink<'_> {
    const FIRST: [usize; METRICS] = {
        let mut first = [0; METRICS];
        let mut i = 0;
        while i < METRICS {
            first[i] = first_kind(i);
            i += 1;
        }
        first
    };
    Sink::new(ledger, SPECS[index].id, FIRST[index])
}

/// The spec of a metric by id.
#[must_use]
pub fn spec_by_id(id: u16) -> Option<&'static MetricSpec> {
    SPECS.iter().copied().find(|s| s.id == id)
}

register! {
    validity: "artifact/validity.rs" { Validity, ValidityConfig, ValidityOutput };
    level: "level/level.rs" { Level, LevelConfig, LevelOutput };
    dc_offset: "level/dc_offset.rs" { DcOffset, DcOffsetConfig, DcOffsetOutput };
    loudness: "level/loudness.rs" { Loudness, LoudnessConfig, LoudnessOutput };
    speech_level: "level/speech_level.rs" { SpeechLevel, SpeechLevelConfig, SpeechLevelOutput };
    true_peak: "level/true_peak.rs" { TruePeak, TruePeakConfig, TruePeakOutput };
    clipping: "artifact/clipping.rs" { Clipping, ClippingConfig, ClippingOutput };
    join: "artifact/join.rs" { Join, JoinConfig, JoinOutput };
    repetition: "artifact/repetition.rs" { Repetition, RepetitionConfig, RepetitionOutput };
    wrap: "artifact/wrap.rs" { Wrap, WrapConfig, WrapOutput };
    click: "artifact/click.rs" { Click, ClickConfig, ClickOutput };
    dropout: "artifact/dropout.rs" { Dropout, DropoutConfig, DropoutOutput };
    duplicate: "artifact/duplicate.rs" { Duplicate, DuplicateConfig, DuplicateOutput };
    silence: "timing/silence.rs" { Silence, SilenceConfig, SilenceOutput };
    noise: "noise/noise.rs" { Noise, NoiseConfig, NoiseOutput };
    timbre: "voice/timbre.rs" { Timbre, TimbreConfig, TimbreOutput };
    mos: "voice/mos.rs" { Mos, MosConfig, MosOutput };
    pitch: "voice/pitch.rs" { Pitch, PitchConfig, PitchOutput };
    continuity: "timing/continuity.rs" { Continuity, ContinuityConfig, ContinuityOutput };
    rtp: "network/rtp.rs" { Rtp, RtpConfig, RtpOutput };
    e_model: "network/e_model.rs" { EModel, EModelConfig, EModelOutput };
    bandwidth: "spectral/bandwidth.rs" { Bandwidth, BandwidthConfig, BandwidthOutput };
    tone: "noise/tone.rs" { Tone, ToneConfig, ToneOutput };
    length: "timing/length.rs" { Length, LengthConfig, LengthOutput };
    ending: "timing/ending.rs" { Ending, EndingConfig, EndingOutput };
    level_jump: "level/level_jump.rs" { LevelJump, LevelJumpConfig, LevelJumpOutput };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Domain, Unit};

    #[test]
    fn ids_and_names_are_unique_and_kinds_are_numbered_from_one() {
        for (i, spec) in SPECS.iter().enumerate() {
            for other in &SPECS[i + 1..] {
                assert!(spec.id != other.id && spec.name != other.name, "{} {}", spec.name, other.name);
            }
            for (k, kind) in spec.kinds.iter().enumerate() {
                assert_eq!(usize::from(kind.id), k + 1, "{}.{}", spec.name, kind.name);
            }
            for (k, field) in spec.fields.iter().enumerate() {
                assert!(
                    spec.fields[k + 1..].iter().all(|f| f.id != field.id && f.name != field.name),
                    "{}",
                    field.name
                );
            }
        }
    }

    #[test]
    fn public_numbers_carry_their_unit_in_their_name() {
        for spec in SPECS {
            let names =
                spec.fields.iter().map(|f| (f.name, f.unit)).chain(spec.params.iter().map(|p| (p.name, p.unit)));
            for (name, unit) in names {
                if let Some(suffix) = unit.suffix() {
                    assert!(
                        name.ends_with(suffix) || name == &suffix[1..],
                        "{}.{name} must end in {suffix}",
                        spec.name
                    );
                }
            }
        }
    }

    #[test]
    fn every_default_is_inside_its_range_and_can_be_read_back() {
        let config = MetricsConfig::default();
        for (m, spec) in SPECS.iter().enumerate() {
            for (p, param) in spec.params.iter().enumerate() {
                match (param.domain, config.get(m, p)) {
                    (Domain::Number { default, min, max }, ParamValue::Number(x)) => {
                        assert!(x == default && (min..=max).contains(&x), "{}.{}", spec.name, param.name);
                        assert_ne!(param.unit, Unit::Choice);
                    }
                    (Domain::Choice(words), ParamValue::Choice(word)) => assert_eq!(word, words[0], "{}", param.name),
                    other => panic!("{}.{}: {other:?}", spec.name, param.name),
                }
            }
        }
    }

    #[test]
    fn texts_are_there() {
        for spec in SPECS {
            assert!(!spec.summary.is_empty() && !spec.definition.is_empty(), "{}", spec.name);
            assert!(spec.fields.iter().all(|f| f.doc.ends_with('.')), "{}", spec.name);
            assert!(spec.params.iter().all(|p| p.doc.ends_with('.')), "{}", spec.name);
            assert!(spec.kinds.iter().all(|k| k.message.contains("{value}")), "{}", spec.name);
        }
    }
}
