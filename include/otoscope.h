/*
 * Otoscope listens to the PCM streams of text-to-speech servers and says what is wrong, where and how bad.
 *
 *     oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
 *     spec.sample_rate_hz = 24000;
 *     oto_config *config = NULL; oto_probe *probe = NULL; oto_report *report = NULL;
 *     oto_config_new(&spec, &config);                        // once, at server start
 *     oto_config_set_f64(config, "clipping.min_run_samples", 3);
 *     oto_config_freeze(config);
 *     oto_report_new(config, &report);
 *     oto_probe_new(config, &probe);                         // once per stream, or from a pool
 *     while (next_chunk(&pcm, &n, &t_ns)) oto_probe_push_i16(probe, pcm, n, t_ns, 0);
 *     oto_probe_finish(probe, report);
 *     oto_report_value(report, OTO_FIELD_LOUDNESS_INTEGRATED_LUFS, &lufs);
 *     oto_probe_reset(probe);                                // next utterance
 *
 * Status: functions that can fail give an oto_status. 0 is success, a positive number says that there is no value, a
 * negative one is an error. An output is written only on OTO_OK; the exception is `needed`, which says how large a
 * buffer must be. Passing on a NULL handle after a failure is safe: the next call gives OTO_ERR_NULL.
 *
 * Enumerations (oto_metric_count, oto_metric_get_info and so on) say what there is: metrics, fields, kinds of findings,
 * parameters, scores, norms. Values are read by number (OTO_FIELD_*), or by the key that is in the JSON.
 *
 * Pointers: a handle is one that the function named after it made and nobody freed. Other pointers point to as much
 * readable or writable memory as the function says, aligned for its type. NULL, misaligned pointers and sizes that
 * overflow are errors. Input is never written to and not kept: it may be freed when the call returns.
 *
 * Threads: one probe, one thread at a time; a probe may move between threads. Different probes are independent. A
 * config belongs to one thread until it is frozen; then any number may use it. A report that is being filled belongs to
 * one thread; filled, any number may read it. A config outlives its probes and reports.
 *
 * An open exporter may be pushed to by any number of threads at the same time.
 *
 * Any number of threads may compare with one reference at the same time; a comparison is plain data.
 *
 * Real time: once a probe is made (oto_probe_new, or oto_probe_init in memory of yours), push, batch push, packet,
 * expect_text, poll, snapshot, finish, reset and oto_exporter_push do not allocate, lock, wait or make a system call.
 * Nothing here prints, logs or keeps global state; nothing but an open exporter has threads, reads a clock or opens files. The environment variable OTOSCOPE_SIMD (for tests) is read by
 * oto_config_freeze. A bug that is caught (OTO_ERR_PANIC) does print one message to stderr.
 *
 * Made by `cargo run -p otoscope-ffi --example header`; do not edit.
 */

#ifndef OTOSCOPE_H
#define OTOSCOPE_H

#include <stddef.h>
#include <stdint.h>

/* The version this header belongs to. oto_version() is that of the library in use. */
#define OTO_VERSION_MAJOR 0u
#define OTO_VERSION_MINOR 1u
#define OTO_VERSION_PATCH 0u
#define OTO_VERSION (OTO_VERSION_MAJOR * 65536u + OTO_VERSION_MINOR * 256u + OTO_VERSION_PATCH)

/* Structs as they must be before they are handed over. */
#define OTO_STREAM_SPEC_INIT { (uint32_t)sizeof(oto_stream_spec), 0u, 1u, 0u }
#define OTO_PACKET_INIT { (uint32_t)sizeof(oto_packet), 0u, OTO_PACKET_RECEIVED, 0u, 0u, OTO_NO_TIME }
#define OTO_COMPARE_OPTIONS_INIT { (uint32_t)sizeof(oto_compare_options), OTO_ALIGN_NONE, 0u, 0u, 0.0 }
#define OTO_METRIC_INFO_INIT { (uint32_t)sizeof(oto_metric_info), 0u, 0u, 0u, NULL, NULL }
#define OTO_FIELD_INFO_INIT { (uint32_t)sizeof(oto_field_info), 0u, 0u, 0u, NULL, NULL, NULL }
#define OTO_KIND_INFO_INIT { (uint32_t)sizeof(oto_kind_info), 0u, 0u, 0u, NULL, NULL, NULL }
#define OTO_PARAM_INFO_INIT { (uint32_t)sizeof(oto_param_info), 0u, 0u, 0u, 0.0, 0.0, 0.0, NULL, NULL, NULL, NULL }
#define OTO_SCORE_INFO_INIT { (uint32_t)sizeof(oto_score_info), 0u, 0u, 0u, NULL, NULL, NULL, NULL }
#define OTO_WATERMARKS_INIT { (uint32_t)sizeof(oto_watermarks), 0u, 0u, 0u, 0u, 0u }
#define OTO_VERDICT_INIT \
  { (uint32_t)sizeof(oto_verdict), 0u, 0u, 0u, 0.0, 0.0, 0.0, 0.0, 0.0, NULL, NULL, NULL, NULL }

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------------------------------------------------------------------
 * Status.
 * ------------------------------------------------------------------------------------------------------------------- */

/**
 * What a function answers: 0 is success, positive means that there is no value, negative is an error.
 * Numbers are never reused.
 */
typedef int32_t oto_status;

/** Done. */
#define OTO_OK 0
/** Computed, but there is no such number: silence has no level. The output is not written. */
#define OTO_UNDEFINED 1
/** Not computed: the metric is off, or it lacked what it needs. The output is not written. */
#define OTO_NOT_COMPUTED 2
/** A pointer that must not be NULL is NULL. */
#define OTO_ERR_NULL (-1)
/** A pointer is misaligned, a count overflows, or a struct_size is not that of any version. */
#define OTO_ERR_ARGUMENT (-2)
/** A newer caller set something that this library does not know: a flag, or a member at the end of a struct. */
#define OTO_ERR_UNSUPPORTED (-3)
/** No metric, parameter or field of this name or id. */
#define OTO_ERR_UNKNOWN_KEY (-4)
/** A number or word outside what is allowed. */
#define OTO_ERR_OUT_OF_RANGE (-5)
/** Not now: a push after finish, a setting after freeze, a probe from a config that is not frozen, an empty report. */
#define OTO_ERR_STATE (-6)
/** The buffer is too small; `needed` says how much is needed. */
#define OTO_ERR_BUFFER_TOO_SMALL (-7)
/** There is no memory for a probe or for the samples of a reference. (Where a few bytes are lacking the process ends.) */
#define OTO_ERR_MEMORY (-8)
/** A bug of this library was caught. A probe it happened in is poisoned. */
#define OTO_ERR_PANIC (-9)
/** The probe met OTO_ERR_PANIC before: only oto_probe_free is allowed, or oto_probe_init in memory of yours. */
#define OTO_ERR_POISONED (-10)
/** The exporter's ring is full: the report is counted as dropped. */
#define OTO_ERR_FULL (-11)
/** The operating system refused something: oto_exporter_error says what. */
#define OTO_ERR_IO (-12)
/** It took longer than was allowed. The last number given out so far. */
#define OTO_ERR_TIMEOUT (-13)

/* -------------------------------------------------------------------------------------------------------------------
 * Handles.
 * ------------------------------------------------------------------------------------------------------------------- */

/** What to measure at which rate; once frozen, also the tables for it. */
typedef struct oto_config oto_config;
/** Listens to one stream. */
typedef struct oto_probe oto_probe;
/** The values of one stream, so far or final. */
typedef struct oto_report oto_report;
/** Takes finished reports to a spool on disk, and from there to stores. */
typedef struct oto_exporter oto_exporter;
/** The scores of one pair. */
typedef struct oto_comparison oto_comparison;
/** A signal as it should be, prepared for any number of comparisons. */
typedef struct oto_reference oto_reference;

/* -------------------------------------------------------------------------------------------------------------------
 * Constants and plain structs.
 * ------------------------------------------------------------------------------------------------------------------- */

