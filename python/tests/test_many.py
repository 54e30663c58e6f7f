"""Many recordings and pairs at once."""

import csv
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import otoscope
import pytest

RATE = 16_000


def tone(seconds: float = 0.5, hz: float = 440.0, gain: float = 0.25) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (gain * np.sin(2 * math.pi * hz * t) * (1 + 0.2 * np.sin(7 * t))).astype(np.float32)


def write(path: Path, x: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((x * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(6):
        write(tmp_path / "takes" / f"{'ab'[i % 2]}_{i}.wav", tone(0.5 + 0.1 * i, gain=0.1 + 0.05 * i))
    (tmp_path / "takes" / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "takes" / "notes.txt").write_text("no audio")
    return tmp_path / "takes"


def test_a_folder_is_measured_in_order_and_a_bad_file_stops_nothing(folder: Path) -> None:
    results = otoscope.probe_many(folder)
    assert [Path(name).name for name in results["name"]] == [
        *(f"{'ab'[i % 2]}_{i}.wav" for i in (0, 2, 4, 1, 3, 5)),
        "broken.wav",
    ]
    assert results["status"] == ["ok"] * 6 + ["undecodable"]
    assert list(results.errors) == [6]
    assert results[6] is None
    for i, name in enumerate(results["name"][:6]):
        alone = otoscope.probe(name)
        assert results[i].values == alone.values
        assert results["loudness.integrated_lufs"][i] == alone["loudness.integrated_lufs"]
        assert results["findings"][i] == sum(alone.finding_counts.values())


def test_workers_change_nothing(folder: Path) -> None:
    def rows(workers: int) -> list[dict[str, Any]]:
        return otoscope.probe_many(folder, workers=workers).to_dicts()

    assert rows(1) == rows(2) == rows(5)


def test_arrays_mappings_labels_and_texts() -> None:
    x = tone()
    results = otoscope.probe_many(
        {"one": x, "two": (x * 32767).astype(np.int16)},
        RATE,
        texts=["a" * 400, None],
        labels={"voice": ["anna", "ben"], "take": [1, 2]},
        metrics=["level", "length"],
    )
    assert results["name"] == ["one", "two"]
    assert results["voice"] == ["anna", "ben"]
    assert results["take"] == [1, 2]
    assert results[0].labels == {"voice": "anna", "take": "1"}
    assert results["length.too_short.findings"] == [1, 0]
    with pytest.raises(otoscope.InputError, match="1 for 2 recordings"):
        otoscope.probe_many([x, x], RATE, texts=["a"])
    with pytest.raises(otoscope.InputError, match='two columns called "status"'):
        otoscope.probe_many([x], RATE, labels={"status": [1]})


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_data_frames_go_in_and_come_out(folder: Path, library: str) -> None:
    module = pytest.importorskip(library)
    columns = {"path": [str(folder / "a_0.wav"), str(folder / "no.wav")], "voice": ["x", "y"]}
    frame = module.table(columns) if library == "pyarrow" else module.DataFrame(columns)
    results = otoscope.probe_many(frame)
    assert results["voice"] == ["x", "y"]
    assert results["status"] == ["ok", "unreadable"]
    out = getattr(results, f"to_{library}")()
    loudness = "loudness.integrated_lufs"
    if library == "pandas":
        assert list(out.columns) == results.columns
        assert out[loudness][0] == results[loudness][0]
        assert math.isnan(out[loudness][1])
        assert out.attrs["otoscope"][loudness]["unit"] == "lufs"
        assert str(out["findings"].dtype) == "Int64"
    elif library == "polars":
        assert out.columns == results.columns
        assert out[loudness].to_list() == results[loudness]
    else:
        assert out.column_names == results.columns
        metadata = out.schema.field(loudness).metadata
        assert metadata[b"unit"] == b"lufs"
        assert b"BS.1770" in metadata[b"definition"]


def test_every_column_has_a_type_and_measured_ones_a_definition(folder: Path) -> None:
    results = otoscope.probe_many(folder, metrics=[metric["name"] for metric in otoscope.metrics()])
    schema = {column["name"]: column for column in results.schema}
    assert list(schema) == results.columns
    for metric in otoscope.metrics():
        for field in metric["fields"]:
            column = schema[f"{metric['name']}.{field['name']}"]
            assert (column["type"], column["unit"], column["doc"]) == ("float", field["unit"], field["doc"])
            assert column["definition"] == metric["definition"]


def test_means_have_intervals() -> None:
    levels = [0.1, 0.12, 0.08, 0.3, 0.31, 0.33]
    results = otoscope.probe_many(
        [tone(gain=g) for g in levels], RATE, labels={"voice": list("aaabbb")}, metrics=["level"]
    )
    rows = results.summary(by="voice", columns="level.rms_dbfs").to_dicts()
    assert [(row["voice"], row["count"], row["missing"], row["unit"]) for row in rows] == [
        ("a", 3, 0, "dBFS"),
        ("b", 3, 0, "dBFS"),
    ]
    for row, values in zip(rows, (results["level.rms_dbfs"][:3], results["level.rms_dbfs"][3:]), strict=True):
        mean, sd = np.mean(values), np.std(values, ddof=1)
        # Student's t at 0.975 for two degrees of freedom: 4.302653.
        half = 4.302652729911275 * sd / math.sqrt(3)
        assert row["mean"] == pytest.approx(mean, abs=1e-12)
        assert row["sd"] == pytest.approx(sd, abs=1e-12)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((mean - half, mean + half), abs=1e-9)
    everything = results.summary()
    assert set(everything["field"]) >= {"level.rms_dbfs", "duration_s"}
    with pytest.raises(otoscope.InputError, match="no probability"):
        results.summary(ci=95)
    with pytest.raises(KeyError, match="did you mean"):
        results.summary(by="voices")


def test_pairs_are_compared_and_each_has_a_score_or_a_reason(tmp_path: Path) -> None:
    x = tone(2.0)
    rng = np.random.default_rng(1)
    noisy = [(x + g * rng.standard_normal(len(x))).astype(np.float32) for g in (0.001, 0.01)]
    pairs = [(x, noisy[0]), (x, noisy[1]), (x, x), (x, np.zeros_like(x)), (x, "nothing.wav"), (x, noisy[0][:100])]
    results = otoscope.compare_many(pairs, RATE, metrics=["snr", "si_sdr"])
    assert results["status"] == ["ok"] * 4 + ["unreadable", "ok"]
    assert results["snr.status"][:3] == ["ok", "ok", "identical"]
    assert results["snr.value_db"][2] is None
    for i, (reference, degraded) in enumerate(pairs[:2]):
        alone = otoscope.compare(reference, degraded, RATE, metrics=["snr", "si_sdr"])
        assert results["snr.value_db"][i] == alone["snr"]
        assert results[i].scores == alone.scores
    assert [score is None for score in results["si_sdr.value_db"]] == [False, False, True, True, True, True]


def test_pairs_of_a_list_and_two_systems(tmp_path: Path) -> None:
    x = tone(1.0)
    rng = np.random.default_rng(2)
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ref", "deg", "id", "system"])
        for i in range(8):
            write(tmp_path / f"r{i}.wav", x * (0.5 + 0.05 * i))
            for system, gain in (("old", 0.02), ("new", 0.01)):
                write(
                    tmp_path / f"{system}{i}.wav",
                    x * (0.5 + 0.05 * i) + gain * (1 + 0.1 * i) * rng.standard_normal(len(x)),
                )
                writer.writerow([f"r{i}.wav", f"{system}{i}.wav", f"{i}-{system}", system])
    results = otoscope.compare_many(tmp_path / "pairs.csv", metrics=["snr"])
    assert results["status"] == ["ok"] * 16
    assert results["system"] == ["old", "new"] * 8
    assert Path(results["ref"][0]) == tmp_path / "r0.wav"
    means = {row["system"]: row["mean"] for row in results.summary(by="system", columns="snr.value_db").to_dicts()}
    found = results.versus("snr.value_db", "new", "old")
    assert found["items"] == 8
    assert found["difference"] == pytest.approx(means["new"] - means["old"], abs=1e-9)
    # Half the noise is 6.02 dB; noise is random, 16,000 samples of it.
    assert found["ci_low"] < 6.02 < found["ci_high"]
    assert 5.8 < found["ci_low"] < found["ci_high"] < 6.3
    assert found["p_value"] < 0.01
    assert results.versus("snr.value_db", "new", "old") == found
    with pytest.raises(otoscope.InputError, match="0 items"):
        results.versus("snr.value_db", "new", "other")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: otoscope.probe_many(3), "is not a list of recordings"),
        (lambda: otoscope.probe_many(np.zeros(9, np.float32), RATE), "is not a list of recordings"),
        (lambda: otoscope.probe_many(b"abc"), "is not a list of recordings"),
        (lambda: otoscope.probe_many(["a.wav"], workers=0), "workers: 0 threads do nothing"),
        (lambda: otoscope.probe_many(["a.wav"], metrics=["clickk"]), "did you mean `click`"),
        (lambda: otoscope.compare_many([("a.wav",)]), "pairs: number 0 is not a pair"),
        (lambda: otoscope.compare_many(["ab"]), "pairs: number 0 is not a pair"),
        (lambda: otoscope.compare_many([("a", "b")], metrics=["pesq"]), "pesq"),
        (lambda: otoscope.compare_many([("a", "b")], [1, 2]), "2 for 1 pairs"),
    ],
)
def test_what_makes_no_sense_is_told(call: Any, text: str) -> None:
    with pytest.raises(otoscope.InputError, match=re.escape(text)):
        call()


