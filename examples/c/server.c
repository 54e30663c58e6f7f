/*
 * A speech server with a probe in each worker: the workers share one frozen config, push every chunk of 10 ms as they send it, poll what was
 * found, and reset the probe for the next utterance. Nothing is allocated on the thread that has the audio.
 *
 *     server
 */

#include "otoscope.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { RATE_HZ = 24000, CHUNK = RATE_HZ / 100, CHUNKS = 100, UTTERANCES = 8, WORKERS = 2, FINDINGS = 8 };

/* What one utterance came to. */
struct answer {
    oto_status status;
    double lufs;
    size_t count;
    oto_finding found[FINDINGS];
};

/* What a worker keeps from one utterance to the next. */
struct worker {
    oto_probe *probe;
    oto_report *report;
    struct answer *answers;
    int first;
};

/* Stands in for an engine: a trembling tone. In the odd utterances one chunk begins with a hole. */
static void synthesize(int16_t *chunk, int utterance, int number, double *phase) {
    const double pi = 3.14159265358979323846;
    int i;
    for (i = 0; i < CHUNK; i++) {
        double t = (double)(number * CHUNK + i) / RATE_HZ;
        chunk[i] = (int16_t)(8192.0 * sin(*phase));
        *phase += 2.0 * pi * (440.0 + 30.0 * sin(2.0 * pi * 5.0 * t)) / RATE_HZ;
        if (utterance % 2 && number == CHUNKS / 2 && i < 200) chunk[i] = 0;
    }
}

/* Takes out what waits. Only what is over is kept: an open finding comes again when it is closed. */
static oto_status listen(oto_probe *probe, struct answer *answer) {
    oto_finding some[FINDINGS];
    size_t count, i;
    do {
        oto_status status = oto_probe_poll_findings(probe, some, FINDINGS, &count);
        if (status != OTO_OK) return status;
        for (i = 0; i < count; i++)
            if (some[i].state != OTO_STATE_OPEN && some[i].severity >= OTO_SEVERITY_WARNING && answer->count < FINDINGS)
                answer->found[answer->count++] = some[i];
    } while (count == FINDINGS);
    return OTO_OK;
}

static oto_status serve(struct worker *worker, int utterance, struct answer *answer) {
    int16_t chunk[CHUNK];
    double phase = 0.0;
    /* A server asks its clock: clock_gettime(CLOCK_MONOTONIC). */
    int64_t now_ns = 0;
    oto_status status;
    int c;
    /* The request: nothing comes yet, but the listener waits from here on. */
    if ((status = oto_probe_push_i16(worker->probe, NULL, 0, now_ns, 0)) != OTO_OK) return status;
    for (c = 0; c < CHUNKS; c++) {
        synthesize(chunk, utterance, c, &phase);
        now_ns += INT64_C(10000000);
        /* send(socket, chunk) would be here; the probe hears what the listener hears. */
        if ((status = oto_probe_push_i16(worker->probe, chunk, CHUNK, now_ns, 0)) != OTO_OK) return status;
        if ((status = listen(worker->probe, answer)) != OTO_OK) return status;
    }
    if ((status = oto_probe_finish(worker->probe, worker->report)) != OTO_OK) return status;
    if ((status = listen(worker->probe, answer)) != OTO_OK) return status;
    if ((status = oto_report_value(worker->report, OTO_FIELD_LOUDNESS_INTEGRATED_LUFS, &answer->lufs)) != OTO_OK) return status;
    return oto_probe_reset(worker->probe);
}

static void *work(void *argument) {
    struct worker *worker = argument;
    int u;
    for (u = worker->first; u < UTTERANCES; u += WORKERS)
        worker->answers[u].status = serve(worker, u, &worker->answers[u]);
    return NULL;
}

int main(void) {
    static struct answer answers[UTTERANCES];
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
    oto_config *config = NULL;
    char text[256] = "";
    size_t needed, f;
    int i, failed = 0;

    spec.sample_rate_hz = RATE_HZ;
    if (oto_config_new(&spec, &config) != OTO_OK || oto_config_set_f64(config, "continuity.cushion_ms", 200.0) != OTO_OK ||
        oto_config_freeze(config) != OTO_OK) {
        (void)oto_config_error(config, text, sizeof text, &needed);
        fprintf(stderr, "otoscope: %s\n", text);
        return 2;
    }
    for (i = 0; i < WORKERS; i++) {
        workers[i].answers = answers;
        workers[i].first = i;
        if (oto_probe_new(config, &workers[i].probe) != OTO_OK || oto_report_new(config, &workers[i].report) != OTO_OK) return 2;
        if (pthread_create(&threads[i], NULL, work, &workers[i])) return 2;
    }
    for (i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        oto_probe_free(workers[i].probe);
        oto_report_free(workers[i].report);
    }
    oto_config_free(config);

    for (i = 0; i < UTTERANCES; i++) {
        if (answers[i].status != OTO_OK) {
            printf("utterance %d: %s\n", i, oto_status_str(answers[i].status));
            failed = 1;
            continue;
        }
        printf("utterance %d: %.1f LUFS, %lu findings", i, answers[i].lufs, (unsigned long)answers[i].count);
        for (f = 0; f < answers[i].count; f++) {
            (void)oto_finding_message(&answers[i].found[f], RATE_HZ, text, sizeof text, &needed);
            printf("%s %.3f s: %s", f ? ";" : "", (double)answers[i].found[f].start_sample / RATE_HZ, text);
        }
        printf("\n");
    }
    return failed;
}
