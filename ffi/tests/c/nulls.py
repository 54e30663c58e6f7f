#!/usr/bin/env python3
"""Writes a C program that calls every function of the header with nothing: all arguments 0 and NULL, then all of them right, then each
pointer NULL in turn while the others are right. Made from the prototypes, so that no new function can be forgotten: `nulls.py include/otoscope.h > nulls.c`.

What answers with a status must refuse, but for the pointers that the header says may be NULL."""

import re
import sys

# Where the header says that NULL is allowed.
OPTIONAL = {
    ("oto_probe_finish", "report"),
    ("oto_exporter_push", "findings"),
    ("oto_exporter_push", "id"),
    ("oto_reference_new_i16", "scores"),
    ("oto_reference_new_f32", "scores"),
    ("oto_reference_new_i16", "options"),
    ("oto_reference_new_f32", "options"),
    ("oto_batch_push_i16", "t_ns"),
    ("oto_batch_push_i16", "flags"),
    ("oto_batch_push_i16", "statuses"),
    ("oto_batch_push_f32", "t_ns"),
    ("oto_batch_push_f32", "flags"),
    ("oto_batch_push_f32", "statuses"),
}
# A right argument by its type and name, then by its type.
RIGHT = {
    "const int16_t *pcm": "pcm16",
    "const float *pcm": "pcm32",
    "const int16_t *const *pcm": "batch16",
    "const float *const *pcm": "batch32",
    "const size_t *samples_per_channel": "sizes",
    "const int64_t *t_ns": "times",
    "const uint32_t *flags": "flags",
    "oto_status *statuses": "statuses",
    "oto_probe *const *probes": "&probe",
    "const oto_config *config": "config",
    "oto_config *config": "open_config",
    "const oto_probe *probe": "probe",
    "oto_probe *probe": "probe",
    "const oto_report *report": "report",
    "oto_report *report": "report",
    "const oto_reference *reference": "reference",
    "const oto_comparison *comparison": "comparison",
    "const oto_compare_options *options": "&options",
    "const oto_stream_spec *spec": "&spec",
    "oto_stream_spec *spec": "&spec",
    "const oto_packet *packet": "&packet",
    "const oto_finding *finding": "found",
    "oto_finding *out": "found",
    "oto_verdict *out": "&verdict",
    "oto_metric_info *out": "&metric",
    "oto_field_info *out": "&field",
    "oto_kind_info *out": "&kind",
    "oto_param_info *out": "&param",
    "oto_score_info *out": "&score",
    "double *out": "numbers",
    "double *values": "numbers",
    "uint8_t *states": "states",
    "uint64_t *out": "&big",
    "uint32_t *field_id": "&small",
    "char *buf": "text",
    "size_t *needed": "&size",
    "size_t *count": "&size",
    "void *mem": "memory",
    "oto_exporter *exporter": "closed_exporter",
    "const oto_exporter *exporter": "exporter",
    "const char *config_path": "path",
    "const oto_finding *findings": "found",
    "oto_watermarks *out": "&marks",
    "uint64_t *durable": "&big",
    "char *id": "text",
    "const char *const *names": "names",
    "const char *const *values": "names",
    "uint64_t unix_ms": "1",
    "uint32_t timeout_ms": "10000",
    "size_t attributes": "1",
    "const char *scores": '"snr"',
    "const char *norm_name": "oto_norm_str(0)",
    "const char *metric": '"level"',
    "const char *value": '"4"',
    "size_t index": "0",
    "size_t count": "1",
    "size_t samples_per_channel": "160",
    "size_t cap": "(size_t)MANY",
    "size_t size": "sizeof memory",
    "uint32_t sample_rate_hz": "16000",
    "double value": "4.0",
    "int32_t on": "1",
    "int64_t t_ns": "0",
}
# Where neither says enough.
SPECIAL = {
    ("oto_stream_spec_init", "size_t size"): "sizeof spec",
    ("oto_report_value", "uint32_t field_id"): "OTO_FIELD_LEVEL_RMS_DBFS",
    # NULL is allowed where there are none.
    ("oto_exporter_push", "size_t count"): "0",
    ("oto_exporter_open", "uint32_t flags"): "0",
}
KEYS = {"oto_config": '"clipping.min_run_samples"', "oto_comparison": '"snr"', "oto_report": '"level.rms_dbfs"', "oto_field": '"level.rms_dbfs"'}