def test_folders_without_audio_and_tables_without_columns(tmp_path: Path) -> None:
    with pytest.raises(otoscope.InputError, match="holds no audio"):
        otoscope.probe_many(tmp_path)
    (tmp_path / "list.csv").write_text("file\na.wav\n")
    with pytest.raises(otoscope.InputError, match="no column path or audio"):
        otoscope.probe_many(tmp_path / "list.csv")
    with pytest.raises(otoscope.InputError, match="no column ref"):
        otoscope.compare_many(tmp_path / "list.csv")
    with pytest.raises(FileNotFoundError):
        otoscope.compare_many(tmp_path / "other.csv")
    assert len(otoscope.probe_many([])) == len(otoscope.compare_many([])) == 0


def test_progress_is_told_and_a_bar_is_only_drawn_where_it_is_seen(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, int]] = []
    otoscope.probe_many(folder, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (7, 7)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    otoscope.probe_many(folder)
    assert capfd.readouterr().err == ""

    def fail(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        otoscope.probe_many(folder, progress=fail)


def test_the_bar() -> None:
    code = (
        "import time\n"
        "from otoscope import _progress\n"
        "bar = _progress.bar(True, 4, 'recordings')\n"
        "bar(1); time.sleep(0.6); bar(2); bar(4); bar.close()\n"
    )
    run = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, check=True)
    text = run.stderr.decode()
    lines = text.split("\r")
    assert lines[0] == ""
    assert re.search(r"2/4 recordings, \d+ s left", lines[1])
    assert re.search(r"█{30} 4/4 recordings", lines[2])
    assert text.endswith("\n")


def test_control_c_ends_the_work(tmp_path: Path) -> None:
    x = np.random.default_rng(1).standard_normal(60 * RATE).astype(np.float32) * 0.1
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            otoscope.compare_many([(x, x + 0.001)] * 10_000, RATE, metrics=["sdr"], workers=2)
    finally:
        timer.cancel()
    # All of it would take an hour.
    assert time.monotonic() - start < 60


def test_a_table_shows_itself(folder: Path) -> None:
    results = otoscope.probe_many(folder, labels={"<voice>": list("1234567")})
    title, heads, *rows = str(results).splitlines()
    assert title == f"<otoscope.Results: 7 reports, {len(results.columns)} columns, 1 failed>"
    assert heads.split()[:4] == ["<voice>", "name", "status", "message"]
    ends = [name if len(name) <= 40 else f"...{name[-37:]}" for name in results["name"]]
    assert [row.split()[1] for row in rows[:7]] == ends
    assert len(rows) == 8
    assert "more columns" in rows[7]
    assert max(map(len, (heads, *rows))) <= 120
    assert str(otoscope.probe_many([])) == f"<otoscope.Results: 0 reports, {len(results.columns) - 1} columns>"
    html = results._repr_html_()
    assert "&lt;voice&gt;" in html
    assert "<voice>" not in html
    assert html.count("<tr") == html.count("</tr>") == 8
    assert "loudness" in results.summary()._repr_html_() or "level" in results.summary()._repr_html_()
    with pytest.raises(IndexError):
        results[7]
    with pytest.raises(KeyError, match=re.escape("loudness.integrated_lufs")):
        results["integrated_lufs"]