/** The arrival time of a push of which none is known. */
#define OTO_NO_TIME INT64_MIN
/** The chunk of a finding that starts in a chunk too long ago to be remembered. */
#define OTO_NO_CHUNK UINT32_MAX
/** A flag of a push: it continues the chunk of the push before it, so its start is no edge. */
#define OTO_PUSH_SAME_CHUNK 1u
/** Severity of a finding: worth knowing. */
#define OTO_SEVERITY_INFO 1
/** Severity of a finding: a careful listener would notice. */
#define OTO_SEVERITY_WARNING 2
/** Severity of a finding: anybody would notice. */
#define OTO_SEVERITY_ERROR 3
/** State of a finding: an instant, or something whose whole extent is known; said once. */
#define OTO_STATE_POINT 0u
/** State of a finding: it began; a finding with the same event_id and OTO_STATE_CLOSED will follow. */
#define OTO_STATE_OPEN 1u
/** State of a finding: it ended; extent and value are final. */
#define OTO_STATE_CLOSED 2u
/** Fate of a packet: it came, and as far as is known it is played. */
#define OTO_PACKET_RECEIVED 0u
/** Fate of a packet: it came, but the jitter buffer threw it away. May correct OTO_PACKET_RECEIVED later. */
#define OTO_PACKET_DISCARDED 1u
/** Fate of a packet: known to be lost. Need not be told where a later packet shows the hole. */
#define OTO_PACKET_LOST 2u
/** Exactness of a field: the same bits on every machine. */
#define OTO_EXACTNESS_EXACT 0u
/** Exactness of a field: equal on every machine within a stated tolerance. */
#define OTO_EXACTNESS_TOLERANCE 1u
/** Type of a parameter: a number, for oto_config_set_f64. */
#define OTO_PARAM_NUMBER 0u
/** Type of a parameter: one of some words, for oto_config_set_str. */
#define OTO_PARAM_CHOICE 1u
/** A flag of a score: more is better. */
#define OTO_SCORE_HIGHER_IS_BETTER 1u
/** A flag of a score: it compares sample with sample, so the signals must be in step. */
#define OTO_SCORE_IN_STEP 2u
/** Outcome of a verdict: measured, and within the bounds. */
#define OTO_VERDICT_PASS 1u
/** Outcome of a verdict: measured, and outside. */
#define OTO_VERDICT_FAIL 2u
/** Outcome of a verdict: nobody knows. Never to be taken for a pass. */
#define OTO_VERDICT_NOT_MEASURED 3u
/** How a single channel was counted: it makes no difference to this verdict. */
#define OTO_MONO_NONE 0u
/** How a single channel was counted: once, 3.01 LU less than from two loudspeakers. */
#define OTO_MONO_ONCE 1u
/** How a single channel was counted: as two (loudness.mono_as = dual_mono). */
#define OTO_MONO_DUAL 2u
/** How signals are brought into step for scores that compare sample with sample: they are. */
#define OTO_ALIGN_NONE 0u
/** How signals are brought into step: by one delay, the peak of their cross-correlation. */
#define OTO_ALIGN_DELAY 1u
/** A flag of a comparison: also what is long, a row for each frame (in the JSON). */
#define OTO_COMPARE_FRAMES 1u
/** Script of a text: Latin letters, and alphabets that are not listed. */
#define OTO_SCRIPT_LATIN 0u
/** Script of a text: Cyrillic letters. */
#define OTO_SCRIPT_CYRILLIC 1u
/** Script of a text: Greek letters. */
#define OTO_SCRIPT_GREEK 2u
/** Script of a text: Arabic or Hebrew letters. */
#define OTO_SCRIPT_ABJAD 3u
/** Script of a text: letters and vowel signs of Devanagari and its relatives. */
#define OTO_SCRIPT_INDIC 4u
/** Script of a text: Thai, Lao, Khmer or Burmese letters. */
#define OTO_SCRIPT_SOUTHEAST_ASIAN 5u
/** Script of a text: Chinese characters. */
#define OTO_SCRIPT_HAN 6u
/** Script of a text: Japanese; kana count one, Chinese characters among them two. */
#define OTO_SCRIPT_KANA 7u
/** Script of a text: Korean syllable blocks. */
#define OTO_SCRIPT_HANGUL 8u

/** What a stream is, known before its first sample. Begin with OTO_STREAM_SPEC_INIT or oto_stream_spec_init. */
typedef struct oto_stream_spec {
  /** sizeof(oto_stream_spec) as the caller compiled it. */
  uint32_t struct_size;
  /** 8000 to 192000. */
  uint32_t sample_rate_hz;
  /** 1 to 8, interleaved, in WAV order. */
  uint32_t channels;
  /** 0. */
  uint32_t reserved;
} oto_stream_spec;

/** One RTP packet, as the caller's receiver saw it. Begin with OTO_PACKET_INIT. */
typedef struct oto_packet {
  /** sizeof(oto_packet) as the caller compiled it. */
  uint32_t struct_size;
  /** The sequence number of its header. */
  uint16_t sequence;
  /** OTO_PACKET_RECEIVED, OTO_PACKET_DISCARDED or OTO_PACKET_LOST. */
  uint16_t fate;
  /** The timestamp of its header. */
  uint32_t rtp_timestamp;
  /** Ticks of that timestamp a second, as the payload type says; 0 if unknown. */
  uint32_t clock_rate_hz;
  /** When it arrived, in nanoseconds of any clock that does not jump, or OTO_NO_TIME. */
  int64_t arrival_ns;
} oto_packet;

/** How signals are compared. Begin with OTO_COMPARE_OPTIONS_INIT. */
typedef struct oto_compare_options {
  /** sizeof(oto_compare_options) as the caller compiled it. */
  uint32_t struct_size;
  /** OTO_ALIGN_NONE or OTO_ALIGN_DELAY. */
  uint32_t align;
  /** OTO_COMPARE_FRAMES or 0. */
  uint32_t flags;
  /** 0. */
  uint32_t reserved;
  /** The longest delay looked for, in seconds, up to 60; 0 for the default, 2. */
  double max_delay_s;
} oto_compare_options;

/** One thing that is wrong: what, where, how bad. 80 bytes for ever. */
typedef struct oto_finding {
  /** Counts all findings of the stream; a hole means that some were dropped because nobody polled. */
  uint64_t seq;
  /** First sample, per channel, since the probe was made or reset. */
  uint64_t start_sample;
  /** One past the last sample known so far. */
  uint64_t end_sample;
  /** Arrival time of the push that raised it, or OTO_NO_TIME. */
  int64_t t_ns;
  /** What was measured, in the unit of the finding's kind. */
  double value;
  /** What it was held against, in the same unit. */
  double threshold;
  /** OTO_METRIC_*. */
  uint32_t metric_id;
  /** OTO_KIND_*; counted within the metric. */
  uint32_t kind;
  /** Index of the chunk in which it starts, or OTO_NO_CHUNK. */
  uint32_t chunk;
  /** OTO_SEVERITY_*. */
  int32_t severity;
  /** OTO_STATE_*. */
  uint32_t state;
  /** Joins an open finding to its close. */
  uint32_t event_id;
  /** 0; kept for later. */
  uint32_t flags;
  /** The channels it was heard in, bit 0 = first; 0 = all, or their mix. */
  uint32_t channel_mask;
} oto_finding;

/** A metric, as the catalogue describes it. Texts are static. Begin with OTO_METRIC_INFO_INIT. */
typedef struct oto_metric_info {
  /** In: sizeof(oto_metric_info) as the caller compiled it. Out: how much of it was written. */
  uint32_t struct_size;
  /** OTO_METRIC_*; never reused. */
  uint32_t id;
  /** Rises when the metric's values change their meaning or their numbers. */
  uint32_t revision;
  /** How many fields it has. */
  uint32_t field_count;
  /** The name in keys and in the JSON. */
  const char *name;
  /** One sentence: what it measures. */
  const char *doc;
} oto_metric_info;

