"""The degradations of the fixed test recipe, with their ranges; each gives the signal and one amount.

An amount says how strong a degradation is in its own unit (dB, bits, kbit/s, ...): it goes into the label line. The
recipe is fixed: a change here needs a new revision in clips.py and makes older tables incomparable.
"""

from collections.abc import Callable

import numpy as np
from scipy import signal

from codec import round_trip
from spectra import RATE, butter, coloured, istft, mel, rms, stft

Rng = np.random.Generator
# A clip of other speech, for babble.
Babble = Callable[[Rng, int], np.ndarray]
Degradation = Callable[[np.ndarray, Rng, Babble], tuple[np.ndarray, float]]


def at_snr(x: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Add NOISE at a ratio of levels."""
    return x + noise * (rms(x) / rms(noise) * 10 ** (-snr_db / 20))


def music(rng: Rng, count: int) -> np.ndarray:
    """Play chords with decaying overtones and a beat, as hold music does: nothing above 4 kHz."""
    t = np.arange(count) / RATE
    y = np.zeros(count)
    beat = rng.uniform(0.25, 0.7)
    for start in np.arange(0, count / RATE, beat):
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        age = np.maximum(t - start, 0)
        envelope = np.where(t >= start, np.exp(-age / rng.uniform(0.2, 0.8)), 0)
        for interval in (0, rng.choice([3, 4]), 7):
            f = root * 2 ** (interval / 12)
            for h in range(1, 6):
                if f * h < 4000:
                    y += envelope * np.sin(2 * np.pi * f * h * t) / h
    return y


def noise(x: np.ndarray, rng: Rng, babble: Babble) -> tuple[np.ndarray, float]:
    """White, pink, brown, babble, hum or music at -5 to 40 dB."""
    snr = rng.uniform(-5, 40)
    kind = rng.integers(6)
    count = len(x)
    if kind < 3:
        added = coloured(rng, count, float(kind))
    elif kind == 3:
        added = sum(babble(rng, count) for _ in range(4))
    elif kind == 4:
        f = rng.choice([50, 60, 100, 120])
        t = np.arange(count) / RATE
        added = sum(np.sin(2 * np.pi * f * h * t + rng.uniform(0, 6.28)) / h for h in range(1, 8))
    else:
        added = music(rng, count)
    return at_snr(x, added, snr), snr


def hard_clip(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Cut at 0.05 to 0.7 of the peak."""
    threshold = rng.uniform(0.05, 0.7)
    limit = threshold * np.max(np.abs(x))
    return np.clip(x, -limit, limit) * rng.uniform(0.5, 1) * min(1 / threshold, 3), threshold


def soft_clip(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Drive tanh by 3 to 40."""
    drive = rng.uniform(3, 40)
    return np.tanh(x * drive / (np.max(np.abs(x)) + 1e-9)) * rng.uniform(0.1, 0.5), drive


def gilbert(rng: Rng, frames: int) -> tuple[np.ndarray, float]:
    """Lose frames in bursts; gives what was lost and the share."""
    p, burst = rng.uniform(0.005, 0.3), rng.uniform(1, 6)
    lost = np.zeros(frames, bool)
    state = False
    for n in range(frames):
        state = rng.random() < ((1 - 1 / burst) if state else p / burst)
        lost[n] = state
    return lost, float(lost.mean())


def packet_gaps(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Lose frames of 5 to 60 ms: silence, the last frame at 0.9, or a fade of 2.5 ms."""
    size = int(rng.choice([5, 10, 20, 40, 60])) * RATE // 1000
    lost, share = gilbert(rng, len(x) // size + 1)
    how = rng.integers(3)
    y = x.copy()
    for n in np.flatnonzero(lost[: len(x) // size]):
        start, stop = n * size, (n + 1) * size
        if how == 1 and n:
            y[start:stop] = 0.9 * y[start - size : start]
        else:
            y[start:stop] = 0
            if how == 2 and n:
                fade = min(40, size)
                y[start : start + fade] = x[start : start + fade] * np.linspace(1, 0, fade)
    return y, share


def holes(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Cut 1 to 7 holes of 30 to 400 ms."""
    y, seconds = x.copy(), 0.0
    for _n in range(rng.integers(1, 8)):
        size = int(rng.uniform(0.03, 0.4) * RATE)
        start = rng.integers(0, len(x) - size)
        y[start : start + size] = 0
        seconds += size / RATE
    return y, seconds


def stutter(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Replace 1 to 11 chunks of 20 to 250 ms by the chunk before."""
    y = x.copy()
    count = rng.integers(1, 12)
    for _n in range(count):
        size = int(rng.uniform(0.02, 0.25) * RATE)
        start = rng.integers(size, len(x) - size)
        y[start : start + size] = y[start - size : start]
    return y, float(count)


def buzz(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Put in 1 to 3 segments of a saw-tooth."""
    y, seconds = x.copy(), 0.0
    for _n in range(rng.integers(1, 4)):
        size = int(rng.uniform(0.2, 1.2) * RATE)
        start = rng.integers(0, len(x) - size)
        tone = 2 * ((np.arange(size) * rng.uniform(60, 400) / RATE) % 1) - 1
        tone *= rng.uniform(0.5, 2) * rms(x)
        y[start : start + size] = tone + (y[start : start + size] if rng.random() < 0.5 else 0)
        seconds += size / RATE
    return y, seconds


def pops(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Put in 2 to 79 spikes, bursts or steps."""
    y = x.copy()
    count = rng.integers(2, 80)
    for _n in range(count):
        start = rng.integers(0, len(x) - 64)
        height = rng.uniform(0.05, 1) * rng.choice([-1, 1])
        kind = rng.integers(3)
        if kind == 0:
            y[start] += height
        elif kind == 1:
            size = rng.integers(4, 60)
            y[start : start + size] += height * rng.standard_normal(size) * np.exp(-np.arange(size) / (size / 4)) / 2
        else:
            y[start : start + rng.integers(2, 40)] += height
    return np.clip(y, -1, 1), float(count)


def wrong_speed(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Play at a wrong speed; what is missing at the end is played again."""
    factor = float(rng.choice([0.6, 0.75, 0.85, 1.2, 1.35, 1.6]))
    y = np.interp(np.arange(0, len(x) - 1, factor), np.arange(len(x)), x)
    return np.resize(y, len(x)), factor


def level(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Lower by 8 to 30 dB."""
    gain = rng.uniform(-30, -8)
    return x * 10 ** (gain / 20), gain


def tilt(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Filter by first order at 300 to 3000 Hz, level kept."""
    edge = rng.uniform(300, 3000)
    y = butter(x, 1, edge, "low" if rng.random() < 0.5 else "high")
    return y * rms(x) / rms(y), edge


def quantise(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Keep 3 to 9 bits of the peak."""
    bits = int(rng.integers(3, 10))
    step = np.max(np.abs(x)) / 2 ** (bits - 1) + 1e-12
    return np.round(x / step) * step, float(bits)


def low_pass(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Cut above 900 to 6500 Hz."""
    edge = rng.uniform(900, 6500)
    return butter(x, 6, edge, "low"), edge


def band_pass(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Keep a telephone's band or less."""
    low, high = rng.uniform(150, 700), rng.uniform(2200, 4000)
    return butter(x, 4, (low, high), "band"), high - low


def aliasing(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Keep every 2nd, 3rd or 4th sample without a filter."""
    step = int(rng.integers(2, 5))
    kept = x[::step]
    if rng.random() < 0.5:
        return np.repeat(kept, step)[: len(x)], float(step)
    return np.interp(np.arange(len(x)), np.arange(len(kept)) * step, kept), float(step)


def opus(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by Opus at 6 to 24 kbit/s."""
    rate = int(rng.choice([6, 8, 10, 12, 16, 24]))
    return round_trip(x, "ogg", "-c:a", "libopus", "-b:a", f"{rate}k", "-application", "voip"), float(rate)


def mp3(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by MP3 at 8 to 32 kbit/s."""
    rate = int(rng.choice([8, 16, 24, 32]))
    return round_trip(x, "mp3", "-c:a", "libmp3lame", "-b:a", f"{rate}k"), float(rate)


def aac(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by AAC at 8 to 24 kbit/s."""
    rate = int(rng.choice([8, 12, 16, 24]))
    return round_trip(x, "adts", "-c:a", "aac", "-b:a", f"{rate}k"), float(rate)


def speex(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by Speex, quality 0 to 6, narrow or wide."""
    quality = int(rng.integers(0, 7))
    return round_trip(x, "ogg", "-ar", str(rng.choice([8000, 16000])), "-c:a", "libspeex", "-q:a", str(quality)), float(
        quality
    )


def gsm(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by GSM full rate."""
    return round_trip(x, "gsm", "-ar", "8000", "-c:a", "libgsm"), 13.0


def codec2(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by Codec2 at 700 to 3200 bit/s."""
    mode = str(rng.choice(["3200", "2400", "1600", "1300", "700C"]))
    return round_trip(x, "codec2", "-ar", "8000", "-c:a", "libcodec2", "-mode", mode), float(mode.rstrip("C"))


def g726(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by G.726 at 16 to 32 kbit/s."""
    rate = int(rng.choice([16, 24, 32]))
    return round_trip(x, "matroska", "-ar", "8000", "-c:a", "g726", "-b:a", f"{rate}k"), float(rate)


def mu_law(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Code by G.711 mu-law at 8 kHz."""
    return round_trip(x, "wav", "-ar", "8000", "-c:a", "pcm_mulaw"), 64.0


def griffin_lim(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Invert a mel spectrum of 24 to 80 bands by 1 to 16 iterations from random phase."""
    bands, iterations = int(rng.choice([24, 40, 60, 80])), int(rng.choice([1, 2, 4, 8, 16]))
    matrix = mel(bands)
    magnitude = np.maximum(np.linalg.pinv(matrix) @ (matrix @ np.abs(stft(x))), 0)
    spectrum = magnitude * np.exp(2j * np.pi * rng.random(magnitude.shape))
    for _n in range(iterations):
        again = stft(istft(spectrum, len(x)))
        spectrum = magnitude * np.exp(1j * np.angle(again))
    y = istft(spectrum, len(x))
    return y * rms(x) / rms(y), float(bands)


def reverb(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Add a tail of noise with T60 of 0.15 to 1.6 s, at -15 to 6 dB to the direct sound."""
    t60, delay, ratio = rng.uniform(0.15, 1.6), rng.uniform(0.0005, 0.01), rng.uniform(-15, 6)
    size = int(t60 * RATE)
    tail = rng.standard_normal(size) * 10 ** (-3 * np.arange(size) / size)
    tail *= 10 ** (ratio / 20) / np.sqrt(np.sum(tail**2))
    response = np.concatenate([[1.0], np.zeros(int(delay * RATE)), tail])
    y = signal.fftconvolve(x, response)[: len(x)]
    return y * rms(x) / rms(y), t60


def spectral_gating(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Add noise, then scale bins below a quantile by 0 to 0.1."""
    noisy = at_snr(x, coloured(rng, len(x), rng.uniform(0, 2)), rng.uniform(0, 25))
    spectrum = stft(noisy)
    magnitude = np.abs(spectrum)
    quantile = rng.uniform(0.3, 0.85)
    limit = np.quantile(magnitude, quantile, axis=1, keepdims=True) * rng.uniform(0.8, 2.5)
    return istft(np.where(magnitude < limit, spectrum * rng.uniform(0, 0.1), spectrum), len(x)), quantile


def robot(x: np.ndarray, rng: Rng, _: Babble) -> tuple[np.ndarray, float]:
    """Scale the phase of every bin by 0 to 0.5."""
    spectrum = stft(x)
    scale = rng.uniform(0, 0.5)
    y = istft(np.abs(spectrum) * np.exp(1j * np.angle(spectrum) * scale), len(x))
    return y * rms(x) / rms(y), scale


FIXED: dict[str, Degradation] = {
    f.__name__: f
    for f in (
        noise, hard_clip, soft_clip, packet_gaps, holes, stutter, buzz, pops, wrong_speed, level, tilt, quantise,
        low_pass, band_pass, aliasing, opus, mp3, aac, speex, gsm, codec2, g726, mu_law, griffin_lim, reverb,
        spectral_gating, robot,
    )
}  # fmt: skip
HELD_OUT = ("griffin_lim", "codec2", "spectral_gating")
