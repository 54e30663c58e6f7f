"""Folders and options that every command shares."""

import argparse
import csv
import pathlib

import sources

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
LABELS = HERE / "labels"
FIELDS = ("clip", "recipe", "base", "steps", "sha256", "teacher", "score")


def options(description: str | None) -> argparse.ArgumentParser:
    """Give a parser with the folders of the speech."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--speech", type=pathlib.Path, default=ROOT / "speech", help="made by fixtures/fetch_clean_speech.sh"
    )
    parser.add_argument("--librispeech", type=pathlib.Path, help="a folder of LibriSpeech's FLAC files")
    parser.add_argument("--judging", type=pathlib.Path, help="a folder of samples of neural systems, for judging only")
    parser.add_argument(
        "--cache", type=pathlib.Path, default=ROOT / "build/training", help="samples, features, checkpoints"
    )
    return parser


def speech(args: argparse.Namespace) -> sources.Sources:
    """Collect the voices of the folders that were given."""
    return sources.find(args.speech, args.librispeech, args.judging)


def labels(chosen: str) -> list[dict[str, str]]:
    """Read the label lines of a set, in the order of their seeds."""
    path = LABELS / f"{chosen}.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["clip"].rsplit("-", 1)[1]))
