"""Many recordings or pairs at once: what the rows are. The work is done in Rust, on all processors."""

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from otoscope import _otoscope, _progress
from otoscope._otoscope import Results
from otoscope._types import InputTypeError, InputValueError

_AUDIO = {".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".webm", ".mka", ".mkv"}

_Progress = bool | Callable[[int, int], object] | None


def _is_path(thing: object) -> bool:
    return isinstance(thing, str | os.PathLike)


def _columns(thing: object) -> dict[str, list[Any]] | None:
    """Take a data frame apart (pandas, polars, pyarrow) by what it can do; None for other things."""
    if hasattr(thing, "iloc") and hasattr(thing, "columns"):
        return {str(name): list(thing[name]) for name in thing.columns}  # type: ignore[index]
    if hasattr(thing, "iter_rows") and hasattr(thing, "to_dict"):
        return dict(thing.to_dict(as_series=False))
    if hasattr(thing, "to_pydict"):
        return dict(thing.to_pydict())
    return None


def _read_csv(path: Path, argument: str) -> dict[str, list[Any]]:
    """Read a list of files; paths in it are relative to it."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    names = reader.fieldnames or []
    if not names:
        raise InputValueError(argument, f"{path} is empty", "write the names of the columns into its first line")
    table: dict[str, list[Any]] = {name: [row[name] or None for row in rows] for name in names}
    for name in ("ref", "deg", "path", "audio"):
        if name in table:
            table[name] = [None if cell is None else str(path.parent / cell) for cell in table[name]]
    return table


def _files(folder: Path, argument: str) -> list[Any]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _AUDIO and p.is_file())
    if not found:
        raise InputValueError(
            argument, f"{folder} holds no audio", f"give a folder with files of {', '.join(sorted(_AUDIO))}"
        )
    return list(found)


def _whole(cells: Iterable[Any]) -> list[int | None]:
    return [None if cell is None or cell != cell else int(cell) for cell in cells]


def _rates(given: int | Sequence[int], are_files: list[bool]) -> list[int | None]:
    """Take one rate for all or one for each; files have a rate of their own."""
    if isinstance(given, Sequence):
        return list(given)
    return [None if is_file else given for is_file in are_files]


def _many(argument: str, thing: object) -> list[Any]:
    if (
        isinstance(thing, bytes | bytearray | memoryview)
        or hasattr(thing, "__array__")
        or not hasattr(thing, "__iter__")
    ):
        problem = f"{type(thing).__name__} is not a list of recordings"
        raise InputTypeError(argument, problem, "give a list of paths or arrays, a folder, a CSV file or a data frame")
    return list(thing)


def _run(call: Callable[..., Results], progress: _Progress, total: int, what: str, *arguments: object) -> Results:
    bar = _progress.bar(progress, total, what)
    try:
        return call(*arguments, bar)
    finally:
        if isinstance(bar, _progress.Bar):
            bar.close()


def probe_many(
    audio: object,
    sample_rate_hz: int | Sequence[int] | None = None,
    *,
    metrics: Iterable[str] | None = None,
    settings: Mapping[str, float | str] | None = None,
    texts: Sequence[str | None] | None = None,
    names: Sequence[str | None] | None = None,
    labels: Mapping[str, Sequence[object]] | None = None,
    norms: Iterable[str] | None = None,
    html: str | os.PathLike[str] | None = None,
    html_audio: str = "findings",
    workers: int | None = None,
    progress: bool | Callable[[int, int], object] | None = None,
) -> Results:
    """Measure many recordings on all processors.

    One that cannot be measured does not stop the others: its row has a `status` and a `message`. Rows come in the order of the
    input, whatever the number of workers, and hold what `probe` gives for one recording.

    Parameters
    ----------
    audio
        A folder (all audio files below it, by name), a list of paths or arrays, a mapping from names to either, a CSV file or a
        data frame (pandas, polars, pyarrow) with a column ``path`` or ``audio`` and, if there are, ``sample_rate_hz``, ``text``
        and ``name``; its other columns go into the result as they are, and into the labels of the reports.
    sample_rate_hz
        The rate of arrays, one for all or one for each. Files have theirs.
    metrics, settings
        As for `probe`.
    texts
        What each recording says, to find runaway speech and speech that stops short; only the length is used.
    names
        What the rows are called instead of their paths.
    labels
        Columns to add: ``{"voice": [...]}``.
    norms
        Delivery norms to hold each recording against, by their names in `otoscope.norms`: a column ``norm.NAME`` each, ``pass``,
        ``fail`` or ``not_measured``.
    html
        Where to write a page to look at and listen to, in one file that needs nothing else: a table that sorts and filters, and for each
        recording waveform, findings, spectrogram, loudness and verdicts. Another page there is written over, other files never.
    html_audio
        What of the audio the page carries: ``none``, ``findings`` (what is around them, at most 20 s a file) or ``all`` (at most 10 min
        a file).
    workers
        How many threads; as many as the machine has processors without it. The GIL is released.
    progress
        True or False: a bar on standard error. None: where somebody sees it. Or a function, called with (done, total).

    Returns
    -------
    Results
        A row for each recording: ``name``, ``status`` (``ok``, ``damaged``, ``unreadable``, ``undecodable``, ``refused``),
        ``message``, ``duration_s``, ``findings``, ``worst``, every value as ``metric.field`` and the number of findings of each
        kind as ``metric.kind.findings``, then the norms. ``results[i]`` is the `Report`.

    Raises
    ------
    InputError
        For an argument that makes no sense for any row.
    ConfigError
        For a metric or a setting there is not.

    """
    given: dict[str, list[Any]] = {}
    rows: list[Any]
    row_names: list[str | None] | None = None
    row_texts: list[str | None] | None = None
    rates: list[int | None] | None = None
    table = _columns(audio)
    if table is None and _is_path(audio):
        path = Path(audio)  # type: ignore[arg-type]
        if path.is_dir():
            rows = _files(path, "audio")
        elif path.suffix.lower() == ".csv":
            table = _read_csv(path, "audio")
        else:
            rows = [path]
    elif table is None and isinstance(audio, Mapping):
        rows, row_names = list(audio.values()), [str(name) for name in audio]
    elif table is None:
        rows = _many("audio", audio)
    if table is not None:
        column = next((name for name in ("path", "audio") if name in table), None)
        if column is None:
            raise InputValueError(
                "audio", "the table has no column path or audio", "name the column with the recordings so"
            )
        rows = table.pop(column)
        if "sample_rate_hz" in table:
            rates = _whole(table.pop("sample_rate_hz"))
        if "text" in table:
            row_texts = [None if text is None or text != text else str(text) for text in table.pop("text")]
        if "name" in table:
            row_names = [None if name is None or name != name else str(name) for name in table.pop("name")]
        given = table
    count = len(rows)
    if sample_rate_hz is not None:
        rates = _rates(sample_rate_hz, [_is_path(row) for row in rows])
    lists = {
        "sample_rate_hz": rates,
        "texts": row_texts if texts is None else list(texts),
        "names": row_names if names is None else list(names),
    }
    for name, values in lists.items():
        if values is not None and len(values) != count:
            raise InputValueError(name, f"{len(values)} for {count} recordings", "give one for each")
    given |= {name: list(values) for name, values in (labels or {}).items()}
    empty: list[Any] = [None] * count
    per_row = [values if values is not None else empty for values in lists.values()]
    asked = None if norms is None else list(norms)
    arguments = (rows, *per_row, list(given.items()), metrics, settings, asked, html, html_audio, workers)
    return _run(_otoscope._probe_rows, progress, count, "recordings", *arguments)


def compare_many(
    pairs: object,
    sample_rate_hz: int | Sequence[int] | None = None,
    *,
    metrics: Iterable[str] | None = None,
    align: str = "none",
    max_delay_s: float = 2.0,
    channel: int | None = None,
    frames: bool = False,
    labels: Mapping[str, Sequence[object]] | None = None,
    html: str | os.PathLike[str] | None = None,
    html_audio: str = "findings",
    workers: int | None = None,
    progress: bool | Callable[[int, int], object] | None = None,
) -> Results:
    """Compare many degraded signals with their references on all processors.

    One pair that cannot be compared does not stop the others: its row has a `status` and a `message`, and each score has a status of
    its own. A reference that several pairs share is prepared once.

    Parameters
    ----------
    pairs
        A list of (reference, degraded), each a path or an array; or a CSV file or a data frame (pandas, polars, pyarrow) with
        columns ``ref`` and ``deg`` and, if there is, ``sample_rate_hz``; its other columns (``id``, ``system``...) go into the
        result as they are.
    sample_rate_hz
        The rate of arrays, one for all or one for each pair. Files have theirs.
    metrics, align, max_delay_s, channel, frames
        As for `compare`.
    labels
        Columns to add: ``{"system": [...]}``.
    html
        Where to write a page to look at and listen to, in one file that needs nothing else: a table that sorts and filters, and for each
        pair both waveforms and spectrograms, where they differ most, and every score. Another page there is written over, other files
        never.
    html_audio
        What of the audio the page carries: ``none``, ``findings`` (where the pair differs most) or ``all`` (at most 10 min a file).
    workers
        How many threads; as many as the machine has processors without it. The GIL is released.
    progress
        True or False: a bar on standard error. None: where somebody sees it. Or a function, called with (done, total).

    Returns
    -------
    Results
        A row for each pair: ``ref``, ``deg``, ``status``, ``message``, every value as ``score.field`` (such as
        ``pesq_wb.mos_lqo``), ``score.status`` (``ok`` or the reason) and ``warnings``. ``results[i]`` is the `Comparison`.

    Raises
    ------
    InputError
        For an argument that makes no sense for any row.
    ConfigError
        For a score there is not.

    """
    given: dict[str, list[Any]] = {}
    rates: list[int | None] | None = None
    table = _columns(pairs)
    if table is None and _is_path(pairs):
        table = _read_csv(Path(pairs), "pairs")  # type: ignore[arg-type]
    if table is not None:
        for name in ("ref", "deg"):
            if name not in table:
                raise InputValueError("pairs", f"the table has no column {name}", "name its columns ref and deg")
        refs, degs = table.pop("ref"), table.pop("deg")
        if "sample_rate_hz" in table:
            rates = _whole(table.pop("sample_rate_hz"))
        given = table
    else:
        refs, degs = [], []
        for i, pair in enumerate(_many("pairs", pairs)):
            if not isinstance(pair, Sequence) or _is_path(pair) or len(pair) != 2:
                raise InputTypeError("pairs", f"number {i} is not a pair", "give (reference, degraded)")
            refs.append(pair[0])
            degs.append(pair[1])
    count = len(refs)
    if sample_rate_hz is not None:
        rates = _rates(sample_rate_hz, [_is_path(r) and _is_path(d) for r, d in zip(refs, degs, strict=True)])
    if rates is not None and len(rates) != count:
        raise InputValueError("sample_rate_hz", f"{len(rates)} for {count} pairs", "give one for each")
    given |= {name: list(values) for name, values in (labels or {}).items()}
    per_row = rates if rates is not None else [None] * count
    rows = (refs, degs, per_row, list(given.items()))
    arguments = (*rows, metrics, align, max_delay_s, channel, frames, html, html_audio, workers)
    return _run(_otoscope._compare_rows, progress, count, "pairs", *arguments)
