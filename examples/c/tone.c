/*
 * Writes something to listen to: 3 s of a tone at 24 kHz as a WAV file, with a step where the chunk at 1 s begins and a
 * hole at 2 s.
 *
 *     tone FILE.wav
 */

#include <stdint.h>
#include <stdio.h>

enum { RATE = 24000, SAMPLES = 3 * RATE };

static void put(FILE *file, uint32_t value, int bytes) {
    for (; bytes > 0; bytes--, value >>= 8) putc((int)(value & 255), file);
}

int main(int argc, char **argv) {
    int32_t y = 0, velocity = 500, i;
    FILE *file = argc == 2 ? fopen(argv[1], "wb") : NULL;
    if (!file) {
        fprintf(stderr, "usage: %s FILE.wav\n", argv[0]);
        return 2;
    }
    fputs("RIFF", file), put(file, 36 + 2 * SAMPLES, 4), fputs("WAVEfmt ", file);
    put(file, 16, 4), put(file, 1, 2), put(file, 1, 2);
    put(file, RATE, 4), put(file, 2 * RATE, 4), put(file, 2, 2), put(file, 16, 2);
    fputs("data", file), put(file, 2 * SAMPLES, 4);
    for (i = 0; i < SAMPLES; i++) {
        int hole = i >= 2 * RATE && i < 2 * RATE + RATE / 20;
        if (i == RATE) y += 6000;
        put(file, hole ? 0 : (uint32_t)y, 2);
        /* A spring: a sine of about 190 Hz, and no library for it. */
        velocity -= y / 400;
        y += velocity;
    }
    return fclose(file) == 0 ? 0 : 2;
}
