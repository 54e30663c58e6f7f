//! Constants and plain structs

use core::ffi::c_char;

/// The arrival time of a push of which none is known.
pub const OTO_NO_TIME: i64 = i64::MIN;
/// The chunk of a finding that starts in a chunk too long ago to be remembered.
pub const OTO_NO_CHUNK: u32 = u32::MAX;
/// A flag of a push: it continues the chunk of the push before it, so its start is no edge.
pub const OTO_PUSH_SAME_CHUNK: u32 = 1;

/// Severity of a finding: worth knowing.
pub const OTO_SEVERITY_INFO: i32 = 1;
/// Severity of a finding: a careful listener would notice.
pub const OTO_SEVERITY_WARNING: i32 = 2;
/// Severity of a finding: anybody would notice.
pub const OTO_SEVERITY_ERROR: i32 = 3;

/// State of a finding: an instant, or something whose whole extent is known; said once.
pub const OTO_STATE_POINT: u32 = 0;
/// State of a finding: it began; a finding with the same event_id and OTO_STATE_CLOSED will follow.
pub const OTO_STATE_OPEN: u32 = 1;
/// State of a finding: it ended; extent and value are final.
pub const OTO_STATE_CLOSED: u32 = 2;

/// Fate of a packet: it came, and as far as is known it is played.
pub const OTO_PACKET_RECEIVED: u16 = 0;
/// Fate of a packet: it came, but the jitter buffer threw it away. May correct OTO_PACKET_RECEIVED later.
pub const OTO_PACKET_DISCARDED: u16 = 1;
/// Fate of a packet: known to be lost. Need not be told where a later packet shows the hole.
pub const OTO_PACKET_LOST: u16 = 2;

/// Exactness of a field: the same bits on every machine.
pub const OTO_EXACTNESS_EXACT: u32 = 0;
/// Exactness of a field: equal on every machine within a stated tolerance.
pub const OTO_EXACTNESS_TOLERANCE: u32 = 1;

/// Type of a parameter: a number, for oto_config_set_f64.
pub const OTO_PARAM_NUMBER: u32 = 0;
/// Type of a parameter: one of some words, for oto_config_set_str.
pub const OTO_PARAM_CHOICE: u32 = 1;

/// A flag of a score: more is better.
pub const OTO_SCORE_HIGHER_IS_BETTER: u32 = 1;
/// A flag of a score: it compares sample with sample, so the signals must be in step.
pub const OTO_SCORE_IN_STEP: u32 = 2;

/// Outcome of a verdict: measured, and within the bounds.
pub const OTO_VERDICT_PASS: u32 = 1;
/// Outcome of a verdict: measured, and outside.
pub const OTO_VERDICT_FAIL: u32 = 2;
/// Outcome of a verdict: nobody knows. Never to be taken for a pass.
pub const OTO_VERDICT_NOT_MEASURED: u32 = 3;

/// How a single channel was counted: it makes no difference to this verdict.
pub const OTO_MONO_NONE: u32 = 0;
/// How a single channel was counted: once, 3.01 LU less than from two loudspeakers.
pub const OTO_MONO_ONCE: u32 = 1;
/// How a single channel was counted: as two (loudness.mono_as = dual_mono).
pub const OTO_MONO_DUAL: u32 = 2;

/// How signals are brought into step for scores that compare sample with sample: they are.
pub const OTO_ALIGN_NONE: u32 = 0;
/// How signals are brought into step: by one delay, the peak of their cross-correlation.
pub const OTO_ALIGN_DELAY: u32 = 1;
/// A flag of a comparison: also what is long, a row for each frame (in the JSON).
pub const OTO_COMPARE_FRAMES: u32 = 1;

/// Script of a text: Latin letters, and alphabets that are not listed.
pub const OTO_SCRIPT_LATIN: u32 = 0;
/// Script of a text: Cyrillic letters.
pub const OTO_SCRIPT_CYRILLIC: u32 = 1;
/// Script of a text: Greek letters.
pub const OTO_SCRIPT_GREEK: u32 = 2;
/// Script of a text: Arabic or Hebrew letters.
pub const OTO_SCRIPT_ABJAD: u32 = 3;
/// Script of a text: letters and vowel signs of Devanagari and its relatives.
pub const OTO_SCRIPT_INDIC: u32 = 4;
/// Script of a text: Thai, Lao, Khmer or Burmese letters.
pub const OTO_SCRIPT_SOUTHEAST_ASIAN: u32 = 5;
/// Script of a text: Chinese characters.
pub const OTO_SCRIPT_HAN: u32 = 6;
/// Script of a text: Japanese; kana count one, Chinese characters among them two.
pub const OTO_SCRIPT_KANA: u32 = 7;
/// Script of a text: Korean syllable blocks.
pub const OTO_SCRIPT_HANGUL: u32 = 8;

