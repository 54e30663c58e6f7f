/*
 * Listens to a file as if it came from a speech engine: chunks of 20 ms, each with its time of arrival. Findings are
 * printed to stderr as they happen, the report to stdout as JSON.
 *
 *     probe FILE.wav          16-bit PCM, one channel
 *     probe FILE.raw RATE     the same without a header, little-endian
 *
 * Exit status: 0, or 2 if something could not be read or done.
 */

#include "otoscope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_MS = 20, FINDINGS = 16 };

/* 16-bit samples of one channel. */
struct audio {
    int16_t *samples;
    size_t count;
    uint32_t rate;
};

static uint32_t le16(const unsigned char *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t le32(const unsigned char *p) { return le16(p) | le16(p + 2) << 16; }

/* Reads a whole file into memory that the caller frees. NULL if that fails. */
static unsigned char *read_file(const char *path, size_t *size) {
    unsigned char *bytes = NULL;
    size_t used = 0, room = 0;
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    for (;;) {
        size_t got;
        if (used == room) {
            unsigned char *more = realloc(bytes, room = room ? 2 * room : 65536);
            if (!more) break;
            bytes = more;
        }
        got = fread(bytes + used, 1, room - used, file);
        used += got;
        if (got == 0) {
            if (ferror(file)) break;
            fclose(file);
            *size = used;
            return bytes;
        }
    }
    fclose(file);
    free(bytes);
    return NULL;
}

/* Finds the samples in a WAV file: sets where they begin and end. What is wrong, or NULL. */
static const char *parse_wav(const unsigned char *bytes, size_t size, size_t *begin, size_t *end, uint32_t *rate) {
    size_t at = 12;
    int format_seen = 0;
    while (at + 8 <= size) {
        const unsigned char *chunk = bytes + at;
        size_t length = le32(chunk + 4);
        at += 8;
        /* Servers that stream write a length they do not know yet. */
        if (length > size - at) length = size - at;
        if (memcmp(chunk, "fmt ", 4) == 0 && length >= 16) {
            if (le16(chunk + 8) != 1 || le16(chunk + 10) != 1 || le16(chunk + 22) != 16)
                return "only 16-bit PCM of one channel is read here";
            *rate = le32(chunk + 12);
            format_seen = 1;
        } else if (memcmp(chunk, "data", 4) == 0) {
            *begin = at;
            *end = at + length;
            return format_seen ? NULL : "no format before the samples";
        }
        at += length;
        at += length & 1;
    }
    return "no samples in it";
}

/* Reads a WAV file, or raw samples if a rate is given. What is wrong, or NULL. */
static const char *read_audio(const char *path, const char *rate, struct audio *audio) {
    const char *wrong = NULL;
    size_t size = 0, begin = 0, end, i;
    unsigned char *bytes = read_file(path, &size);
    if (!bytes) return "cannot be read";
    end = size;
    if (rate) {
        audio->rate = (uint32_t)strtoul(rate, NULL, 10);
    } else if (size < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0) {
        wrong = "not a WAV file; give a rate to read it as raw samples";
    } else {
        wrong = parse_wav(bytes, size, &begin, &end, &audio->rate);
    }
    if (!wrong) {
        audio->count = (end - begin) / 2;
        audio->samples = malloc(audio->count ? 2 * audio->count : 1);
        if (!audio->samples) wrong = "too large for the memory";
    }
    for (i = 0; !wrong && i < audio->count; i++) audio->samples[i] = (int16_t)le16(bytes + begin + 2 * i);
    free(bytes);
    return wrong;
}

static const char *metric_name(uint32_t id) {
    size_t i;
    for (i = 0; i < oto_metric_count(); i++) {
        oto_metric_info info = OTO_METRIC_INFO_INIT;
        if (oto_metric_get_info(i, &info) == OTO_OK && info.id == id) return info.name;
    }
    return "?";
}

/* Takes and prints all findings that wait. An open finding is printed once it is closed. */
static oto_status print_findings(oto_probe *probe, uint32_t rate) {
    static const char *const severities[] = {"?", "info", "warning", "error"};
    oto_finding found[FINDINGS];
    size_t count, i;
    do {
        oto_status status = oto_probe_poll_findings(probe, found, FINDINGS, &count);
        if (status != OTO_OK) return status;
        for (i = 0; i < count; i++) {
            const oto_finding *f = &found[i];
            if (f->state == OTO_STATE_OPEN) continue;
            fprintf(stderr, "%9.3f s  %-7s  %s/%s  value %g, threshold %g\n", (double)f->start_sample / rate,
                    severities[f->severity & 3], metric_name(f->metric_id), oto_finding_kind_str(f->metric_id, f->kind),
                    f->value, f->threshold);
        }
    } while (count == FINDINGS);
    return OTO_OK;
}

/* Listens to the audio and prints what there is to say. */
static oto_status listen(const struct audio *audio, oto_probe *probe, oto_report *report) {
    size_t chunk = audio->rate * CHUNK_MS / 1000, at, needed = 0;
    int64_t t_ns = 0;
    oto_status status;
    char *json;

    /* Nothing yet, but from now on the listener waits: the time to the first audio counts from here. */
    if ((status = oto_probe_push_i16(probe, NULL, 0, t_ns, 0)) != OTO_OK) return status;
    t_ns += CHUNK_MS * INT64_C(1000000);
    for (at = 0; at < audio->count; at += chunk, t_ns += CHUNK_MS * INT64_C(1000000)) {
        size_t n = audio->count - at < chunk ? audio->count - at : chunk;
        if ((status = oto_probe_push_i16(probe, audio->samples + at, n, t_ns, 0)) != OTO_OK) return status;
        if ((status = print_findings(probe, audio->rate)) != OTO_OK) return status;
    }
    if ((status = oto_probe_finish(probe, report)) != OTO_OK) return status;
    if ((status = print_findings(probe, audio->rate)) != OTO_OK) return status;

    status = oto_report_json(report, NULL, 0, &needed);
    if (status != OTO_ERR_BUFFER_TOO_SMALL) return status;
    json = malloc(needed);
    if (!json) return OTO_ERR_MEMORY;
    status = oto_report_json(report, json, needed, &needed);
    if (status == OTO_OK) puts(json);
    free(json);
    return status;
}

int main(int argc, char **argv) {
    struct audio audio = {NULL, 0, 0};
    oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
    oto_config *config = NULL;
    oto_probe *probe = NULL;
    oto_report *report = NULL;
    oto_status status;
    const char *wrong;

    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s FILE.wav | FILE.raw RATE\n", argv[0]);
        return 2;
    }
    if (oto_abi_version() != OTO_ABI_VERSION) {
        fprintf(stderr, "compiled for another libotoscope\n");
        return 2;
    }
    wrong = read_audio(argv[1], argc == 3 ? argv[2] : NULL, &audio);
    if (wrong) {
        fprintf(stderr, "%s: %s\n", argv[1], wrong);
        free(audio.samples);
        return 2;
    }

    spec.sample_rate_hz = audio.rate;
    status = oto_config_new(&spec, &config);
    if (status == OTO_OK) status = oto_config_freeze(config);
    if (status == OTO_OK) status = oto_report_new(config, &report);
    if (status == OTO_OK) status = oto_probe_new(config, &probe);
    if (status == OTO_OK) status = listen(&audio, probe, report);
    if (status != OTO_OK) {
        char why[256] = "";
        size_t needed = 0;
        if (config) (void)oto_config_error(config, why, sizeof why, &needed);
        fprintf(stderr, "%s: %s%s%s\n", argv[1], oto_status_str(status), why[0] ? ": " : "", why);
    }
    oto_probe_free(probe);
    oto_report_free(report);
    oto_config_free(config);
    free(audio.samples);
    return status == OTO_OK ? 0 : 2;
}