/** A field of the report, as the catalogue describes it. Texts are static. Begin with OTO_FIELD_INFO_INIT. */
typedef struct oto_field_info {
  /** In: sizeof(oto_field_info) as the caller compiled it. Out: how much of it was written. */
  uint32_t struct_size;
  /** OTO_FIELD_*; never reused. */
  uint32_t id;
  /** The metric it belongs to. */
  uint32_t metric_id;
  /** OTO_EXACTNESS_*. */
  uint32_t exactness;
  /** The key that oto_field_find takes, such as `loudness.integrated_lufs`. */
  const char *name;
  /** The name of the unit, such as `lufs`. */
  const char *unit;
  /** One sentence. */
  const char *doc;
} oto_field_info;

/** A kind of finding, as the catalogue describes it. Texts are static. Begin with OTO_KIND_INFO_INIT. */
typedef struct oto_kind_info {
  /** In: sizeof(oto_kind_info) as the caller compiled it. Out: how much of it was written. */
  uint32_t struct_size;
  /** OTO_KIND_*; counted within the metric, never reused. */
  uint32_t id;
  /** The metric it belongs to. */
  uint32_t metric_id;
  /** A finding is raised at most this many milliseconds after its onset could be known. */
  uint32_t max_delay_ms;
  /** The name in the JSON. */
  const char *name;
  /** The name of the unit of value and threshold. */
  const char *unit;
  /** The sentence people read, with places such as `{value}` in it: oto_finding_message fills them in. */
  const char *message;
} oto_kind_info;

/**
 * A parameter of a config, as the catalogue describes it. Numbers are NaN where there is none. Texts are static. Begin with
 * OTO_PARAM_INFO_INIT.
 */
typedef struct oto_param_info {
  /** In: sizeof(oto_param_info) as the caller compiled it. Out: how much of it was written. */
  uint32_t struct_size;
  /** The metric it belongs to. */
  uint32_t metric_id;
  /** OTO_PARAM_*. */
  uint32_t value_type;
  /** 0; kept for later. */
  uint32_t reserved;
  /** What a number is unless it is set. */
  double default_value;
  /** The lowest number that is allowed. */
  double min;
  /** The highest number that is allowed. */
  double max;
  /** The key that oto_config_set_f64 and oto_config_set_str take, such as `clipping.min_run_samples`. */
  const char *name;
  /** The name of the unit, such as `samples`. Numbers in `samples` and `count` must be whole. */
  const char *unit;
  /** The words that are allowed, with commas between them; the first is the default. Empty for a number. */
  const char *words;
  /** One sentence. */
  const char *doc;
} oto_param_info;

/** A full-reference score, as the catalogue describes it. Texts are static. Begin with OTO_SCORE_INFO_INIT. */
typedef struct oto_score_info {
  /** In: sizeof(oto_score_info) as the caller compiled it. Out: how much of it was written. */
  uint32_t struct_size;
  /** Never reused among scores. */
  uint32_t id;
  /** Rises when the score's values change their meaning or their numbers. */
  uint32_t revision;
  /** OTO_SCORE_*. */
  uint32_t flags;
  /** The name in keys and in the JSON. */
  const char *name;
  /** The name of the unit, such as `db`. */
  const char *unit;
  /** The presets, with commas between them; the first is the default. Asked for as `score:preset`. */
  const char *presets;
  /** One sentence. */
  const char *doc;
} oto_score_info;

/**
 * How a report did on one requirement of a delivery norm. Numbers are NaN where there is none. Texts are static. Begin
 * with OTO_VERDICT_INIT.
 */
typedef struct oto_verdict {
  /** In: sizeof(oto_verdict) as the caller compiled it. Out: how much of it was written. */
  uint32_t struct_size;
  /** OTO_VERDICT_*. */
  uint32_t outcome;
  /** The field it is about, OTO_FIELD_*; 0 if no field measures it. */
  uint32_t field_id;
  /** OTO_MONO_*. */
  uint32_t mono_as;
  /** What was measured. */
  double value;
  /** What the norm aims at. */
  double target;
  /** The lowest value that passes. */
  double min;
  /** The highest value that passes. */
  double max;
  /** How far the value lies outside, with its sign; 0 inside. */
  double off;
  /** The name of the norm. */
  const char *norm;
  /** The name of the requirement. */
  const char *requirement;
  /** The name of the unit of all its numbers, such as `lufs`. */
  const char *unit;
  /** Whose text the norm is, and which edition. */
  const char *edition;
} oto_verdict;

/** How far an exporter is, since it was opened. Begin with OTO_WATERMARKS_INIT. */
typedef struct oto_watermarks {
  /** In: sizeof(oto_watermarks) as the caller compiled it. Out: how much of it was written. */
  uint32_t struct_size;
  /** 0; kept for later. */
  uint32_t reserved;
  /** Reports that the ring took: lost if the process dies. */
  uint64_t accepted;
  /** Reports that it did not take, because it was full. */
  uint64_t dropped;
  /** Number of the last record the operating system has: it survives the process. */
  uint64_t written;
  /** Number of the last record that is synced: it survives the machine. */
  uint64_t durable;
} oto_watermarks;

/* -------------------------------------------------------------------------------------------------------------------
 * Library.
 * ------------------------------------------------------------------------------------------------------------------- */

/** Rises only when programs must be changed or compiled again. */
#define OTO_ABI_VERSION 1u

/**
 * The version of the library in use, packed as OTO_VERSION is: major * 65536 + minor * 256 + patch.
 * OTO_VERSION is what the program was compiled with.
 */
uint32_t oto_version(void);

/** The OTO_ABI_VERSION of the library in use. A program that was compiled with another one must not go on. */
uint32_t oto_abi_version(void);

/** What a status means, in a few words of English. Static, never NULL: numbers of later versions are `unknown status`. */
const char *oto_status_str(oto_status status);

/* -------------------------------------------------------------------------------------------------------------------
 * Config: what to measure on which kind of stream. Made once, frozen once, shared by any number of probes.
 * ------------------------------------------------------------------------------------------------------------------- */

/**
 * Sets a spec to one channel and no rate: OTO_STREAM_SPEC_INIT for hosts without C macros.
 * `size` is the size of the struct as the caller knows it.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `spec` is misaligned or `size` is less than 4 or more than 1024.
 */
oto_status oto_stream_spec_init(oto_stream_spec *spec, size_t size);

/**
 * Makes a config for one kind of stream: all metrics on, with their defaults. Rate and channels are checked by
 * oto_config_freeze. Free it with oto_config_free.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or struct_size is less than 4 or more than 1024;
 * OTO_ERR_UNSUPPORTED if a reserved member, or one this library does not know, is not 0.
 */
oto_status oto_config_new(const oto_stream_spec *spec, oto_config **out);

/**
 * Sets a parameter to a number, such as `clipping.min_run_samples`.
 *
 * Errors, explained by oto_config_error: OTO_ERR_UNKNOWN_KEY, OTO_ERR_OUT_OF_RANGE (NaN, or a parameter that takes
 * a word). Also OTO_ERR_NULL; OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE after oto_config_freeze.
 */
oto_status oto_config_set_f64(oto_config *config, const char *key, double value);

/**
 * Sets a parameter to a word, or to a number written as text.
 *
 * Errors, explained by oto_config_error: OTO_ERR_UNKNOWN_KEY, OTO_ERR_OUT_OF_RANGE. Also OTO_ERR_NULL;
 * OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE after oto_config_freeze.
 */
oto_status oto_config_set_str(oto_config *config, const char *key, const char *value);

/**
 * Switches a metric on (`on` = 1) or off (`on` = 0). A metric that is off costs nothing.
 *
 * Errors, explained by oto_config_error: OTO_ERR_UNKNOWN_KEY, OTO_ERR_OUT_OF_RANGE (`on` is another number). Also
 * OTO_ERR_NULL; OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE after oto_config_freeze.
 */
oto_status oto_config_enable(oto_config *config, const char *metric, int32_t on);

/**
 * Checks everything and makes the tables. From then on the config cannot be changed, probes and reports can be made
 * from it, and it may be shared between threads. If this fails, the config is as it was.
 *
 * Errors, explained by oto_config_error: OTO_ERR_OUT_OF_RANGE (sample rate, channels, parameters that contradict each
 * other). Also OTO_ERR_NULL; OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE if it is frozen already.
 */
oto_status oto_config_freeze(oto_config *config);

