/*
 * No system call after create: from then on the kernel kills this process for any but read, write and exit (seccomp's strict mode), while it
 * pushes, polls, takes snapshots, finishes and resets.
 *
 *     silent          ends with 0
 *     silent loud     makes a system call on purpose: must be killed, or this proves nothing
 */

#include "otoscope.h"

#include <linux/seccomp.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNK = 480, CHUNKS = 500, PROBES = 3 };

static float pcm[CHUNK * CHUNKS];
static int16_t whole[CHUNK * CHUNKS];

int main(int argc, char **argv) {
    oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
    oto_config *config = NULL;
    oto_probe *probes[PROBES] = {NULL};
    oto_report *report = NULL;
    oto_finding found[8];
    size_t count, told = 0;
    int i, p, turn, wrong = 0;
    double lufs;
    static const char done[] = "silent: no system call\n";

    spec.sample_rate_hz = 24000;
    if (oto_config_new(&spec, &config) != OTO_OK || oto_config_freeze(config) != OTO_OK || oto_report_new(config, &report) != OTO_OK) return 2;
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

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
        puts("silent: SKIPPED: this kernel has no seccomp");
        return 0;
    }
    if (argc > 1 && argv[1]) (void)syscall(SYS_getppid);
    for (turn = 0; turn < 2; turn++) {
        for (i = 0; i < CHUNKS; i++) {
            const int16_t *const three[PROBES] = {whole + CHUNK * i, whole + CHUNK * i, whole + CHUNK * i};
            const size_t many[PROBES] = {CHUNK, CHUNK, CHUNK};
            const int64_t t_ns = i * INT64_C(20000000) + (i % 50 == 0) * INT64_C(400000000);
            const int64_t times[PROBES] = {t_ns, t_ns, t_ns};
            oto_status statuses[PROBES];
            if (i % 2) wrong |= oto_probe_push_f32(probes[0], pcm + CHUNK * i, CHUNK, t_ns, 0) != OTO_OK;
            else wrong |= oto_batch_push_i16(probes, three, many, times, NULL, PROBES, statuses) != OTO_OK;
            wrong |= oto_probe_poll_findings(probes[0], found, 8, &count) != OTO_OK;
            told += count;
            if (i % 100 == 0) wrong |= oto_probe_snapshot(probes[0], report) != OTO_OK;
        }
        for (p = 0; p < PROBES; p++) {
            wrong |= oto_probe_finish(probes[p], report) != OTO_OK;
            wrong |= oto_report_value_by_key(report, "loudness.integrated_lufs", &lufs) != OTO_OK;
            wrong |= oto_probe_reset(probes[p]) != OTO_OK;
        }
    }
    wrong |= told < 10;
    if (!wrong) (void)!write(1, done, sizeof done - 1);
    (void)syscall(SYS_exit, wrong);
    return 2;
}