/// What a stream is, known before its first sample. Begin with OTO_STREAM_SPEC_INIT or oto_stream_spec_init.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct oto_stream_spec {
    /// sizeof(oto_stream_spec) as the caller compiled it.
    pub struct_size: u32,
    /// 8000 to 192000.
    pub sample_rate_hz: u32,
    /// 1 to 8, interleaved, in WAV order.
    pub channels: u32,
    /// 0.
    pub reserved: u32,
}

/// One RTP packet, as the caller's receiver saw it. Begin with OTO_PACKET_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct oto_packet {
    /// sizeof(oto_packet) as the caller compiled it.
    pub struct_size: u32,
    /// The sequence number of its header.
    pub sequence: u16,
    /// OTO_PACKET_RECEIVED, OTO_PACKET_DISCARDED or OTO_PACKET_LOST.
    pub fate: u16,
    /// The timestamp of its header.
    pub rtp_timestamp: u32,
    /// Ticks of that timestamp a second, as the payload type says; 0 if unknown.
    pub clock_rate_hz: u32,
    /// When it arrived, in nanoseconds of any clock that does not jump, or OTO_NO_TIME.
    pub arrival_ns: i64,
}

/// How signals are compared. Begin with OTO_COMPARE_OPTIONS_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct oto_compare_options {
    /// sizeof(oto_compare_options) as the caller compiled it.
    pub struct_size: u32,
    /// OTO_ALIGN_NONE or OTO_ALIGN_DELAY.
    pub align: u32,
    /// OTO_COMPARE_FRAMES or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// The longest delay looked for, in seconds, up to 60; 0 for the default, 2.
    pub max_delay_s: f64,
}

/// One thing that is wrong: what, where, how bad. 80 bytes for ever.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct oto_finding {
    /// Counts all findings of the stream; a hole means that some were dropped because nobody polled.
    pub seq: u64,
    /// First sample, per channel, since the probe was made or reset.
    pub start_sample: u64,
    /// One past the last sample known so far.
    pub end_sample: u64,
    /// Arrival time of the push that raised it, or OTO_NO_TIME.
    pub t_ns: i64,
    /// What was measured, in the unit of the finding's kind.
    pub value: f64,
    /// What it was held against, in the same unit.
    pub threshold: f64,
    /// OTO_METRIC_*.
    pub metric_id: u32,
    /// OTO_KIND_*; counted within the metric.
    pub kind: u32,
    /// Index of the chunk in which it starts, or OTO_NO_CHUNK.
    pub chunk: u32,
    /// OTO_SEVERITY_*.
    pub severity: i32,
    /// OTO_STATE_*.
    pub state: u32,
    /// Joins an open finding to its close.
    pub event_id: u32,
    /// 0; kept for later.
    pub flags: u32,
    /// The channels it was heard in, bit 0 = first; 0 = all, or their mix.
    pub channel_mask: u32,
}

/// A metric, as the catalogue describes it. Texts are static. Begin with OTO_METRIC_INFO_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct oto_metric_info {
    /// In: sizeof(oto_metric_info) as the caller compiled it. Out: how much of it was written.
    pub struct_size: u32,
    /// OTO_METRIC_*; never reused.
    pub id: u32,
    /// Rises when the metric's values change their meaning or their numbers.
    pub revision: u32,
    /// How many fields it has.
    pub field_count: u32,
    /// The name in keys and in the JSON.
    pub name: *const c_char,
    /// One sentence: what it measures.
    pub doc: *const c_char,
}

/// A field of the report, as the catalogue describes it. Texts are static. Begin with OTO_FIELD_INFO_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct oto_field_info {
    /// In: sizeof(oto_field_info) as the caller compiled it. Out: how much of it was written.
    pub struct_size: u32,
    /// OTO_FIELD_*; never reused.
    pub id: u32,
    /// The metric it belongs to.
    pub metric_id: u32,
    /// OTO_EXACTNESS_*.
    pub exactness: u32,
    /// The key that oto_field_find takes, such as `loudness.integrated_lufs`.
    pub name: *const c_char,
    /// The name of the unit, such as `lufs`.
    pub unit: *const c_char,
    /// One sentence.
    pub doc: *const c_char,
}

/// A kind of finding, as the catalogue describes it. Texts are static. Begin with OTO_KIND_INFO_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct oto_kind_info {
    /// In: sizeof(oto_kind_info) as the caller compiled it. Out: how much of it was written.
    pub struct_size: u32,
    /// OTO_KIND_*; counted within the metric, never reused.
    pub id: u32,
    /// The metric it belongs to.
    pub metric_id: u32,
    /// A finding is raised at most this many milliseconds after its onset could be known.
    pub max_delay_ms: u32,
    /// The name in the JSON.
    pub name: *const c_char,
    /// The name of the unit of value and threshold.
    pub unit: *const c_char,
    /// The sentence people read, with places such as `{value}` in it: oto_finding_message fills them in.
    pub message: *const c_char,
}