/**
 * Why the last call with this config failed, in English: `clipping.min_run_samples: 2 is outside 3 to 1000`. Empty if
 * none did. Ask with `cap` 0 (and `buf` NULL) for the size, then for the text.
 *
 * `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
 *
 * Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows.
 */
oto_status oto_config_error(const oto_config *config, char *buf, size_t cap, size_t *needed);

/** Frees a config. NULL is allowed. Its probes and reports must be freed before. */
void oto_config_free(oto_config *config);

/* -------------------------------------------------------------------------------------------------------------------
 * Probe: listens to one stream. Once a probe is made, no call with it allocates, locks or makes a system call.
 * ------------------------------------------------------------------------------------------------------------------- */

/**
 * Makes a probe at the start of a stream. Free it with oto_probe_free.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_STATE if `config` is not frozen;
 * OTO_ERR_MEMORY.
 */
oto_status oto_probe_new(const oto_config *config, oto_probe **out);

/**
 * Frees what oto_probe_new made. NULL is allowed. A probe in memory of yours is left alone: it holds nothing that would have to
 * be freed.
 */
void oto_probe_free(oto_probe *probe);

/**
 * How many bytes a probe of this config needs, for oto_probe_init: the same for all, a multiple of oto_probe_align, and for
 * ever: nothing grows while a probe listens. 0 if `config` is NULL, misaligned or not frozen.
 */
size_t oto_probe_size(const oto_config *config);

/** What the address of that memory must be a multiple of: a power of 2. 0 if `config` is NULL, misaligned or not frozen. */
size_t oto_probe_align(const oto_config *config);

/**
 * Makes a probe at the start of a stream, in memory of yours: at least oto_probe_size bytes at a multiple of oto_probe_align,
 * with anything in them. Allocates nothing, and there is nothing to free: forget the memory when you like, or make the next probe in it.
 *
 *     void *mem = aligned_alloc(oto_probe_align(config), oto_probe_size(config));
 *     oto_probe_init(mem, oto_probe_size(config), config, &probe);
 *
 * The handle is the address of the memory. While no call is at work you may move a probe: copy its oto_probe_size bytes to other
 * memory of that alignment and go on with the new address as the handle; the old one is memory again.
 *
 * Errors, after which the memory is as it was: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer or `mem` is misaligned;
 * OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_STATE if `config` is not frozen.
 */
oto_status oto_probe_init(void *mem, size_t size, const oto_config *config, oto_probe **out);

/**
 * Makes a probe as new, for the next stream: a pool keeps one for each stream that may run at a time. Findings nobody polled
 * are gone.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `probe` is misaligned; OTO_ERR_POISONED, OTO_ERR_PANIC.
 */
oto_status oto_probe_reset(oto_probe *probe);

/**
 * Says how much text the stream is to speak, never the text itself: `chars` letters (spaces and punctuation are not
 * spoken; count a digit as four) of one OTO_SCRIPT_*. Before the first push, or later as the text grows: each call gives the
 * whole length so far. Without it `length` is not computed.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `probe` is misaligned; OTO_ERR_UNSUPPORTED for an unknown script;
 * OTO_ERR_STATE after oto_probe_finish; OTO_ERR_POISONED, OTO_ERR_PANIC.
 */
oto_status oto_probe_expect_text(oto_probe *probe, uint32_t chars, uint32_t script);

/**
 * Listens to 16-bit samples; full scale is 32768. Channels are interleaved: `pcm` holds `samples_per_channel` times
 * the stream's channels. Any number will do. Nothing the samples contain is an error.
 *
 * One push is one chunk of the speech engine, and its start is an edge that the join detector looks at. With the flag
 * OTO_PUSH_SAME_CHUNK it continues the chunk of the push before. `t_ns` is when it arrived, in nanoseconds of any clock
 * that does not jump, or OTO_NO_TIME. A push of 0 samples (`pcm` may be NULL then) with a time says that time passes.
 *
 * Errors, after which the stream is as it was: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or the count
 * overflows; OTO_ERR_UNSUPPORTED for an unknown flag; OTO_ERR_STATE after oto_probe_finish; OTO_ERR_POISONED.
 * OTO_ERR_PANIC poisons the probe.
 */
oto_status oto_probe_push_i16(oto_probe *probe, const int16_t *pcm, size_t samples_per_channel, int64_t t_ns,
                              uint32_t flags);

/**
 * Listens to floating-point samples; full scale is 1.0. What lies beyond is legal, NaN and infinity are counted,
 * reported and heard as 0. For everything else see oto_probe_push_i16.
 *
 * Errors: as oto_probe_push_i16.
 */
oto_status oto_probe_push_f32(oto_probe *probe, const float *pcm, size_t samples_per_channel, int64_t t_ns,
                              uint32_t flags);

/**
 * Takes what the caller's receiver knows of one RTP packet: the metrics `rtp` and `e_model` are made of them. Tell it
 * before the samples the packet brought. Packets in any order, twice, or with any numbers are no error.
 *
 * Errors, after which the stream is as it was: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or struct_size is
 * less than 4 or more than 1024; OTO_ERR_UNSUPPORTED for an unknown fate, or if a member this library does not know is
 * not 0; OTO_ERR_STATE after oto_probe_finish; OTO_ERR_POISONED. OTO_ERR_PANIC poisons the probe.
 */
oto_status oto_probe_packet(oto_probe *probe, const oto_packet *packet);

/**
 * Takes findings out of the probe, oldest first: up to `cap` of them into `out`, and sets `count` to how many they are.
 * Fewer than `cap` means that none are left. `cap` 0 takes none (`out` may be NULL then).
 *
 * A probe keeps 32. What comes while it is full is counted (`findings_dropped` in the JSON) and lost, so poll after
 * every push. Polling is allowed after oto_probe_finish, which may raise more.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows; OTO_ERR_POISONED.
 * OTO_ERR_PANIC poisons the probe.
 */
oto_status oto_probe_poll_findings(oto_probe *probe, oto_finding *out, size_t cap, size_t *count);

/**
 * Fills a report with the values so far. Does not disturb the stream. The last samples, less than 10 ms, and all that
 * can only be judged at the end are not in it.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_POISONED. OTO_ERR_PANIC poisons the
 * probe. The report is as it was then.
 */
oto_status oto_probe_snapshot(const oto_probe *probe, oto_report *report);

/**
 * Ends the stream: judges what can only be judged at the end, and fills a report with the final values (`report` may be
 * NULL). A push is OTO_ERR_STATE from now on, until oto_probe_reset. A second call gives the same values.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_POISONED. OTO_ERR_PANIC poisons the
 * probe. The report is as it was then.
 */
oto_status oto_probe_finish(oto_probe *probe, oto_report *report);

/* -------------------------------------------------------------------------------------------------------------------
 * Batch: pushes to many probes in one call, faster than one by one. Allocates nothing either.
 * ------------------------------------------------------------------------------------------------------------------- */

/**
 * Pushes 16-bit samples to `count` probes: the same as oto_probe_push_i16 for each, in one call and faster. Element `i` of each
 * array belongs to push `i`. `t_ns` may be NULL (no times), as may `flags` (all 0). `statuses` (may be NULL) gets what
 * oto_probe_push_i16 would have answered for each; the answer is the first of them that is not OTO_OK, and stops no other push.
 *
 * Put probes of one config side by side: eight of one channel are heard at a time. Values behind the K-filter then agree with
 * those of single pushes within their tolerance; all others are the same. A probe may come several times and hears its pushes in order.
 *
 * Errors: as oto_probe_push_i16 for a push; for the call OTO_ERR_NULL, or OTO_ERR_ARGUMENT if an array is misaligned or `count`
 * overflows: nothing was pushed and no status written then. OTO_ERR_PANIC poisons the probes it is written for.
 */
oto_status oto_batch_push_i16(oto_probe *const *probes, const int16_t *const *pcm, const size_t *samples_per_channel,
                              const int64_t *t_ns, const uint32_t *flags, size_t count, oto_status *statuses);

/** As oto_batch_push_i16, of floats with full scale 1.0. */
oto_status oto_batch_push_f32(oto_probe *const *probes, const float *const *pcm, const size_t *samples_per_channel,
                              const int64_t *t_ns, const uint32_t *flags, size_t count, oto_status *statuses);

