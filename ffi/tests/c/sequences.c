/*
 * Calls of the C interface in an order nobody would think of, with arguments nobody should give: nothing may crash, leak or answer with a
 * status that does not exist. Run under valgrind or AddressSanitizer.
 *
 *     sequences STEPS SEED
 */

#include "otoscope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HANDLES = 4, SAMPLES = 4096 };

static uint64_t state;
static uint32_t dice(uint32_t sides) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % sides;
}

static oto_config *configs[HANDLES];
static oto_probe *probes[HANDLES];
static oto_report *reports[HANDLES];
/* The config a probe or report belongs to: it must outlive them. */
static int probe_of[HANDLES], report_of[HANDLES];
static int16_t pcm[2 * SAMPLES];
static float floats[2 * SAMPLES];
static long counts[64];

static void said(oto_status status) {
    if (status > OTO_NOT_COMPUTED || status < OTO_ERR_POISONED) {
        fprintf(stderr, "a status that does not exist: %d\n", (int)status);
        exit(1);
    }
    if (status == OTO_ERR_PANIC || status == OTO_ERR_POISONED) {
        fprintf(stderr, "a bug was caught: %s\n", oto_status_str(status));
        exit(1);
    }
    counts[status + 32]++;
}

static const char *word(void) {
    static const char *const words[] = {"clipping.min_run_samples", "continuity.cushion_ms", "loudness.mono_as", "dual_mono", "click", "repetition",
                                        "level.rms_dbfs", "", "no.such", "r128", "loudness.integrated_lufs", NULL, "\xff\xfe", "snr,stoi", "pesq_wb"};
    return words[dice(sizeof words / sizeof words[0])];
}

static size_t some(void) {
    static const size_t sizes[] = {0, 1, 7, 80, 160, 240, 1000, SAMPLES};
    return sizes[dice(8)];
}

static int64_t when(void) {
    static int64_t now;
    switch (dice(8)) {
    case 0: return OTO_NO_TIME;
    case 1: return INT64_MAX;
    case 2: return -1;
    default: return now += dice(50000000);
    }
}

static int used(const int *of, int config, void *const *handles) {
    int i;
    for (i = 0; i < HANDLES; i++)
        if (handles[i] && of[i] == config) return 1;
    return 0;
}

static void step(void) {
    int i = (int)dice(HANDLES), j = (int)dice(HANDLES);
    char text[64];
    double number, values[16];
    uint8_t states[16];
    size_t needed;
    oto_finding found[4];
    switch (dice(24)) {
    case 0:
    case 1:
        if (!configs[i]) {
            /* Room for a struct_size of versions to come. */
            struct { oto_stream_spec spec; uint32_t later[12]; } longer = {OTO_STREAM_SPEC_INIT, {0}};
            static const uint32_t rates[] = {8000, 16000, 24000, 44100, 22050, 0, 1, 4000000000u};
            longer.spec.sample_rate_hz = rates[dice(8)];
            longer.spec.channels = dice(4);
            if (dice(16) == 0) longer.spec.struct_size = dice(64);
            longer.spec.reserved = dice(32) == 0;
            longer.later[0] = dice(32) == 0;
            said(oto_config_new(dice(16) ? &longer.spec : NULL, &configs[i]));
        }
        break;
    case 2: said(oto_config_set_f64(configs[i], word(), (double)dice(1000) - 10.0)); break;
    case 3: said(oto_config_set_str(configs[i], word(), word())); break;
    case 4: said(oto_config_enable(configs[i], word(), (int32_t)dice(3))); break;
    case 5:
    case 6: said(oto_config_freeze(configs[i])); break;
    case 7: said(oto_config_error(configs[i], dice(4) ? text : NULL, dice(4) ? sizeof text : 0, &needed)); break;
    case 8:
        if (configs[i] && !used(probe_of, i, (void *const *)probes) && !used(report_of, i, (void *const *)reports)) {
            oto_config_free(configs[i]);
            configs[i] = NULL;
        }
        break;
    case 9:
    case 10:
        if (!probes[j]) {
            said(oto_probe_new(configs[i], &probes[j]));
            probe_of[j] = i;
        }
        break;
    case 11:
        if (!reports[j]) {
            said(oto_report_new(configs[i], &reports[j]));
            report_of[j] = i;
        }
        break;
    case 12:
        oto_probe_free(probes[j]);
        probes[j] = NULL;
        break;
    case 13:
        oto_report_free(reports[j]);
        reports[j] = NULL;
        break;
    case 14:
    case 15: said(oto_probe_push_i16(probes[j], dice(32) ? pcm : NULL, some() / 8 * (dice(3) ? 1 : 4), when(), dice(16) ? dice(2) : dice(100))); break;
    case 16:
    case 17: said(oto_probe_push_f32(probes[j], dice(32) ? floats : NULL, dice(64) ? some() / 8 : SIZE_MAX / (1 + dice(3)), when(), dice(2))); break;
    case 18: {
        oto_probe *const batch[3] = {probes[0], probes[1], probes[2]};
        const int16_t *const samples[3] = {pcm, dice(8) ? pcm : NULL, pcm + 1};
        const size_t many[3] = {some() / 8, some() / 8, some() / 8};
        const int64_t times[3] = {when(), when(), when()};
        oto_status statuses[3] = {0, 0, 0};
        said(oto_batch_push_i16(batch, samples, many, dice(2) ? times : NULL, NULL, 3, dice(4) ? statuses : NULL));
        break;
    }
    case 19: said(oto_probe_poll_findings(probes[j], found, dice(5), &needed)); break;
    case 20: said(dice(2) ? oto_probe_snapshot(probes[j], reports[i]) : oto_probe_finish(probes[j], reports[i])); break;
    case 21: said(oto_probe_reset(probes[j])); break;
    case 22:
        said(oto_report_value(reports[i], dice(2) ? OTO_FIELD_LEVEL_RMS_DBFS : dice(1000000), &number));
        said(oto_report_value_by_key(reports[i], word(), &number));
        said(oto_report_values(reports[i], values, states, dice(16), &needed));
        break;
    default:
        said(oto_report_json(reports[i], dice(2) ? text : NULL, dice(2) ? sizeof text : 0, &needed));
        said(oto_probe_expect_text(probes[j], dice(1000), dice(12)));
        break;
    }
}

int main(int argc, char **argv) {
    long steps = argc > 1 ? atol(argv[1]) : 20000, k;
    int i;
    state = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
    for (i = 0; i < 2 * SAMPLES; i++) {
        pcm[i] = (int16_t)(8000.0 * sin(0.1 * i));
        floats[i] = i % 997 == 0 ? (float)NAN : i % 499 == 0 ? 1e30f : (float)(0.3 * sin(0.1 * i));
    }
    for (k = 0; k < steps; k++) step();
    for (i = 0; i < HANDLES; i++) {
        oto_probe_free(probes[i]);
        oto_report_free(reports[i]);
    }
    for (i = 0; i < HANDLES; i++) oto_config_free(configs[i]);
    printf("%ld steps:", steps);
    for (i = 0; i < 64; i++)
        if (counts[i]) printf(" %ld x %d", counts[i], i - 32);
    printf("\n");
    /* Steps that all fail would prove nothing. */
    return counts[32] > steps / 20 ? 0 : 1;
}
