//! What a metric says about itself: data only. Configuration by key, reports, JSON, C, Python, command line and docs
//! are all made from these tables.

use core::fmt;

/// Declares the outputs of a metric or a score once: the struct and its part of the spec. `id name: Unit, exactness, "doc";`
macro_rules! fields {
    ($output:ident { $($id:literal $name:ident : $unit:ident, $exactness:expr, $doc:literal;)* }) => {
        #[doc = concat!("The report of `", module_path!(), "`.")]
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[non_exhaustive]
        pub struct $output { $(#[doc = $doc] pub $name: $crate::spec::Value,)* }
        impl $crate::spec::Fields for $output {
            const FIELDS: &'static [$crate::spec::FieldSpec] = &[$($crate::spec::FieldSpec {
                id: $id,
                name: stringify!($name),
                unit: $crate::spec::Unit::$unit,
                exactness: $exactness,
                doc: $doc,
            },)*];
            fn get(&self, index: usize) -> $crate::spec::Value {
                [$(self.$name,)*][index]
            }
        }
    };
}

/// The unit of a parameter, a field or a finding's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// A number of things.
    Count,
    /// Samples per channel.
    Samples,
    /// Milliseconds.
    Ms,
    /// Seconds.
    Seconds,
    /// Hertz.
    Hz,
    /// Decibels between two levels.
    Db,
    /// Decibels relative to full scale; a full-scale sine has an RMS of -3.01 dBFS and a peak of 0 dBFS.
    Dbfs,
    /// True peak in decibels relative to full scale (BS.1770 Annex 2).
    Dbtp,
    /// Loudness units relative to full scale (BS.1770).
    Lufs,
    /// Loudness units: a difference between two loudnesses.
    Lu,
    /// Octaves: doublings of frequency.
    Octaves,
    /// Semitones: twelfths of an octave.
    Semitones,
    /// A ratio: 0.5 is half.
    Ratio,
    /// Hundredths: 50 is half.
    Percent,
    /// Ticks of an RTP timestamp.
    Ticks,
    /// The transmission rating R of the E-model, an impairment on its scale, or another rating on a scale of its own.
    Rating,
    /// A mean opinion score.
    Mos,
    /// Amplitude where 1.0 is full scale.
    FullScale,
    /// One of a list of words.
    Choice,
}

impl Unit {
    /// The name used in JSON and by machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Samples => "samples",
            Self::Ms => "ms",
            Self::Seconds => "s",
            Self::Hz => "hz",
            Self::Db => "db",
            Self::Dbfs => "dbfs",
            Self::Dbtp => "dbtp",
            Self::Lufs => "lufs",
            Self::Lu => "lu",
            Self::Octaves => "octaves",
            Self::Semitones => "semitones",
            Self::Ratio => "ratio",
            Self::Percent => "percent",
            Self::Ticks => "ticks",
            Self::Rating => "rating",
            Self::Mos => "mos",
            Self::FullScale => "full_scale",
            Self::Choice => "choice",
        }
    }

    /// The symbol people read after a number; empty where none is usual.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Count | Self::Ratio | Self::Rating | Self::Mos | Self::Choice => "",
            Self::Samples => "samples",
            Self::Ms => "ms",
            Self::Seconds => "s",
            Self::Hz => "Hz",
            Self::Db => "dB",
            Self::Dbfs => "dBFS",
            Self::Dbtp => "dBTP",
            Self::Lufs => "LUFS",
            Self::Lu => "LU",
            Self::Octaves => "octaves",
            Self::Semitones => "semitones",
            Self::Percent => "%",
            Self::Ticks => "ticks",
            Self::FullScale => "FS",
        }
    }

    /// The ending a public field name of this unit must have; `None` where the name speaks for itself.
    #[must_use]
    pub const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Count | Self::Rating | Self::Choice => None,
            Self::FullScale => Some("_fs"),
            Self::Samples => Some("_samples"),
            Self::Ms => Some("_ms"),
            Self::Seconds => Some("_s"),
            Self::Hz => Some("_hz"),
            Self::Db => Some("_db"),
            Self::Dbfs => Some("_dbfs"),
            Self::Dbtp => Some("_dbtp"),
            Self::Lufs => Some("_lufs"),
            Self::Lu => Some("_lu"),
            Self::Octaves => Some("_octaves"),
            Self::Semitones => Some("_semitones"),
            Self::Ratio => Some("_ratio"),
            Self::Percent => Some("_percent"),
            Self::Ticks => Some("_ticks"),
            Self::Mos => Some("_mos"),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far a field may move between two machines or two instruction sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exactness {
    /// The same bits everywhere.
    Exact,
    /// At most this much apart, in the field's unit.
    Abs(f64),
}