/* -------------------------------------------------------------------------------------------------------------------
 * Report: the values of one stream. Made once, filled any number of times; plain data that any thread may read.
 * ------------------------------------------------------------------------------------------------------------------- */

/**
 * Makes an empty report. Any probe of any config can fill it. Free it with oto_report_free.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_STATE if `config` is not frozen.
 */
oto_status oto_report_new(const oto_config *config, oto_report **out);

/** Frees a report. NULL is allowed. */
void oto_report_free(oto_report *report);

/**
 * The value of one field, by its OTO_FIELD_* or what oto_field_find gave. It is finite.
 *
 * OTO_UNDEFINED and OTO_NOT_COMPUTED say that there is no value; `out` is not written then.
 *
 * Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a
 * pointer is misaligned.
 */
oto_status oto_report_value(const oto_report *report, uint32_t field_id, double *out);

/**
 * The value of one field, by its key: `loudness.integrated_lufs`. Looks the key up each time: oto_report_value is quicker.
 *
 * OTO_UNDEFINED and OTO_NOT_COMPUTED say that there is no value; `out` is not written then.
 *
 * Errors: as oto_report_value.
 */
oto_status oto_report_value_by_key(const oto_report *report, const char *key, double *out);

/**
 * All values in one call, in the order of oto_field_get_info. `states` gets 0, OTO_UNDEFINED or OTO_NOT_COMPUTED for
 * each; where it is not 0, the value is NaN. Ask with `cap` 0 (and `values` and `states` NULL) for the number.
 *
 * `needed` is set to oto_field_count(), also if `cap` is too small; the arrays are not touched then.
 *
 * Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a
 * pointer is misaligned or `cap` overflows.
 */
oto_status oto_report_values(const oto_report *report, double *values, uint8_t *states, size_t cap, size_t *needed);

/**
 * How many findings of a kind there were: OTO_METRIC_* and OTO_KIND_*. Exact, also where findings were dropped because nobody
 * polled. `metric_id` 0 and `kind` 0 count all; `kind` 0 counts those of a metric.
 *
 * Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is
 * misaligned.
 */
oto_status oto_report_finding_count(const oto_report *report, uint32_t metric_id, uint32_t kind, uint64_t *out);

/**
 * The report as one JSON object on one line, in UTF-8, schema `otoscope.report/1`. Its `findings` are those nobody had
 * polled when the report was filled; its counts are those of all. Ask with `cap` 0 (and `buf` NULL) for the size, then
 * for the text. Allocates.
 *
 * `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
 *
 * Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a
 * pointer is misaligned or `cap` overflows.
 */
oto_status oto_report_json(const oto_report *report, char *buf, size_t cap, size_t *needed);

/**
 * Verdict `index` of a delivery norm on a finished stream: count up from 0 until OTO_ERR_OUT_OF_RANGE. Set `struct_size`
 * before (OTO_VERDICT_INIT). The norms: oto_norm_str.
 *
 * Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_UNKNOWN_KEY if there is no such norm; OTO_ERR_STATE if the report was never
 * filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or struct_size is less than 4 or more than 1024.
 */
oto_status oto_report_verdict(const oto_report *report, const char *norm_name, size_t index, oto_verdict *out);

/* -------------------------------------------------------------------------------------------------------------------
 * Exporter: finished reports into a spool on disk, and from there to stores.
 * ------------------------------------------------------------------------------------------------------------------- */

/**
 * For oto_exporter_open: also deliver from this process, on threads of the exporter's. Without it, `otoscope export run` beside the
 * server reads the spool.
 */
#define OTO_EXPORTER_DELIVER 1u

/**
 * Makes an exporter that is not open yet. Free it with oto_exporter_free.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned.
 */
oto_status oto_exporter_new(oto_exporter **out);

/**
 * Opens the spool that a configuration file (`otoscope.toml`) names, and starts the thread that writes it. `flags` is 0 or
 * OTO_EXPORTER_DELIVER. A server does this once, after it has forked for the last time.
 *
 * Errors, each told by oto_exporter_error: OTO_ERR_OUT_OF_RANGE for a configuration that makes no sense; OTO_ERR_IO;
 * OTO_ERR_STATE if it is open already; OTO_ERR_UNSUPPORTED for other flags; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned.
 */
oto_status oto_exporter_open(oto_exporter *exporter, const char *config_path, uint32_t flags);

/**
 * Hands over a finished report: it is copied into a ring, and another thread writes it. Made for the audio thread. Any number of threads
 * may call this with one exporter.
 *
 * `findings` are those that were polled, open ones and their closes alike; the first 128 are kept, the report's counts are of all.
 * `unix_ms` is when the stream ended, in milliseconds since 1970. `names` and `values` are attributes in UTF-8, at most 32:
 * `gen_ai.speech.voice`, `trace.id`, `http.request.id`...; any other name becomes a label. `id` gets the report's id as a text, 37 bytes
 * with its NUL, or is NULL.
 *
 * Errors: OTO_ERR_FULL: it was counted as dropped; OTO_ERR_STATE if the exporter is not open or the report was never filled;
 * OTO_ERR_OUT_OF_RANGE for more attributes; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or an attribute is no UTF-8.
 */
oto_status oto_exporter_push(const oto_exporter *exporter, const oto_report *report, const oto_finding *findings,
                             size_t count, uint64_t unix_ms, const char *const *names, const char *const *values, size_t attributes, char *id);

/**
 * How far the exporter is. Set `struct_size` before (OTO_WATERMARKS_INIT). Real time, any thread.
 *
 * Errors: OTO_ERR_STATE if it is not open; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned, or struct_size is less than 4 or
 * more than 1024.
 */
oto_status oto_exporter_watermarks(const oto_exporter *exporter, oto_watermarks *out);

/**
 * Waits until everything that was pushed before is durable, at most so many milliseconds, and tells the number of the last durable record. Not
 * for the audio thread.
 *
 * Errors: OTO_ERR_TIMEOUT, and oto_exporter_error has what the disk said; OTO_ERR_STATE if it is not open; OTO_ERR_NULL; OTO_ERR_ARGUMENT
 * if a pointer is misaligned.
 */
oto_status oto_exporter_flush(const oto_exporter *exporter, uint32_t timeout_ms, uint64_t *durable);

/**
 * Why the last call failed that says so, in English; else what the disk refuses just now; empty if nothing. Ask with `cap` 0 (and `buf` NULL) for
 * the size, then for the text. Not for the audio thread.
 *
 * Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned.
 */
oto_status oto_exporter_error(const oto_exporter *exporter, char *buf, size_t cap, size_t *needed);

/** Makes everything durable, ends the exporter's threads, and frees it. NULL is allowed. No other thread may push any more. */
void oto_exporter_free(oto_exporter *exporter);

/* -------------------------------------------------------------------------------------------------------------------
 * Compare: a signal against the signal as it should be. Allocates; not for the audio thread.
 * ------------------------------------------------------------------------------------------------------------------- */

/**
 * Makes a reference from `count` 16-bit samples of one channel, which are copied. Free it with oto_reference_free.
 *
 * `scores` is a list such as `pesq_wb,stoi,lsd:urgent` (each `score` or `score:preset`); NULL for all. `options` may be NULL.
 * Nothing that is wrong with the samples is an error: it will be the status of every score.
 *
 * Errors: OTO_ERR_UNKNOWN_KEY for a score or preset that there is not; OTO_ERR_OUT_OF_RANGE (max_delay_s, or a score twice);
 * OTO_ERR_UNSUPPORTED for an option of a later version; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned, `count`
 * overflows, or struct_size is less than 4 or more than 1024; OTO_ERR_MEMORY if there is none for the copy.
 */
oto_status oto_reference_new_i16(const int16_t *pcm, size_t count, uint32_t sample_rate_hz, const char *scores,
                                 const oto_compare_options *options, oto_reference **out);

/** As oto_reference_new_i16, of floats with full scale 1.0. */
oto_status oto_reference_new_f32(const float *pcm, size_t count, uint32_t sample_rate_hz, const char *scores,
                                 const oto_compare_options *options, oto_reference **out);

