/* Pushes a file of raw 16-bit samples at 24 kHz in chunks of 10 ms: what c_push.sh counts beside the same in Rust. */

#include "otoscope.h"

#include <stdio.h>

/* The name the counter looks for. */
__attribute__((noinline)) void counted(oto_probe *probe, const int16_t *pcm, int64_t t_ns);
void counted(oto_probe *probe, const int16_t *pcm, int64_t t_ns) { (void)oto_probe_push_i16(probe, pcm, 240, t_ns, 0); }

int main(int argc, char **argv) {
    static int16_t pcm[240];
    oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
    oto_config *config = NULL;
    oto_probe *probe = NULL;
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    int64_t pushes = 0;
    spec.sample_rate_hz = 24000;
    if (!file || oto_config_new(&spec, &config) != OTO_OK || oto_config_freeze(config) != OTO_OK || oto_probe_new(config, &probe) != OTO_OK) return 2;
    while (fread(pcm, 2, 240, file) == 240) {
        counted(probe, pcm, INT64_C(10000000) * pushes);
        pushes++;
    }
    printf("%ld\n", (long)pushes);
    fclose(file);
    oto_probe_free(probe);
    oto_config_free(config);
    return 0;
}
