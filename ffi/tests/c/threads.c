/*
 * Eight threads, one config, sixteen probes that go from thread to thread: what the header says of threads, for ThreadSanitizer and drd.
 * Every probe hears the same sound, so every report must say the same.
 *
 *     threads [ROUNDS]     0: two threads share one probe, which is forbidden: a tool that sees no race there sees none at all
 */

#include "otoscope.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, PROBES = 16, CHUNK = 480, CHUNKS = 25 };

struct stream {
    oto_probe *probe;
    int next;
};

static struct stream streams[PROBES];
static int waiting[PROBES], first, count, left;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int16_t pcm[CHUNK * CHUNKS];
static oto_config *config;
static double expected;
static int wrong;

static void *work(void *unused) {
    oto_report *report = NULL;
    (void)unused;
    if (oto_report_new(config, &report) != OTO_OK) wrong = 1;
    for (;;) {
        struct stream *s;
        int i, done = 0;
        double rms = 0.0;
        pthread_mutex_lock(&lock);
        if (left == 0) {
            pthread_mutex_unlock(&lock);
            break;
        }
        if (count == 0) {
            pthread_mutex_unlock(&lock);
            sched_yield();
            continue;
        }
        i = waiting[first];
        first = (first + 1) % PROBES;
        count--;
        pthread_mutex_unlock(&lock);

        /* One chunk, then the probe goes on to whoever is free. */
        s = &streams[i];
        if (s->next < CHUNKS) {
            if (oto_probe_push_i16(s->probe, pcm + CHUNK * s->next, CHUNK, s->next * INT64_C(20000000), 0) != OTO_OK) done = -1;
            s->next++;
        } else {
            if (oto_probe_finish(s->probe, report) != OTO_OK || oto_report_value(report, OTO_FIELD_LEVEL_RMS_DBFS, &rms) != OTO_OK) done = -1;
            if (rms != expected || oto_probe_reset(s->probe) != OTO_OK) done = -1;
            s->next = 0;
            if (done == 0) done = 1;
        }
        pthread_mutex_lock(&lock);
        if (done < 0) wrong = 1;
        if (done > 0 && left > 0) left--;
        waiting[(first + count) % PROBES] = i;
        count++;
        pthread_mutex_unlock(&lock);
    }
    oto_report_free(report);
    return NULL;
}

static void *push(void *probe) {
    int i;
    for (i = 0; i < CHUNKS; i++) (void)oto_probe_push_i16(probe, pcm + CHUNK * i, CHUNK, OTO_NO_TIME, 0);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
    oto_report *report = NULL;
    oto_probe *probe = NULL;
    int i;
    left = argc > 1 ? atoi(argv[1]) : 64;
    for (i = 0; i < CHUNK * CHUNKS; i++) pcm[i] = (int16_t)(8000.0 * sin(0.05 * i));
    spec.sample_rate_hz = 24000;
    if (oto_config_new(&spec, &config) != OTO_OK || oto_config_freeze(config) != OTO_OK) return 2;
    if (oto_probe_new(config, &probe) != OTO_OK || oto_report_new(config, &report) != OTO_OK) return 2;
    if (left == 0) {
        for (i = 0; i < 2; i++)
            if (pthread_create(&threads[i], NULL, push, probe) != 0) return 2;
        for (i = 0; i < 2; i++) pthread_join(threads[i], NULL);
        return 0;
    }
    for (i = 0; i < CHUNKS; i++) (void)oto_probe_push_i16(probe, pcm + CHUNK * i, CHUNK, i * INT64_C(20000000), 0);
    if (oto_probe_finish(probe, report) != OTO_OK || oto_report_value(report, OTO_FIELD_LEVEL_RMS_DBFS, &expected) != OTO_OK) return 2;
    for (i = 0; i < PROBES; i++) {
        if (oto_probe_new(config, &streams[i].probe) != OTO_OK) return 2;
        waiting[i] = i;
    }
    count = PROBES;
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) return 2;
    for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (i = 0; i < PROBES; i++) oto_probe_free(streams[i].probe);
    oto_probe_free(probe);
    oto_report_free(report);
    oto_config_free(config);
    puts(wrong ? "threads: a report differs" : "threads: all reports are the same");
    return wrong;
}