/** Frees a reference. NULL is allowed. */
void oto_reference_free(oto_reference *reference);

/**
 * Compares `count` 16-bit samples of one channel with a reference, which any number of threads may do at the same time. Free
 * the result with oto_comparison_free.
 *
 * Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `count` overflows; OTO_ERR_PANIC.
 */
oto_status oto_compare_i16(const oto_reference *reference, const int16_t *pcm, size_t count, uint32_t sample_rate_hz,
                           oto_comparison **out);

/** As oto_compare_i16, of floats with full scale 1.0. */
oto_status oto_compare_f32(const oto_reference *reference, const float *pcm, size_t count, uint32_t sample_rate_hz,
                           oto_comparison **out);

/** Frees a comparison. NULL is allowed. */
void oto_comparison_free(oto_comparison *comparison);

/**
 * A score, by the key it was asked for (`stoi`, `lsd:urgent`), or one value of it (`pesq_wb.raw`). It is finite.
 *
 * OTO_UNDEFINED says that there is none (oto_comparison_status says why), OTO_NOT_COMPUTED that this preset lacks the value;
 * `out` is not written then.
 *
 * Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned.
 */
oto_status oto_comparison_value(const oto_comparison *comparison, const char *key, double *out);

/**
 * How a score came out: `ok`, or the name of the reason why there is none, such as `silent_degraded`. Ask with `cap` 0 (and
 * `buf` NULL) for the size, then for the text.
 *
 * `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
 *
 * Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap`
 * overflows.
 */
oto_status oto_comparison_status(const oto_comparison *comparison, const char *key, char *buf, size_t cap,
                                 size_t *needed);

/**
 * The comparison as one JSON object on one line, in UTF-8, schema `otoscope.comparison/1`. Ask with `cap` 0 (and `buf` NULL)
 * for the size, then for the text.
 *
 * `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
 *
 * Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows.
 */
oto_status oto_comparison_json(const oto_comparison *comparison, char *buf, size_t cap, size_t *needed);

/* -------------------------------------------------------------------------------------------------------------------
 * Catalogue: what there is to measure. A new metric adds entries and OTO_FIELD_* numbers, never a function.
 * ------------------------------------------------------------------------------------------------------------------- */

/** How many metrics there are. */
size_t oto_metric_count(void);

/**
 * Describes metric `index`, 0 to oto_metric_count() - 1. Set `struct_size` before (OTO_METRIC_INFO_INIT).
 *
 * Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
 * more than 1024.
 */
oto_status oto_metric_get_info(size_t index, oto_metric_info *out);

/** How many fields all metrics have together. */
size_t oto_field_count(void);

/**
 * Describes field `index`, 0 to oto_field_count() - 1. Set `struct_size` before (OTO_FIELD_INFO_INIT).
 *
 * Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
 * more than 1024.
 */
oto_status oto_field_get_info(size_t index, oto_field_info *out);

/**
 * The id of a field by its key, such as `loudness.integrated_lufs`: for hosts that cannot use OTO_FIELD_*. Ask once.
 *
 * Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `field_id` is misaligned.
 */
oto_status oto_field_find(const char *name, uint32_t *field_id);

/** The name of a kind of finding, as in the JSON. Static, never NULL: empty if this library does not know it. */
const char *oto_finding_kind_str(uint32_t metric_id, uint32_t kind);

/**
 * A finding as a sentence of English, with its numbers: `a hole of 49 ms in the voice`. Ask with `cap` 0 (and `buf` NULL) for the
 * size, then for the text. Allocates.
 *
 * `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
 *
 * Errors: OTO_ERR_UNKNOWN_KEY if this library does not know the metric or the kind; OTO_ERR_OUT_OF_RANGE if the rate is 0;
 * OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows.
 */
oto_status oto_finding_message(const oto_finding *finding, uint32_t sample_rate_hz, char *buf, size_t cap,
                               size_t *needed);

/** How many kinds of findings all metrics have together. */
size_t oto_kind_count(void);

/**
 * Describes kind `index`, 0 to oto_kind_count() - 1. Set `struct_size` before (OTO_KIND_INFO_INIT).
 *
 * Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
 * more than 1024.
 */
oto_status oto_kind_get_info(size_t index, oto_kind_info *out);

/** How many parameters all metrics have together. */
size_t oto_param_count(void);

/**
 * Describes parameter `index`, 0 to oto_param_count() - 1. Set `struct_size` before (OTO_PARAM_INFO_INIT).
 *
 * Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
 * more than 1024.
 */
oto_status oto_param_get_info(size_t index, oto_param_info *out);

/** How many full-reference scores there are. */
size_t oto_score_count(void);

/**
 * Describes score `index`, 0 to oto_score_count() - 1. Set `struct_size` before (OTO_SCORE_INFO_INIT).
 *
 * Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
 * more than 1024.
 */
oto_status oto_score_get_info(size_t index, oto_score_info *out);

/** The name of score `index`, 0 to oto_score_count() - 1, such as `stoi`. Static, never NULL: empty beyond the end. */
const char *oto_score_str(size_t index);

/** How many delivery norms there are. */
size_t oto_norm_count(void);

/** The name of norm `index`, 0 to oto_norm_count() - 1, such as `spotify`. Static, never NULL: empty beyond the end. */
const char *oto_norm_str(size_t index);

/* -------------------------------------------------------------------------------------------------------------------
 * Numbers of the catalogue: metrics, fields and kinds of findings. Never reused; new ones are added.
 * ------------------------------------------------------------------------------------------------------------------- */

#define OTO_METRIC_VALIDITY 1u
#define OTO_FIELD_VALIDITY_SAMPLES 0x00010001u
#define OTO_FIELD_VALIDITY_NAN_SAMPLES 0x00010002u
#define OTO_FIELD_VALIDITY_INFINITE_SAMPLES 0x00010003u
#define OTO_FIELD_VALIDITY_ABSURD_SAMPLES 0x00010004u
#define OTO_FIELD_VALIDITY_DENORMAL_RATIO 0x00010005u
#define OTO_FIELD_VALIDITY_AUDIBLE_RATIO 0x00010006u
#define OTO_KIND_VALIDITY_NOT_FINITE 1u
#define OTO_KIND_VALIDITY_EMPTY 2u
#define OTO_KIND_VALIDITY_SILENT 3u
#define OTO_KIND_VALIDITY_FLOAT_SCALE 4u
#define OTO_KIND_VALIDITY_WAV_HEADER 5u
#define OTO_KIND_VALIDITY_MU_LAW 6u
#define OTO_KIND_VALIDITY_BYTE_ORDER 7u
#define OTO_KIND_VALIDITY_INTERLEAVED 8u

#define OTO_METRIC_LEVEL 2u
#define OTO_FIELD_LEVEL_RMS_DBFS 0x00020001u
#define OTO_FIELD_LEVEL_SAMPLE_PEAK_DBFS 0x00020002u
#define OTO_FIELD_LEVEL_CREST_FACTOR_DB 0x00020003u
#define OTO_FIELD_LEVEL_SPEECH_RMS_DBFS 0x00020004u
#define OTO_FIELD_LEVEL_SPEECH_S 0x00020005u
#define OTO_FIELD_LEVEL_FLOOR_DBFS 0x00020006u

#define OTO_METRIC_DC_OFFSET 3u
#define OTO_FIELD_DC_OFFSET_MEAN_FS 0x00030001u
#define OTO_FIELD_DC_OFFSET_MEAN_DBFS 0x00030002u
#define OTO_FIELD_DC_OFFSET_OFFSET_S 0x00030003u
#define OTO_KIND_DC_OFFSET_OFFSET 1u

#define OTO_METRIC_LOUDNESS 4u
#define OTO_FIELD_LOUDNESS_INTEGRATED_LUFS 0x00040001u
#define OTO_FIELD_LOUDNESS_MOMENTARY_LUFS 0x00040002u
#define OTO_FIELD_LOUDNESS_SHORT_TERM_LUFS 0x00040003u
#define OTO_FIELD_LOUDNESS_MOMENTARY_MAX_LUFS 0x00040004u
#define OTO_FIELD_LOUDNESS_SHORT_TERM_MAX_LUFS 0x00040005u
#define OTO_FIELD_LOUDNESS_RANGE_LU 0x00040006u
#define OTO_FIELD_LOUDNESS_MONO_GAIN_LU 0x00040007u

