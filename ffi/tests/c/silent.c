/*
 * No system call after create: from then on the kernel kills the audio thread for any but read, write and exit (seccomp's strict mode), while it
 * pushes, polls, takes snapshots, finishes, hands reports to an exporter, and resets. The exporter's own thread may do what it likes.
 *
 *     silent otoscope.toml          ends with 0
 *     silent otoscope.toml loud     makes a system call on purpose: must be killed, or this proves nothing
 */

#include "otoscope.h"

#include <linux/seccomp.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK = 480, CHUNKS = 500, PROBES = 3 };

static float pcm[CHUNK * CHUNKS];
static int16_t whole[CHUNK * CHUNKS];

static oto_probe *probes[PROBES];
static oto_report *report;
static oto_exporter *exporter;
static int loud, wrong = 1, skipped;

static void *audio(void *unused) {
    oto_finding found[64];
    size_t count, told = 0, handed = 0, kept = 0;
    int i, p, turn, bad = 0;
    double lufs;
    char id[37];
    static const char *const names[] = {"gen_ai.speech.voice", "tier"};
    static const char *const values[] = {"anna", "gold"};
    (void)unused;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
        skipped = 1;
        return NULL;
    }
    if (loud) (void)syscall(SYS_getppid);
    for (turn = 0; turn < 2; turn++) {
        for (i = 0; i < CHUNKS; i++) {
            const int16_t *const three[PROBES] = {whole + CHUNK * i, whole + CHUNK * i, whole + CHUNK * i};
            const size_t many[PROBES] = {CHUNK, CHUNK, CHUNK};
            const int64_t t_ns = i * INT64_C(20000000) + (i % 50 == 0) * INT64_C(400000000);
            const int64_t times[PROBES] = {t_ns, t_ns, t_ns};
            oto_status statuses[PROBES];
            if (i % 2) bad |= oto_probe_push_f32(probes[0], pcm + CHUNK * i, CHUNK, t_ns, 0) != OTO_OK;
            else bad |= oto_batch_push_i16(probes, three, many, times, NULL, PROBES, statuses) != OTO_OK;
            bad |= oto_probe_poll_findings(probes[0], found + kept % 56, 8, &count) != OTO_OK;
            told += count;
            kept = kept + count < 56 ? kept + count : 56;
            if (i % 100 == 0) bad |= oto_probe_snapshot(probes[0], report) != OTO_OK;
            /* More than the ring holds: a full one is an answer, and no system call either. */
            if (i > 0) {
                oto_status status = oto_exporter_push(exporter, report, found, kept, 1700000000000u + (uint64_t)i, names, values, 2, id);
                bad |= status != OTO_OK && status != OTO_ERR_FULL;
                handed += status == OTO_OK;
            }
        }
        for (p = 0; p < PROBES; p++) {
            bad |= oto_probe_finish(probes[p], report) != OTO_OK;
            bad |= oto_report_value_by_key(report, "loudness.integrated_lufs", &lufs) != OTO_OK;
            bad |= oto_probe_reset(probes[p]) != OTO_OK;
        }
    }
    wrong = bad | (told < 10) | (handed < 16);
    /* Returning from a thread frees its stack, which is a system call: only this one is allowed. */
    (void)syscall(SYS_exit, 0);
    return NULL;
}

int main(int argc, char **argv) {
    oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
    oto_config *config = NULL;
    oto_watermarks marks = OTO_WATERMARKS_INIT;
    pthread_t thread;
    uint64_t durable = 0;
    int i, p;

    if (argc < 2) return 2;
    loud = argc > 2;
    spec.sample_rate_hz = 24000;
    if (oto_config_new(&spec, &config) != OTO_OK || oto_config_freeze(config) != OTO_OK || oto_report_new(config, &report) != OTO_OK) return 2;
    if (oto_exporter_new(&exporter) != OTO_OK || oto_exporter_open(exporter, argv[1], 0) != OTO_OK) return 2;
    for (p = 0; p < PROBES; p++)
        if (oto_probe_new(config, &probes[p]) != OTO_OK) return 2;
    /* A tone with everything wrong: numbers that are none, steps, holes, clipping. */
    for (i = 0; i < CHUNK * CHUNKS; i++) {
        pcm[i] = (float)(0.4 * sin(0.05 * i) * (1.0 + sin(0.0003 * i)));
        if (i % 30011 == 0) pcm[i] = (float)NAN;
        if (i / 4800 % 11 == 5) pcm[i] = 0.0f;
        if (i / 2400 % 13 == 7) pcm[i] = pcm[i] > 0.0f ? 1.0f : -1.0f;
        if (i / CHUNK % 17 == 3) pcm[i] += 0.2f;
        whole[i] = (int16_t)(fmin(fmax(isnan(pcm[i]) ? 0.0 : pcm[i], -1.0), 1.0) * 32767.0);
    }
    if (pthread_create(&thread, NULL, audio, NULL)) return 2;
    pthread_join(thread, NULL);
    if (skipped) {
        puts("silent: SKIPPED: this kernel has no seccomp");
        return 0;
    }
    if (!wrong) {
        wrong |= oto_exporter_flush(exporter, 10000, &durable) != OTO_OK;
        wrong |= oto_exporter_watermarks(exporter, &marks) != OTO_OK;
        wrong |= marks.accepted < 16 || marks.durable != durable || durable < marks.accepted;
    }
    if (!wrong) printf("silent: no system call, %lu reports handed over, %lu refused\n", (unsigned long)marks.accepted, (unsigned long)marks.dropped);
    for (p = 0; p < PROBES; p++) oto_probe_free(probes[p]);
    oto_report_free(report);
    oto_config_free(config);
    oto_exporter_free(exporter);
    return wrong;
}
