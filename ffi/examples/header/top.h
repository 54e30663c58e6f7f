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