#define OTO_METRIC_SPEECH_LEVEL 23u
#define OTO_FIELD_SPEECH_LEVEL_ACTIVE_DBFS 0x00170001u
#define OTO_FIELD_SPEECH_LEVEL_ACTIVITY_RATIO 0x00170002u
#define OTO_FIELD_SPEECH_LEVEL_LONG_TERM_DBFS 0x00170003u

#define OTO_METRIC_TRUE_PEAK 5u
#define OTO_FIELD_TRUE_PEAK_MAX_DBTP 0x00050001u
#define OTO_KIND_TRUE_PEAK_OVER 1u

#define OTO_METRIC_CLIPPING 6u
#define OTO_FIELD_CLIPPING_RAIL_SAMPLES 0x00060001u
#define OTO_FIELD_CLIPPING_RAIL_RUNS 0x00060002u
#define OTO_FIELD_CLIPPING_LONGEST_RUN_SAMPLES 0x00060003u
#define OTO_FIELD_CLIPPING_OVER_SAMPLES 0x00060004u
#define OTO_FIELD_CLIPPING_PLATEAU_RUNS 0x00060005u
#define OTO_KIND_CLIPPING_RAIL 1u
#define OTO_KIND_CLIPPING_PLATEAU 2u

#define OTO_METRIC_JOIN 7u
#define OTO_FIELD_JOIN_EDGES 0x00070001u
#define OTO_FIELD_JOIN_EDGES_SKIPPED 0x00070002u
#define OTO_FIELD_JOIN_BREAKS 0x00070003u
#define OTO_FIELD_JOIN_LARGEST_BREAK_FS 0x00070004u
#define OTO_FIELD_JOIN_PERIOD_MS 0x00070005u
#define OTO_KIND_JOIN_STEP 1u
#define OTO_KIND_JOIN_CLICK 2u
#define OTO_KIND_JOIN_SLOPE 3u
#define OTO_KIND_JOIN_PERIODIC 4u

#define OTO_METRIC_REPETITION 12u
#define OTO_FIELD_REPETITION_LOOPS 0x000c0001u
#define OTO_FIELD_REPETITION_LOOPED_S 0x000c0002u
#define OTO_FIELD_REPETITION_LONGEST_S 0x000c0003u
#define OTO_FIELD_REPETITION_PERIOD_S 0x000c0004u
#define OTO_KIND_REPETITION_LOOP 1u

#define OTO_METRIC_WRAP 13u
#define OTO_FIELD_WRAP_JUMPS 0x000d0001u
#define OTO_FIELD_WRAP_LONGEST_RUN_SAMPLES 0x000d0002u
#define OTO_KIND_WRAP_WRAP 1u

#define OTO_METRIC_CLICK 17u
#define OTO_FIELD_CLICK_CLICKS 0x00110001u
#define OTO_FIELD_CLICK_LARGEST_CLICK_FS 0x00110002u
#define OTO_FIELD_CLICK_LOOKS 0x00110003u
#define OTO_KIND_CLICK_CLICK 1u

#define OTO_METRIC_DROPOUT 18u
#define OTO_FIELD_DROPOUT_HOLES 0x00120001u
#define OTO_FIELD_DROPOUT_GAPS 0x00120002u
#define OTO_FIELD_DROPOUT_LONGEST_MS 0x00120003u
#define OTO_FIELD_DROPOUT_TOTAL_MS 0x00120004u
#define OTO_KIND_DROPOUT_HOLE 1u
#define OTO_KIND_DROPOUT_GAP 2u

#define OTO_METRIC_DUPLICATE 20u
#define OTO_FIELD_DUPLICATE_REPEATS 0x00140001u
#define OTO_FIELD_DUPLICATE_STUCK 0x00140002u
#define OTO_FIELD_DUPLICATE_TOTAL_MS 0x00140003u
#define OTO_KIND_DUPLICATE_REPEAT 1u
#define OTO_KIND_DUPLICATE_STUCK 2u

#define OTO_METRIC_SILENCE 8u
#define OTO_FIELD_SILENCE_LEAD_S 0x00080001u
#define OTO_FIELD_SILENCE_TAIL_S 0x00080002u
#define OTO_FIELD_SILENCE_INNER_LONGEST_S 0x00080003u
#define OTO_FIELD_SILENCE_INNER_TOTAL_S 0x00080004u
#define OTO_FIELD_SILENCE_ZERO_RATIO 0x00080005u
#define OTO_FIELD_SILENCE_PAUSE_FLOOR_DBFS 0x00080006u
#define OTO_KIND_SILENCE_LEAD 1u
#define OTO_KIND_SILENCE_INNER 2u
#define OTO_KIND_SILENCE_TAIL 3u
#define OTO_KIND_SILENCE_CANCELLATION 4u

#define OTO_METRIC_NOISE 15u
#define OTO_FIELD_NOISE_FLOOR_DBFS 0x000f0001u
#define OTO_FIELD_NOISE_SNR_DB 0x000f0002u
#define OTO_FIELD_NOISE_TAKEOVER_S 0x000f0003u
#define OTO_KIND_NOISE_TAKEOVER 1u
#define OTO_KIND_NOISE_TAIL 2u

#define OTO_METRIC_TIMBRE 22u
#define OTO_FIELD_TIMBRE_DISTANCE_DB 0x00160001u
#define OTO_FIELD_TIMBRE_LARGEST_DB 0x00160002u
#define OTO_FIELD_TIMBRE_TILT_DB 0x00160003u
#define OTO_KIND_TIMBRE_DRIFT 1u

#define OTO_METRIC_MOS 26u
#define OTO_FIELD_MOS_PREDICTED_MOS 0x001a0001u
#define OTO_FIELD_MOS_LOW_MOS 0x001a0002u
#define OTO_FIELD_MOS_HIGH_MOS 0x001a0003u
#define OTO_FIELD_MOS_LAST_MOS 0x001a0004u
#define OTO_FIELD_MOS_LOWEST_MOS 0x001a0005u
#define OTO_FIELD_MOS_HEARD_S 0x001a0006u
#define OTO_FIELD_MOS_SPEECH_S 0x001a0007u
#define OTO_FIELD_MOS_JUDGED_TO_HZ 0x001a0008u

#define OTO_METRIC_PITCH 21u
#define OTO_FIELD_PITCH_MEDIAN_HZ 0x00150001u
#define OTO_FIELD_PITCH_P10_HZ 0x00150002u
#define OTO_FIELD_PITCH_P90_HZ 0x00150003u
#define OTO_FIELD_PITCH_RANGE_SEMITONES 0x00150004u
#define OTO_FIELD_PITCH_VOICED_RATIO 0x00150005u
#define OTO_FIELD_PITCH_DRIFT_SEMITONES 0x00150006u
#define OTO_KIND_PITCH_DRIFT 1u