/// A parameter of a config, as the catalogue describes it. Numbers are NaN where there is none. Texts are static. Begin with
/// OTO_PARAM_INFO_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct oto_param_info {
    /// In: sizeof(oto_param_info) as the caller compiled it. Out: how much of it was written.
    pub struct_size: u32,
    /// The metric it belongs to.
    pub metric_id: u32,
    /// OTO_PARAM_*.
    pub value_type: u32,
    /// 0; kept for later.
    pub reserved: u32,
    /// What a number is unless it is set.
    pub default_value: f64,
    /// The lowest number that is allowed.
    pub min: f64,
    /// The highest number that is allowed.
    pub max: f64,
    /// The key that oto_config_set_f64 and oto_config_set_str take, such as `clipping.min_run_samples`.
    pub name: *const c_char,
    /// The name of the unit, such as `samples`. Numbers in `samples` and `count` must be whole.
    pub unit: *const c_char,
    /// The words that are allowed, with commas between them; the first is the default. Empty for a number.
    pub words: *const c_char,
    /// One sentence.
    pub doc: *const c_char,
}

/// A full-reference score, as the catalogue describes it. Texts are static. Begin with OTO_SCORE_INFO_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct oto_score_info {
    /// In: sizeof(oto_score_info) as the caller compiled it. Out: how much of it was written.
    pub struct_size: u32,
    /// Never reused among scores.
    pub id: u32,
    /// Rises when the score's values change their meaning or their numbers.
    pub revision: u32,
    /// OTO_SCORE_*.
    pub flags: u32,
    /// The name in keys and in the JSON.
    pub name: *const c_char,
    /// The name of the unit, such as `db`.
    pub unit: *const c_char,
    /// The presets, with commas between them; the first is the default. Asked for as `score:preset`.
    pub presets: *const c_char,
    /// One sentence.
    pub doc: *const c_char,
}

/// How a report did on one requirement of a delivery norm. Numbers are NaN where there is none. Texts are static. Begin
/// with OTO_VERDICT_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct oto_verdict {
    /// In: sizeof(oto_verdict) as the caller compiled it. Out: how much of it was written.
    pub struct_size: u32,
    /// OTO_VERDICT_*.
    pub outcome: u32,
    /// The field it is about, OTO_FIELD_*; 0 if no field measures it.
    pub field_id: u32,
    /// OTO_MONO_*.
    pub mono_as: u32,
    /// What was measured.
    pub value: f64,
    /// What the norm aims at.
    pub target: f64,
    /// The lowest value that passes.
    pub min: f64,
    /// The highest value that passes.
    pub max: f64,
    /// How far the value lies outside, with its sign; 0 inside.
    pub off: f64,
    /// The name of the norm.
    pub norm: *const c_char,
    /// The name of the requirement.
    pub requirement: *const c_char,
    /// The name of the unit of all its numbers, such as `lufs`.
    pub unit: *const c_char,
    /// Whose text the norm is, and which edition.
    pub edition: *const c_char,
}

/// How far an exporter is, since it was opened. Begin with OTO_WATERMARKS_INIT.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct oto_watermarks {
    /// In: sizeof(oto_watermarks) as the caller compiled it. Out: how much of it was written.
    pub struct_size: u32,
    /// 0; kept for later.
    pub reserved: u32,
    /// Reports that the ring took: lost if the process dies.
    pub accepted: u64,
    /// Reports that it did not take, because it was full.
    pub dropped: u64,
    /// Number of the last record the operating system has: it survives the process.
    pub written: u64,
    /// Number of the last record that is synced: it survives the machine.
    pub durable: u64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<oto_stream_spec>() == 16 && align_of::<oto_stream_spec>() == 4);
    assert!(size_of::<oto_packet>() == 24 && offset_of!(oto_packet, arrival_ns) == 16);
    assert!(size_of::<oto_compare_options>() == 24 && offset_of!(oto_compare_options, max_delay_s) == 16);
    assert!(size_of::<oto_finding>() == 80 && align_of::<oto_finding>() <= 8);
    assert!(offset_of!(oto_finding, t_ns) == 24 && offset_of!(oto_finding, metric_id) == 48);
    assert!(offset_of!(oto_finding, channel_mask) == 76);
    assert!(size_of::<oto_metric_info>() == 16 + 2 * size_of::<usize>());
    assert!(size_of::<oto_field_info>() == 16 + 3 * size_of::<usize>());
    assert!(size_of::<oto_kind_info>() == 16 + 3 * size_of::<usize>());
    assert!(size_of::<oto_param_info>() == 40 + 4 * size_of::<usize>());
    assert!(size_of::<oto_score_info>() == 16 + 4 * size_of::<usize>());
    assert!(size_of::<oto_watermarks>() == 40 && offset_of!(oto_watermarks, accepted) == 8);
    assert!(size_of::<oto_verdict>() == 56 + 4 * size_of::<usize>());
};
