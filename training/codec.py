"""Round trips through the encoders of ffmpeg, bit-exact and on one thread, with the length kept."""

import subprocess

import numpy as np

RATE = 16000
QUIET = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1"]
PCM = ["-f", "s16le", "-ar", str(RATE), "-ac", "1"]


def round_trip(x: np.ndarray, container: str, *encoder: str) -> np.ndarray:
    """Encode and decode X; what the codec adds at the end is cut, what it loses becomes silence."""
    pcm = np.round(np.clip(x, -1, 32767 / 32768) * 32768).astype("<i2").tobytes()
    exact = ["-flags", "+bitexact", "-fflags", "+bitexact"]
    coded = subprocess.run(
        [*QUIET, *PCM, "-i", "-", *encoder, *exact, "-f", container, "-"], input=pcm, capture_output=True, check=True
    )
    source = ["-f", container] if container in ("g722", "gsm", "codec2") else []
    back = subprocess.run([*QUIET, *source, "-i", "-", *PCM, "-"], input=coded.stdout, capture_output=True, check=True)
    y = np.frombuffer(back.stdout, "<i2").astype(np.float64) / 32768
    return np.pad(y, (0, max(0, len(x) - len(y))))[: len(x)]