#define OTO_METRIC_CONTINUITY 9u
#define OTO_FIELD_CONTINUITY_ARRIVALS 0x00090001u
#define OTO_FIELD_CONTINUITY_FIRST_AUDIO_MS 0x00090002u
#define OTO_FIELD_CONTINUITY_GENERATION_RTF_RATIO 0x00090003u
#define OTO_FIELD_CONTINUITY_REQUEST_RTF_RATIO 0x00090004u
#define OTO_FIELD_CONTINUITY_GAP_P50_MS 0x00090005u
#define OTO_FIELD_CONTINUITY_GAP_P95_MS 0x00090006u
#define OTO_FIELD_CONTINUITY_GAP_P99_MS 0x00090007u
#define OTO_FIELD_CONTINUITY_GAP_MAX_MS 0x00090008u
#define OTO_FIELD_CONTINUITY_STALLS_0_MS 0x00090009u
#define OTO_FIELD_CONTINUITY_STALLS_100_MS 0x0009000au
#define OTO_FIELD_CONTINUITY_STALLS_200_MS 0x0009000bu
#define OTO_FIELD_CONTINUITY_STALLS_500_MS 0x0009000cu
#define OTO_FIELD_CONTINUITY_LONGEST_STALL_0_MS 0x0009000du
#define OTO_FIELD_CONTINUITY_LONGEST_STALL_100_MS 0x0009000eu
#define OTO_FIELD_CONTINUITY_LONGEST_STALL_200_MS 0x0009000fu
#define OTO_FIELD_CONTINUITY_LONGEST_STALL_500_MS 0x00090010u
#define OTO_FIELD_CONTINUITY_STALL_COUNT_0 0x00090011u
#define OTO_FIELD_CONTINUITY_STALL_COUNT_100 0x00090012u
#define OTO_FIELD_CONTINUITY_STALL_COUNT_200 0x00090013u
#define OTO_FIELD_CONTINUITY_STALL_COUNT_500 0x00090014u
#define OTO_KIND_CONTINUITY_STALL 1u
#define OTO_KIND_CONTINUITY_CLOCK_BACKWARDS 2u

#define OTO_METRIC_RTP 24u
#define OTO_FIELD_RTP_EXPECTED 0x00180001u
#define OTO_FIELD_RTP_RECEIVED 0x00180002u
#define OTO_FIELD_RTP_LOST 0x00180003u
#define OTO_FIELD_RTP_LOST_RATIO 0x00180004u
#define OTO_FIELD_RTP_DISCARDED 0x00180005u
#define OTO_FIELD_RTP_DISCARDED_RATIO 0x00180006u
#define OTO_FIELD_RTP_DUPLICATES 0x00180007u
#define OTO_FIELD_RTP_REORDERED 0x00180008u
#define OTO_FIELD_RTP_LATE 0x00180009u
#define OTO_FIELD_RTP_RESTARTS 0x0018000au
#define OTO_FIELD_RTP_JITTER_A8_TICKS 0x0018000bu
#define OTO_FIELD_RTP_JITTER_TICKS 0x0018000cu
#define OTO_FIELD_RTP_JITTER_MS 0x0018000du
#define OTO_FIELD_RTP_JITTER_MEAN_MS 0x0018000eu
#define OTO_FIELD_RTP_JITTER_MAX_MS 0x0018000fu
#define OTO_FIELD_RTP_INTERARRIVAL_MEAN_MS 0x00180010u
#define OTO_FIELD_RTP_INTERARRIVAL_MAX_MS 0x00180011u
#define OTO_FIELD_RTP_PACKET_MS 0x00180012u
#define OTO_FIELD_RTP_BURST_DENSITY_RATIO 0x00180013u
#define OTO_FIELD_RTP_GAP_DENSITY_RATIO 0x00180014u
#define OTO_FIELD_RTP_BURST_MS 0x00180015u
#define OTO_FIELD_RTP_GAP_MS 0x00180016u
#define OTO_KIND_RTP_LOSS_BURST 1u
#define OTO_KIND_RTP_HIGH_LOSS 2u
#define OTO_KIND_RTP_HIGH_JITTER 3u

#define OTO_METRIC_E_MODEL 25u
#define OTO_FIELD_E_MODEL_NB_R 0x00190001u
#define OTO_FIELD_E_MODEL_NB_MOS 0x00190002u
#define OTO_FIELD_E_MODEL_NB_RO 0x00190003u
#define OTO_FIELD_E_MODEL_NB_IS 0x00190004u
#define OTO_FIELD_E_MODEL_NB_IDTE 0x00190005u
#define OTO_FIELD_E_MODEL_NB_IDLE 0x00190006u
#define OTO_FIELD_E_MODEL_NB_IDD 0x00190007u
#define OTO_FIELD_E_MODEL_NB_IE_EFF 0x00190008u
#define OTO_FIELD_E_MODEL_WB_R 0x00190009u
#define OTO_FIELD_E_MODEL_WB_MOS 0x0019000au
#define OTO_FIELD_E_MODEL_WB_IDLE 0x0019000bu
#define OTO_FIELD_E_MODEL_WB_IDD 0x0019000cu
#define OTO_FIELD_E_MODEL_WB_IE_EFF 0x0019000du
#define OTO_FIELD_E_MODEL_FB_R 0x0019000eu
#define OTO_FIELD_E_MODEL_FB_MOS 0x0019000fu
#define OTO_FIELD_E_MODEL_FB_IDD 0x00190010u
#define OTO_FIELD_E_MODEL_FB_IE_EFF 0x00190011u
#define OTO_FIELD_E_MODEL_PPL_PERCENT 0x00190012u
#define OTO_FIELD_E_MODEL_BURST_RATIO 0x00190013u
#define OTO_FIELD_E_MODEL_IE 0x00190014u
#define OTO_FIELD_E_MODEL_BPL_PERCENT 0x00190015u
#define OTO_FIELD_E_MODEL_TA_MS 0x00190016u

#define OTO_METRIC_BANDWIDTH 16u
#define OTO_FIELD_BANDWIDTH_EFFECTIVE_BANDWIDTH_HZ 0x00100001u
#define OTO_FIELD_BANDWIDTH_BANDWIDTH_RATIO 0x00100002u
#define OTO_FIELD_BANDWIDTH_EDGE_DB 0x00100003u
#define OTO_FIELD_BANDWIDTH_RATE_SUSPICION_RATIO 0x00100004u
#define OTO_FIELD_BANDWIDTH_LIKELY_RATE_HZ 0x00100005u
#define OTO_FIELD_BANDWIDTH_SHIFT_OCTAVES 0x00100006u
#define OTO_KIND_BANDWIDTH_BAND_LIMITED 1u
#define OTO_KIND_BANDWIDTH_RATE_LABEL 2u

#define OTO_METRIC_TONE 19u
#define OTO_FIELD_TONE_STRONGEST_HZ 0x00130001u
#define OTO_FIELD_TONE_STRONGEST_DBFS 0x00130002u
#define OTO_FIELD_TONE_TONE_S 0x00130003u
#define OTO_KIND_TONE_LINE 1u
#define OTO_KIND_TONE_HUM 2u

#define OTO_METRIC_LENGTH 10u
#define OTO_FIELD_LENGTH_TEXT_RATIO 0x000a0001u
#define OTO_FIELD_LENGTH_SPOKEN_S 0x000a0002u
#define OTO_FIELD_LENGTH_EXPECTED_S 0x000a0003u
#define OTO_FIELD_LENGTH_SYLLABLES 0x000a0004u
#define OTO_FIELD_LENGTH_EXPECTED_SYLLABLES 0x000a0005u
#define OTO_FIELD_LENGTH_CHAR_S 0x000a0006u
#define OTO_FIELD_LENGTH_SYLLABLE_CHARS 0x000a0007u
#define OTO_FIELD_LENGTH_WORDS_PER_MINUTE 0x000a0008u
#define OTO_KIND_LENGTH_RUNAWAY 1u
#define OTO_KIND_LENGTH_TOO_SHORT 2u

#define OTO_METRIC_ENDING 11u
#define OTO_FIELD_ENDING_TAIL_DB 0x000b0001u
#define OTO_FIELD_ENDING_TAIL_250_DB 0x000b0002u
#define OTO_FIELD_ENDING_SPEECH_DBFS 0x000b0003u
#define OTO_FIELD_ENDING_CROSSINGS_HZ 0x000b0004u
#define OTO_KIND_ENDING_CUT 1u

#define OTO_METRIC_LEVEL_JUMP 14u
#define OTO_FIELD_LEVEL_JUMP_JUMPS 0x000e0001u
#define OTO_FIELD_LEVEL_JUMP_LARGEST_JUMP_DB 0x000e0002u
#define OTO_FIELD_LEVEL_JUMP_SLOPE_PER_MINUTE_DB 0x000e0003u
#define OTO_FIELD_LEVEL_JUMP_SPEECH_DBFS 0x000e0004u
#define OTO_KIND_LEVEL_JUMP_JUMP 1u
#define OTO_KIND_LEVEL_JUMP_FADE 2u

#ifdef __cplusplus
}
#endif

#endif
