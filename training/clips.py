"""A clip is a line: a set, a seed, base files, degradations. This module draws such lines and makes their samples.

Everything random comes from generators seeded by the revision, the set and the seed, one for the draw, one for the base
clip, one for each degradation: a change in one step leaves the others as they were.
"""

import hashlib
import zlib
from dataclasses import dataclass, field

import numpy as np

from degrade import FIXED, HELD_OUT
from scenes import EXTRA, WEIGHTS
from sources import RATE, Sources, Voice
from spectra import rms

REVISION = 1
LONG = 144160
# The teacher hears 7.68 s; of a long clip it hears the middle.
SCORED = 122880
SCORED_FROM = 8000
SETS = {
    "voices": "held-out voices, known degradations",
    "degradations": "known voices, held-out degradations",
    "both": "held-out voices, held-out degradations",
    "short": "held-out voices, known degradations, 3 to 8 s",
    "train": "known voices, known degradations, the wider recipe",
    "more": "every voice but those that only judge, every degradation, the wider recipe",
}
# Families of the training recipe; the fixed recipe draws all alike.
SHARES = {
    "librispeech": 0.34,
    "asterisk": 0.16,
    "kokoro": 0.16,
    "piper": 0.12,
    "festival": 0.1,
    "espeak": 0.06,
    "flite": 0.06,
}


@dataclass
class Clip:
    """What a label line says of a clip before anybody has heard it."""

    set: str
    seed: int
    base: tuple[str, ...]
    steps: list[str]
    amounts: list[float] = field(default_factory=list)

    @property
    def family(self) -> str:
        """Name the engine."""
        return self.base[0].split("/")[0]

    @property
    def base_field(self) -> str:
        """Write the base files as one field: FAMILY/VOICE:NAME+NAME."""
        return self.base[0] + "".join("+" + b.split(":")[1] for b in self.base[1:])

    @property
    def steps_field(self) -> str:
        """Write the degradations as one field: NAME=AMOUNT;NAME=AMOUNT."""
        return ";".join(f"{s}={a:.3g}" for s, a in zip(self.steps, self.amounts, strict=True))


def parse(name: str, base: str, steps: str) -> Clip:
    """Read the fields of a label line back."""
    chosen, seed = name.rsplit("-", 1)
    voice, files = base.split(":")
    parts = [s.split("=") for s in steps.split(";") if s]
    return Clip(
        chosen,
        int(seed),
        tuple(f"{voice}:{f}" for f in files.split("+")),
        [p[0] for p in parts],
        [float(p[1]) for p in parts],
    )


def generator(chosen: str, seed: int, step: str) -> np.random.Generator:
    """Give the generator of one step of one clip."""
    return np.random.default_rng([REVISION, zlib.crc32(chosen.encode()), seed, zlib.crc32(step.encode())])


def draw_steps(chosen: str, rng: np.random.Generator) -> list[str]:
    """Draw names of degradations; a set of held-out degradations has at least one of them in every degraded clip."""
    known = [n for n in FIXED if n not in HELD_OUT]
    if chosen in ("train", "more"):
        names = known if chosen == "train" else list(FIXED)
        count = int(rng.choice([0, 1, 2, 3], p=[0.1, 0.5, 0.33, 0.07]))
        steps: list[str] = []
        while len(steps) < count:
            step = str(rng.choice(list(WEIGHTS), p=list(WEIGHTS.values())) if rng.random() < 0.5 else rng.choice(names))
            if step not in steps:
                steps.append(step)
        return steps
    count = int(rng.choice([0, 1, 2], p=[0.15, 0.55, 0.30]))
    if chosen in ("voices", "short"):
        return [str(s) for s in rng.choice(known, count, replace=False)]
    steps = [str(s) for s in rng.choice(list(FIXED), count, replace=False)]
    if count and not set(steps) & set(HELD_OUT):
        steps[rng.integers(count)] = str(rng.choice(HELD_OUT))
    return steps