impl Exactness {
    /// Decibels of an exact sum: only the last bit of the platform's `log10` can differ.
    pub(crate) const LIBM: Self = Self::Abs(1e-9);

    /// Whether two values agree as this field promises.
    #[must_use]
    pub fn agrees(self, a: f64, b: f64) -> bool {
        match self {
            Self::Exact => a.to_bits() == b.to_bits(),
            Self::Abs(tolerance) => (a - b).abs() <= tolerance,
        }
    }
}

/// The value of one field of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A finite number in the field's unit.
    Number(f64),
    /// Computed, but there is no such number, and why: silence has no level.
    Undefined(&'static str),
    /// Not computed, and why: the metric was off or lacked what it needs.
    NotComputed(&'static str),
}

impl Value {
    /// The number, if there is one.
    #[must_use]
    pub const fn number(self) -> Option<f64> {
        match self {
            Self::Number(x) => Some(x),
            Self::Undefined(_) | Self::NotComputed(_) => None,
        }
    }

    /// A count as a value; exact to 2^53.
    pub(crate) const fn count(n: u64) -> Self {
        Self::Number(n as f64)
    }

    /// `x` if it is finite, else undefined with `why`.
    pub(crate) const fn finite(x: f64, why: &'static str) -> Self {
        if x.is_finite() { Self::Number(x) } else { Self::Undefined(why) }
    }

    /// The number of `x`, else undefined with `why`.
    pub(crate) const fn some_or(x: Option<f64>, why: &'static str) -> Self {
        match x {
            Some(x) => Self::finite(x, why),
            None => Self::Undefined(why),
        }
    }
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// A number between two bounds, both allowed.
    Number {
        /// The default.
        default: f64,
        /// The lowest value.
        min: f64,
        /// The highest value.
        max: f64,
    },
    /// One of some words; the first is the default.
    Choice(&'static [&'static str]),
}

/// One parameter of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParamSpec {
    /// The name; the key is `metric.name`.
    pub name: &'static str,
    /// The unit of the number.
    pub unit: Unit,
    /// Default and range.
    pub domain: Domain,
    /// One sentence.
    pub doc: &'static str,
}

/// One output of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldSpec {
    /// Never reused within its metric.
    pub id: u16,
    /// The name; the key is `metric.name`.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// How equal it is between machines.
    pub exactness: Exactness,
    /// One sentence.
    pub doc: &'static str,
}

/// One kind of finding a metric reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindSpec {
    /// 1, 2, 3... within its metric; never reused.
    pub id: u16,
    /// The name.
    pub name: &'static str,
    /// The unit of the finding's value and threshold.
    pub unit: Unit,
    /// A finding is raised at most this long after its onset could be known (the hop and the end of stream included).
    pub max_delay_ms: u32,
    /// The sentence people read; `{value}`, `{threshold}`, `{start_s}` and `{duration_ms}` are filled in.
    pub message: &'static str,
}

/// Everything a metric says about itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricSpec {
    /// Never reused.
    pub id: u16,
    /// The name in keys, JSON and tables.
    pub name: &'static str,
    /// Rises when golden values move.
    pub revision: u16,
    /// One sentence: what it measures.
    pub summary: &'static str,
    /// Whose definition it is: standard, edition, section; or "Otoscope" with the method's name.
    pub definition: &'static str,
    /// Whether it is measured unless somebody says otherwise: what costs much or is no fact about the signal has to be asked for.
    pub on: bool,
    /// The features it reads.
    pub needs: Needs,
    /// Its parameters.
    pub params: &'static [ParamSpec],
    /// Its outputs.
    pub fields: &'static [FieldSpec],
    /// Its findings.
    pub kinds: &'static [KindSpec],
}

impl MetricSpec {
    /// The id of a field across all metrics: what C calls `field_id`.
    #[must_use]
    pub const fn field_id(&self, field: &FieldSpec) -> u32 {
        (self.id as u32) << 16 | field.id as u32
    }
}

/// One named variant of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PresetSpec {
    /// The name: a score is asked for as `score` or `score:preset`; the first preset is the default.
    pub name: &'static str,
    /// Whose definition it is: standard and edition, or package and version.
    pub definition: &'static str,
    /// One sentence: what is special about it.
    pub doc: &'static str,
}

/// A list of rows that comes with a score: where, when, how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableSpec {
    /// Never reused within its score.
    pub id: u16,
    /// The name.
    pub name: &'static str,
    /// Whether it is made only on request, since it is long.
    pub on_request: bool,
    /// What each column of a row is.
    pub columns: &'static [FieldSpec],
    /// One sentence.
    pub doc: &'static str,
}