HEAD = r"""#include "otoscope.h"
#include <stdio.h>
#include <stdlib.h>
enum { MANY = 32768 };
static int bad, calls;
static void answered(const char *name, const char *without, int right, oto_status status) {
    calls++;
    if (!right) {
        bad++;
        printf("%s without %s: %d\n", name, without, (int)status);
    }
}
static int16_t pcm16[160];
static float pcm32[160];
static double numbers[MANY];
static uint8_t states[MANY];
static char text[MANY];
static oto_finding found[MANY];
static size_t size;
static uint64_t big;
static uint32_t small;
int main(void) {
    oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
    oto_config *config = NULL, *open_config = NULL;
    oto_probe *probe = NULL;
    oto_report *report = NULL;
    oto_reference *reference = NULL;
    oto_comparison *comparison = NULL;
    oto_compare_options options = OTO_COMPARE_OPTIONS_INIT;
    oto_packet packet = OTO_PACKET_INIT;
    oto_verdict verdict = OTO_VERDICT_INIT;
    oto_metric_info metric = OTO_METRIC_INFO_INIT;
    oto_field_info field = OTO_FIELD_INFO_INIT;
    oto_kind_info kind = OTO_KIND_INFO_INIT;
    oto_param_info param = OTO_PARAM_INFO_INIT;
    oto_score_info score = OTO_SCORE_INFO_INIT;
    oto_exporter *exporter = NULL, *closed_exporter = NULL;
    oto_watermarks marks = OTO_WATERMARKS_INIT;
    const char *const names[] = {"a"};
    const char *path = getenv("OTOSCOPE_CONFIG");
    const int16_t *const batch16[] = {pcm16};
    const float *const batch32[] = {pcm32};
    const size_t sizes[] = {160};
    const int64_t times[] = {0};
    const uint32_t flags[] = {0};
    oto_status statuses[1];
    static _Alignas(128) char memory[1 << 18];
    int i;
    found[0].metric_id = OTO_METRIC_VALIDITY, found[0].kind = 1;
    for (i = 0; i < 160; i++) pcm16[i] = (int16_t)(i * 37), pcm32[i] = (float)i / 200;
    spec.sample_rate_hz = 16000;
    if (oto_config_new(&spec, &config) || oto_config_freeze(config) || oto_config_new(&spec, &open_config) || oto_probe_new(config, &probe) ||
        oto_report_new(config, &report) || oto_reference_new_i16(pcm16, 160, 16000, "snr", NULL, &reference) ||
        oto_exporter_new(&exporter) || oto_exporter_new(&closed_exporter) || !path || oto_exporter_open(exporter, path, 0) ||
        oto_compare_i16(reference, pcm16, 160, 16000, &comparison) || oto_probe_size(config) > sizeof memory)
        return 2;
"""
TAIL = r"""    oto_exporter_free(closed_exporter);
    oto_exporter_free(exporter);
    oto_comparison_free(comparison);
    oto_reference_free(reference);
    oto_report_free(report);
    oto_probe_free(probe);
    oto_config_free(open_config);
    oto_config_free(config);
    printf("%d functions, %d calls\n", FUNCTIONS, calls);
    return bad != 0;
}
"""


def prototypes(header: str) -> list[tuple[str, str, list[str]]]:
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    code = re.sub(r"^#.*$", "", code, flags=re.M)
    found = re.findall(r"^([a-z][a-z_0-9 ]*?\**)\s*(oto_[a-z0-9_]+)\(([^)]*)\);", code, flags=re.M)
    split = [(kind.strip(), name, [" ".join(p.split()) for p in args.split(",")]) for kind, name, args in found]
    return [(kind, name, [] if args == ["void"] else args) for kind, name, args in split if kind != "typedef"]


def right(name: str, parameter: str) -> str:
    if (name, parameter) in SPECIAL:
        return SPECIAL[name, parameter]
    if parameter in RIGHT:
        return RIGHT[parameter]
    owner = re.match(r"(oto_[a-z0-9]+)", name)
    if re.fullmatch(r"const char \*(key|name)", parameter):
        return KEYS[owner[1]]
    if re.fullmatch(r"oto_[a-z]+ \*\*out", parameter):
        return "(void *)&out"
    if parameter.startswith(("uint32_t ", "oto_status ")):
        return "1"
    sys.exit(f"nulls.py: what is right for `{parameter}` of {name}?")


def call(name: str, parameters: list[str], without: str, arguments: list[str], wanted: str) -> None:
    """One call and what it must answer; what it made is freed."""
    print(f'    {{ void *out = NULL; oto_status s = {name}({", ".join(arguments)}); answered("{name}", "{without}", {wanted}, s);')
    if made := next((re.match(r"oto_([a-z]+) \*\*out", p) for p in parameters if "**out" in p), None):
        print(f"      oto_{made[1]}_free(out);")
    # The next call finds a stream that has not ended.
    print("      (void)out; (void)oto_probe_reset(probe); }" if name != "oto_probe_reset" else "      (void)out; }")


def main() -> None:
    functions = prototypes(open(sys.argv[1], encoding="utf-8").read())
    print(HEAD)
    for kind, name, parameters in functions:
        zeros = ["0"] * len(parameters)
        if kind != "oto_status":
            print(f"    {'' if kind == 'void' else '(void)'}{name}({', '.join(zeros)}); calls++;")
            continue
        # A batch of no probes is the one call in which nothing is missing.
        call(name, parameters, "anything", zeros, "s == OTO_OK" if name.startswith("oto_batch_") else "s < 0 && !out")
        good = [right(name, parameter) for parameter in parameters]
        call(name, parameters, "any fault", good, "s >= 0")
        for i, parameter in enumerate(parameters):
            if "*" in parameter:
                of = parameter.rsplit("*", 1)[1]
                wanted = "s >= 0" if (name, of) in OPTIONAL else "s < 0 && !out"
                call(name, parameters, of, [*good[:i], "NULL", *good[i + 1 :]], wanted)
    print(TAIL.replace("FUNCTIONS", str(len(functions))))


if __name__ == "__main__":
    main()
