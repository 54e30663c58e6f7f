"""Where clean speech comes from, and which voices are kept for judging.

Three sources, each a folder: the clean speech of fixtures/fetch_clean_speech.sh; LibriSpeech excerpts (CC BY 4.0), if
the user has them; a folder of samples of neural systems that only judges and never trains. A base file is named
FAMILY/VOICE:NAME, so a label line can be made again on any machine that has the file, whatever else is missing there.
"""

import csv
import functools
import hashlib
import pathlib
import re
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

RATE = 16000
# Engines that no network sees before the table is made.
HELD_OUT_FAMILIES = ("flite", "judging")
# Singing, and checkpoints of a training that had not yet learnt to speak.
NOT_JUDGED = re.compile(r"nnsvs|svcc|progress|intro")


@dataclass(frozen=True)
class Voice:
    """A voice: the files it has, and the person or engine behind it."""

    family: str
    name: str
    speaker: str
    files: tuple[tuple[str, pathlib.Path], ...]

    @property
    def held_out(self) -> bool:
        """Whether the voice only judges: a whole engine, or one speaker of seven by hash."""
        if self.family in HELD_OUT_FAMILIES:
            return True
        return hashlib.sha256(f"{self.family}/{self.speaker}".encode()).digest()[1] % 7 == 0


def speaker_of(family: str, voice: str) -> str:
    """Name whoever speaks, so that one person is never on both sides."""
    voice = voice.removesuffix("-joined").removesuffix("-fullscale")
    if voice.endswith("-nsk"):
        return "nsk"
    return voice.split("-", 1)[1] if family == "asterisk" else voice


def fetched(folder: pathlib.Path) -> list[Voice]:
    """List the voices of fetch_clean_speech.sh."""
    files: dict[tuple[str, str], list[tuple[str, pathlib.Path]]] = {}
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            path = folder / row["path"]
            files.setdefault((row["family"], row["voice"]), []).append((path.stem, path))
    return [
        Voice(family, name, speaker_of(family, name), tuple(sorted(f))) for (family, name), f in sorted(files.items())
    ]


def librispeech(folder: pathlib.Path) -> list[Voice]:
    """List LibriSpeech speakers of a folder of FLAC files named SPEAKER-CHAPTER-NUMBER."""
    files: dict[str, list[tuple[str, pathlib.Path]]] = {}
    for path in sorted(folder.rglob("*.flac")):
        if re.fullmatch(r"\d+-\d+-\d+", path.stem):
            files.setdefault(path.stem.split("-")[0], []).append((path.stem, path))
    return [Voice("librispeech", name, name, tuple(f)) for name, f in sorted(files.items())]


def judging(folder: pathlib.Path) -> list[Voice]:
    """List systems of a folder of WAV files: one voice for each folder and each name behind the sample's number."""
    files: dict[str, list[tuple[str, pathlib.Path]]] = {}
    for path in sorted(folder.rglob("*.wav")):
        relative = path.relative_to(folder).as_posix()
        if NOT_JUDGED.search(relative):
            continue
        system = path.stem.split("]-", 1)[1] if "]-" in path.stem else ""
        key = hashlib.sha1(f"{path.parent.relative_to(folder).as_posix()}/{system}".encode()).hexdigest()[:6]
        name = f"{relative.split('/')[0]}-{key}"
        files.setdefault(name, []).append((hashlib.sha1(relative.encode()).hexdigest()[:8], path))
    return [Voice("judging", name, name, tuple(f)) for name, f in sorted(files.items())]


@dataclass
class Sources:
    """Every voice that is here, by family."""

    voices: list[Voice]

    def __post_init__(self) -> None:
        self.paths = {f"{v.family}/{v.name}:{stem}": path for v in self.voices for stem, path in v.files}

    def families(self, held_out: bool) -> dict[str, list[Voice]]:
        """Group the voices of one side by family."""
        grouped: dict[str, list[Voice]] = {}
        for voice in self.voices:
            if voice.held_out == held_out:
                grouped.setdefault(voice.family, []).append(voice)
        return grouped

    def load(self, base: str) -> np.ndarray:
        """Read one base file at 16 kHz; KeyError says that it is not on this machine."""
        return _read(self.paths[base])


@functools.lru_cache(maxsize=256)
def _read(path: pathlib.Path) -> np.ndarray:
    pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = pcm.mean(axis=1)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE, quality="HQ")
    return mono.astype(np.float64)


def find(speech: pathlib.Path, libri: pathlib.Path | None, judge: pathlib.Path | None) -> Sources:
    """Collect every voice of the folders that are given."""
    voices = fetched(speech)
    if libri:
        voices += librispeech(libri)
    if judge:
        voices += judging(judge)
    return Sources(voices)