/// Everything a full-reference score says about itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreSpec {
    /// Never reused among scores.
    pub id: u16,
    /// The name in keys, JSON and tables.
    pub name: &'static str,
    /// Rises when golden values move.
    pub revision: u16,
    /// One sentence: what it measures.
    pub summary: &'static str,
    /// Its variants; the first is the default.
    pub presets: &'static [PresetSpec],
    /// Whether it compares sample with sample, so that the signals must be in step.
    pub in_step: bool,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Its values: the first that is defined is the score.
    pub fields: &'static [FieldSpec],
    /// What comes with it.
    pub tables: &'static [TableSpec],
}

impl ScoreSpec {
    /// The id of a field across all scores: what C calls `field_id`.
    #[must_use]
    pub const fn field_id(&self, field: &FieldSpec) -> u32 {
        (self.id as u32) << 16 | field.id as u32
    }
}

/// The per-frame features a metric reads. Each is computed once, and only if somebody needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs(u8);

impl Needs {
    /// Nothing but samples and the statistics of the hop, which are always there.
    pub const NONE: Self = Self(0);
    /// The K-weighted energy of each channel (BS.1770).
    pub const K_ENERGY: Self = Self(1);
    /// The running true peak of each channel (BS.1770 Annex 2).
    pub const TRUE_PEAK: Self = Self(2);
    /// The power spectrum of the downmix, every second hop.
    pub const SPECTRUM: Self = Self(4);
    /// Voice activity of the hop.
    pub const VOICE: Self = Self(8);
    /// At least 15 ms of the downmix before the hop.
    pub const HISTORY: Self = Self(16);
    /// The pitch of the downmix, every second hop; implies `VOICE`.
    pub const PITCH: Self = Self(32);
    /// The power of the downmix in twenty bands, every second hop; implies the spectrum.
    pub const BANDS: Self = Self(64);
    /// The statistics of RTP packets, in the event of each and at the end.
    pub const PACKETS: Self = Self(128);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is needed.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A parameter's value as it is read and set by key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ParamValue {
    /// A number in the parameter's unit.
    Number(f64),
    /// One of the parameter's words.
    Choice(&'static str),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(x) => write!(f, "{x}"),
            Self::Choice(word) => f.write_str(word),
        }
    }
}

/// A metric's configuration struct, seen as a list. Made by [`params!`](crate::metrics).
pub(crate) trait Params: Clone + Default {
    const PARAMS: &'static [ParamSpec];
    fn get(&self, index: usize) -> ParamValue;
    fn set(&mut self, index: usize, value: ParamValue);
}

/// A metric's output struct, seen as a list. Made by [`fields!`](crate::metrics).
pub(crate) trait Fields: Copy {
    const FIELDS: &'static [FieldSpec];
    fn get(&self, index: usize) -> Value;
}

/// A type a parameter can have: `f64` or a word.
pub(crate) trait ParamType {
    fn read(&self) -> ParamValue;
    fn write(&mut self, value: ParamValue);
}

impl ParamType for f64 {
    fn read(&self) -> ParamValue {
        ParamValue::Number(*self)
    }
    fn write(&mut self, value: ParamValue) {
        if let ParamValue::Number(x) = value {
            *self = x;
        }
    }
}

impl ParamType for &'static str {
    fn read(&self) -> ParamValue {
        ParamValue::Choice(self)
    }
    fn write(&mut self, value: ParamValue) {
        if let ParamValue::Choice(word) = value {
            *self = word;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_means_the_same_bits() {
        assert!(Exactness::Exact.agrees(0.1 + 0.2, 0.1 + 0.2));
        assert!(!Exactness::Exact.agrees(0.1 + 0.2, 0.3));
        assert!(!Exactness::Exact.agrees(0.0, -0.0));
        assert!(Exactness::Abs(0.1).agrees(1.0, 1.05) && !Exactness::Abs(0.1).agrees(1.0, 1.2));
        assert!(!Exactness::Abs(0.1).agrees(f64::NAN, 1.0), "NaN agrees with nothing");
    }

    #[test]
    fn a_value_is_never_infinite_or_nan() {
        assert_eq!(Value::finite(f64::NEG_INFINITY, "silence"), Value::Undefined("silence"));
        assert_eq!(Value::some_or(Some(f64::NAN), "none"), Value::Undefined("none"));
        assert_eq!(Value::some_or(None, "none"), Value::Undefined("none"));
        assert_eq!(Value::finite(-3.0, "").number(), Some(-3.0));
    }
}
