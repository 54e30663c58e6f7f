/*
 * Calls of the C interface in an order nobody would think of, with arguments nobody should give: nothing may crash, leak or answer with a
 * status that does not exist. Run under valgrind or AddressSanitizer.
 *
 *     sequences STEPS SEED [otoscope.toml]
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
static oto_reference *references[HANDLES];
static oto_exporter *exporters[HANDLES];
static const char *config_path;
static oto_comparison *comparisons[HANDLES];
/* A probe lives here if its place in `probes` points here. */
static char *memory[HANDLES];
enum { MEMORY = 1 << 17 };
/* The config a probe or report belongs to: it must outlive them. */
static int probe_of[HANDLES], report_of[HANDLES];
static int16_t pcm[2 * SAMPLES];
static float floats[2 * SAMPLES];
static long counts[64];

static void said(oto_status status) {
    if (status > OTO_NOT_COMPUTED || status < OTO_ERR_TIMEOUT) {
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

/* The description of one thing there is: `tell` asks for number `i` with a struct_size nobody should give, in memory that is larger. */
#define DESCRIBE(type, init, tell, count)                                                                                         \
    do {                                                                                                                          \
        struct { type info; uint64_t later[4]; } longer = {init, {7, 7, 7, 7}};                                                    \
        uint32_t size = dice(3) ? (uint32_t)sizeof(type) : dice(4) ? dice((uint32_t)sizeof longer + 1) : dice(100000);             \
        oto_status status;                                                                                                        \
        memcpy(&longer, &size, sizeof size);                                                                                      \
        status = tell(dice(3) ? dice((uint32_t)count()) : dice(100000), &longer.info);                                            \
        said(status);                                                                                                             \
        if (size <= sizeof(type) && (longer.later[0] != 7 || longer.later[3] != 7)) {                                              \
            fprintf(stderr, "written beyond the struct\n");                                                                       \
            exit(1);                                                                                                              \
        }                                                                                                                         \
    } while (0)

static void describe(void) {
    static const char *key;
    uint32_t id;
    char text[64];
    size_t needed;
    oto_finding odd;
    switch (dice(8)) {
    case 0: DESCRIBE(oto_metric_info, OTO_METRIC_INFO_INIT, oto_metric_get_info, oto_metric_count); break;
    case 1: DESCRIBE(oto_field_info, OTO_FIELD_INFO_INIT, oto_field_get_info, oto_field_count); break;
    case 2: DESCRIBE(oto_kind_info, OTO_KIND_INFO_INIT, oto_kind_get_info, oto_kind_count); break;
    case 3: DESCRIBE(oto_param_info, OTO_PARAM_INFO_INIT, oto_param_get_info, oto_param_count); break;
    case 4: DESCRIBE(oto_score_info, OTO_SCORE_INFO_INIT, oto_score_get_info, oto_score_count); break;
    case 5: said(oto_field_find(word(), dice(8) ? &id : NULL)); break;
    case 6:
        /* Numbers nobody set. */
        memset(&odd, (int)dice(256), sizeof odd);
        if (dice(2)) odd.metric_id = (uint16_t)dice(40), odd.kind = (uint16_t)dice(6);
        said(oto_finding_message(&odd, dice(2) ? 24000 : dice(2), dice(2) ? text : NULL, dice(2) ? sizeof text : 0, &needed));
        break;
    default:
        key = dice(2) ? oto_score_str(dice(100)) : oto_norm_str(dice((uint32_t)oto_norm_count() + 5));
        if (!key || !oto_status_str((oto_status)dice(60) - 40) || !oto_finding_kind_str(dice(70000), dice(70000)) || oto_version() < 1 ||
            oto_abi_version() != OTO_ABI_VERSION)
            exit(1);
        break;
    }
}

static void compare(int i, int j) {
    char text[64];
    double number;
    size_t needed;
    switch (dice(6)) {
    case 0:
        if (!references[i]) {
            struct { oto_compare_options options; uint32_t later[500]; } longer = {OTO_COMPARE_OPTIONS_INIT, {0}};
            oto_compare_options *options = dice(2) ? &longer.options : NULL;
            static const char *const scores[] = {"snr", "si_sdr,lsd", "stoi", "no.such", "", "snr,snr", "\xff"};
            static const uint32_t rates[] = {8000, 16000, 0, 12345, 4000000000u};
            longer.options.align = dice(3);
            longer.options.max_delay_s = dice(4) ? 0.01 : dice(2) ? -1.0 : (double)NAN;
            if (dice(16) == 0) longer.options.struct_size = dice(2000);
            if (dice(2))
                said(oto_reference_new_i16(pcm, some(), rates[dice(5)], scores[dice(7)], options, &references[i]));
            else
                said(oto_reference_new_f32(floats, some(), rates[dice(5)], scores[dice(7)], options, &references[i]));
        } else if (dice(2)) {
            oto_reference_free(references[i]);
            references[i] = NULL;
        }
        break;
    case 1:
        if (comparisons[j]) {
            oto_comparison_free(comparisons[j]);
            comparisons[j] = NULL;
        } else if (dice(2)) {
            said(oto_compare_i16(references[i], pcm + dice(8), some(), dice(8) ? 16000 : 8000, &comparisons[j]));
        } else {
            said(oto_compare_f32(references[i], floats, some(), dice(8) ? 16000 : 8000, &comparisons[j]));
        }
        break;
    case 2: said(oto_comparison_value(comparisons[j], word(), &number)); break;
    case 3: said(oto_comparison_status(comparisons[j], word(), dice(2) ? text : NULL, dice(2) ? sizeof text : 0, &needed)); break;
    default: said(oto_comparison_json(comparisons[j], dice(2) ? text : NULL, dice(2) ? sizeof text : 0, &needed)); break;
    }
}

static void export_(int i, int j) {
    static const char *const names[] = {"gen_ai.speech.voice", "x", "", "\xff", "trace.id"};
    oto_watermarks marks = OTO_WATERMARKS_INIT;
    oto_finding odd[3];
    uint64_t durable;
    size_t needed;
    char text[64], id[37];
    switch (dice(12)) {
    case 0:
        if (!exporters[i]) {
            said(oto_exporter_new(&exporters[i]));
        } else if (dice(2)) {
            /* Each opens the next folder below the spool's. */
            said(oto_exporter_open(exporters[i], dice(4) ? config_path : word(), dice(8) ? 0 : dice(8) & ~1u));
        }
        break;
    case 1:
        if (dice(8) == 0) {
            oto_exporter_free(exporters[i]);
            exporters[i] = NULL;
        }
        break;
    case 2:
        if (dice(8) == 0) marks.struct_size = dice((uint32_t)sizeof marks + 1);
        said(oto_exporter_watermarks(exporters[i], &marks));
        break;
    case 3: said(oto_exporter_error(exporters[i], dice(2) ? text : NULL, dice(2) ? sizeof text : 0, &needed)); break;
    case 4:
        if (dice(16) == 0) said(oto_exporter_flush(exporters[i], dice(2) ? 10000 : 0, &durable));
        break;
    default:
        memset(odd, (int)dice(256), sizeof odd);
        if (dice(2)) odd[1].metric_id = dice(40), odd[1].kind = dice(6), odd[1].severity = (int32_t)dice(4), odd[1].state = dice(3);
        said(oto_exporter_push(exporters[i], reports[j], odd, dice(4), dice(4) ? 1700000000000u : (uint64_t)-1, names, names + dice(3), dice(3), dice(2) ? id : NULL));
        break;
    }
}

/* Forgets a probe, wherever it lives. */
static void forget(int j) {
    oto_probe_free(probes[j]);
    probes[j] = NULL;
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
    switch (dice(32)) {
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
    case 12: forget(j); break;
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
        const float *const singles[3] = {floats, floats + 2, dice(8) ? floats : NULL};
        const uint32_t flags[3] = {dice(3), 0, dice(2)};
        if (dice(2))
            said(oto_batch_push_i16(batch, samples, many, dice(2) ? times : NULL, NULL, 3, dice(4) ? statuses : NULL));
        else
            said(oto_batch_push_f32(batch, singles, many, dice(2) ? times : NULL, dice(2) ? flags : NULL, dice(4), statuses));
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
    case 23:
        if (!probes[j]) {
            size_t size = oto_probe_size(configs[i]), align = oto_probe_align(configs[i]);
            if ((size == 0) != (align == 0) || size > MEMORY || align > 128) exit(1);
            said(oto_probe_init(memory[j] + (dice(8) ? 0 : dice(200)), dice(8) ? MEMORY - 256 : dice(MEMORY - 256), configs[i], &probes[j]));
            probe_of[j] = i;
        }
        break;
    case 24: {
        struct { oto_packet packet; uint32_t later[12]; } longer = {OTO_PACKET_INIT, {0}};
        longer.packet.sequence = (uint16_t)dice(65536);
        longer.packet.fate = (uint16_t)dice(5);
        longer.packet.rtp_timestamp = dice(4000000000u);
        longer.packet.clock_rate_hz = dice(3) ? 16000 : dice(4000000000u);
        longer.packet.arrival_ns = when();
        if (dice(16) == 0) longer.packet.struct_size = dice(64);
        longer.later[0] = dice(32) == 0;
        said(oto_probe_packet(probes[j], &longer.packet));
        break;
    }
    case 25: {
        oto_verdict verdict = OTO_VERDICT_INIT;
        uint64_t count;
        if (dice(8) == 0) verdict.struct_size = dice((uint32_t)sizeof verdict + 1);
        said(oto_report_verdict(reports[i], dice(2) ? oto_norm_str(dice((uint32_t)oto_norm_count())) : word(), dice(8), &verdict));
        said(oto_report_finding_count(reports[i], dice(2) ? 0 : dice(70000), dice(2) ? 0 : dice(70000), &count));
        break;
    }
    case 26:
    case 27: describe(); break;
    case 29:
    case 30: export_(i, j); break;
    case 28: {
        oto_stream_spec spec;
        said(oto_stream_spec_init(dice(16) ? &spec : NULL, dice(4) ? sizeof spec : dice((uint32_t)sizeof spec + 1)));
        compare(i, j);
        break;
    }
    default:
        said(oto_report_json(reports[i], dice(2) ? text : NULL, dice(2) ? sizeof text : 0, &needed));
        said(oto_probe_expect_text(probes[j], dice(1000), dice(12)));
        break;
    }
}

int main(int argc, char **argv) {
    long steps = argc > 1 ? atol(argv[1]) : 20000, k;
    int i;
    config_path = argc > 3 ? argv[3] : "nowhere.toml";
    state = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
    for (i = 0; i < HANDLES; i++) {
        /* What oto_probe_align may ask for at most. */
        void *place;
        if (posix_memalign(&place, 128, MEMORY)) return 2;
        memory[i] = place;
    }
    for (i = 0; i < 2 * SAMPLES; i++) {
        pcm[i] = (int16_t)(8000.0 * sin(0.1 * i));
        floats[i] = i % 997 == 0 ? (float)NAN : i % 499 == 0 ? 1e30f : (float)(0.3 * sin(0.1 * i));
    }
    for (k = 0; k < steps; k++) step();
    for (i = 0; i < HANDLES; i++) {
        forget(i);
        oto_report_free(reports[i]);
        oto_reference_free(references[i]);
        oto_comparison_free(comparisons[i]);
        oto_exporter_free(exporters[i]);
        free(memory[i]);
    }
    for (i = 0; i < HANDLES; i++) oto_config_free(configs[i]);
    printf("%ld steps:", steps);
    for (i = 0; i < 64; i++)
        if (counts[i]) printf(" %ld x %d", counts[i], i - 32);
    printf("\n");
    /* Steps that all fail would prove nothing. */
    return counts[32] > steps / 20 ? 0 : 1;
}
