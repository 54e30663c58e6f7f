"""DNSMOS as its package runs it: front end of P.808 by librosa, networks by onnxruntime with one thread."""

import functools
import hashlib
import importlib.util
import pathlib

import librosa
import numpy as np
import onnxruntime

RATE = 16000
WINDOW = 144160
SHA256 = {
    "model_v8.onnx": "9246480c58567bc6affd4200938e77eef49468c8bc7ed3776d109c07456f6e91",
    "sig_bak_ovr.onnx": "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
}


def package() -> pathlib.Path:
    """Say where the package `speechmos` lies; it is not imported, for it starts thread pools when it is."""
    found = importlib.util.find_spec("speechmos")
    if found is None or found.origin is None:
        raise SystemExit("the package speechmos is missing: pip install -r requirements.txt")
    return pathlib.Path(found.origin).parent


def model_path(name: str) -> pathlib.Path:
    """Give the path of an ONNX file whose checksum was compared."""
    path = package() / "dnsmos_models" / name
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != SHA256[name]:
        raise SystemExit(f"{path} has SHA-256 {digest}, not {SHA256[name]}")
    return path


@functools.cache
def session(name: str) -> onnxruntime.InferenceSession:
    """Give one session for each model, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model_path(name)), options, providers=["CPUExecutionProvider"])


def fill(samples: np.ndarray, length: int = WINDOW) -> np.ndarray:
    """Give the signal, doubled until it is long enough, then cut: the package's rule for short clips."""
    while len(samples) < length:
        samples = np.concatenate([samples, samples])
    return samples[:length]


def p808_features(samples: np.ndarray) -> np.ndarray:
    """Give 900 frames of 120 bands from 144,160 samples, of which the last 160 are not used."""
    power = librosa.feature.melspectrogram(y=samples[:-160], sr=RATE, n_fft=321, hop_length=160, n_mels=120)
    return ((librosa.power_to_db(power, ref=np.max) + 40) / 40).T.astype(np.float32)


def p808_from_features(features: np.ndarray) -> float:
    """Give P.808 of a window whose features are known."""
    return float(session("model_v8.onnx").run(None, {"input_1": features[None].astype(np.float32)})[0][0][0])


def p808(samples: np.ndarray) -> float:
    """Give P.808 of one window."""
    return p808_from_features(p808_features(fill(samples.astype(np.float32))))


def p835_raw(samples: np.ndarray) -> tuple[float, float, float]:
    """Give SIG, BAK and OVRL of one window, before the polynomials."""
    window = fill(samples.astype(np.float32))[None]
    signal, background, overall = session("sig_bak_ovr.onnx").run(None, {"input_1": window})[0][0]
    return float(signal), float(background), float(overall)


def p835_overall(samples: np.ndarray) -> float:
    """Give OVRL as it is published: after its polynomial."""
    raw = p835_raw(samples)[2]
    return -0.06766283 * raw * raw + 1.11546468 * raw + 0.04602535
