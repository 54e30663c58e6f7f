"""Short-time spectra with an exact way back, and the filters that the recipe is made of."""

import functools

import librosa
import numpy as np
from scipy import signal

RATE = 16000
FFT, HOP = 512, 128


def stft(x: np.ndarray, size: int = FFT, hop: int = HOP) -> np.ndarray:
    """Transform X into [bins, frames], centred."""
    padded = np.pad(x, (size // 2, size // 2 + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.fft.rfft(frames * window(size), axis=1).T


def istft(spectrum: np.ndarray, length: int, size: int = FFT, hop: int = HOP) -> np.ndarray:
    """Turn a spectrum back by weighted overlap-add."""
    frames = np.fft.irfft(spectrum.T, size, axis=1) * window(size)
    total = np.zeros((len(frames) - 1) * hop + size)
    weight = np.zeros_like(total)
    square = window(size) ** 2
    for n, frame in enumerate(frames):
        total[n * hop : n * hop + size] += frame
        weight[n * hop : n * hop + size] += square
    y = total / np.maximum(weight, 1e-3)
    return y[size // 2 : size // 2 + length]


@functools.cache
def window(size: int) -> np.ndarray:
    """Give the periodic Hann window."""
    return signal.get_window("hann", size)


@functools.cache
def mel(bands: int, size: int = FFT) -> np.ndarray:
    """Give a mel matrix [bands, bins]."""
    return librosa.filters.mel(sr=RATE, n_fft=size, n_mels=bands).astype(np.float64)


def rms(x: np.ndarray) -> float:
    """Give the root mean square, never zero."""
    return float(np.sqrt(np.mean(x * x)) + 1e-9)


def butter(x: np.ndarray, order: int, edge: float | tuple[float, float], kind: str) -> np.ndarray:
    """Filter X by Butterworth sections."""
    return signal.sosfilt(signal.butter(order, edge, kind, fs=RATE, output="sos"), x)


def coloured(rng: np.random.Generator, count: int, slope: float) -> np.ndarray:
    """Make noise whose power falls as 1 / f ** SLOPE, RMS 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    f = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20)
    y = np.fft.irfft(spectrum * f ** (-slope / 2), count)
    return y / rms(y)


def smooth_random(rng: np.random.Generator, count: int, period: int) -> np.ndarray:
    """Make a smooth random curve of about unit variance with a new value every PERIOD samples."""
    points = rng.standard_normal(count // period + 4)
    return np.interp(np.arange(count) / period, np.arange(len(points)), points)