def draw(chosen: str, seed: int, sources: Sources) -> Clip:
    """Draw a clip: family first, then voice, then files, then degradations."""
    rng = generator(chosen, seed, "draw")
    families = sources.families(chosen in ("voices", "both", "short"))
    if chosen == "more":
        for family, voices in sources.families(True).items():
            if family != "judging":
                families[family] = families.get(family, []) + voices
    names = sorted(families)
    if chosen in ("train", "more"):
        weights = np.array([SHARES[n] for n in names])
        family = str(rng.choice(names, p=weights / weights.sum()))
    else:
        family = str(rng.choice(names))
    voices = families[family]
    voice: Voice = voices[rng.integers(len(voices))]
    order = rng.permutation(len(voice.files))
    length = wanted_length(chosen, seed)
    files, heard = [], 0.0
    while heard < length / RATE and len(files) < 6:
        stem = voice.files[order[len(files) % len(order)]][0]
        base = f"{voice.family}/{voice.name}:{stem}"
        files.append(base)
        heard += len(trimmed(sources.load(base))) / RATE
    return Clip(chosen, seed, tuple(files), draw_steps(chosen, rng))


def wanted_length(chosen: str, seed: int) -> int:
    """Give the samples of a clip: short clips for judging by length and among those that train, else a window."""
    rng = generator(chosen, seed, "length")
    if chosen == "short":
        return min(int(rng.uniform(3, 8) * RATE), SCORED)
    if chosen in ("train", "more"):
        return int(rng.uniform(3, 7.5) * RATE) if rng.random() < 0.25 else SCORED
    return LONG


def trimmed(x: np.ndarray) -> np.ndarray:
    """Cut what lies below 1 % of the peak, but for 50 ms before and 100 ms after."""
    loud = np.flatnonzero(np.abs(x) > 0.01 * np.max(np.abs(x)))
    if not len(loud):
        return x
    return x[max(0, loud[0] - RATE // 20) : loud[-1] + RATE // 10]


def joined(clip: Clip, sources: Sources, rng: np.random.Generator, length: int) -> np.ndarray:
    """Join base files at one level, with pauses of low noise, cut and set to a level."""
    hiss = 10 ** (rng.uniform(-80, -60) / 20)
    parts, have, n = [], 0, 0
    while have < length:
        x = trimmed(sources.load(clip.base[n % len(clip.base)]))
        pause = rng.standard_normal(int(rng.uniform(0.05, 0.3) * RATE)) * hiss
        parts += [x * 0.06 / rms(x), pause]
        have += len(x) + len(pause)
        n += 1
    y = np.concatenate(parts)
    if clip.set in ("train", "more"):
        if rng.random() < 0.4:
            factor = rng.uniform(0.88, 1.14)
            y = np.interp(np.arange(0, len(y) - 1, factor), np.arange(len(y)), y)
        start = rng.integers(0, len(y) - length) if len(y) > length else 0
        y = np.resize(y[start:], length) if len(y) - start < length else y[start : start + length]
    y = y[:length]
    return y * 10 ** (rng.uniform(-32, -18) / 20) / rms(y)


def make(clip: Clip, sources: Sources) -> np.ndarray:
    """Make the samples of a clip as int16, and fill in its amounts."""
    length = wanted_length(clip.set, clip.seed)
    x = joined(clip, sources, generator(clip.set, clip.seed, "base"), length)
    held = clip.set in ("voices", "both", "short")
    others = [
        v
        for f, voices in sorted(sources.families(held).items())
        if f in ("asterisk", "festival", "espeak", "flite")
        for v in voices
    ]

    def babble(rng: np.random.Generator, count: int) -> np.ndarray:
        voice = others[rng.integers(len(others))]
        stem = voice.files[rng.integers(len(voice.files))][0]
        y = np.resize(trimmed(sources.load(f"{voice.family}/{voice.name}:{stem}")), count)
        return np.roll(y / rms(y), rng.integers(count))

    clip.amounts = []
    for step in clip.steps:
        x, amount = (FIXED.get(step) or EXTRA[step])(x, generator(clip.set, clip.seed, step), babble)
        clip.amounts.append(float(amount))
    peak = np.max(np.abs(x))
    if peak > 1:
        x = x / peak
    return np.round(np.clip(x, -1, 32767 / 32768) * 32768).astype(np.int16)


def scored(pcm: np.ndarray) -> np.ndarray:
    """Cut out what the teacher hears."""
    return pcm[SCORED_FROM : SCORED_FROM + SCORED] if len(pcm) == LONG else pcm


def digest(pcm: np.ndarray) -> str:
    """Give the first 16 hexadecimal digits of the SHA-256 of what is scored."""
    return hashlib.sha256(scored(pcm).astype("<i2").tobytes()).hexdigest()[:16]
