"""The HTML page beside a table of many; what it looks like is tested in a browser."""

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import otoscope
import pytest
from test_many import RATE, tone, write


def unpack(page: Path, part: str) -> bytes:
    found = re.search(rf'<script type="text/plain" id="{re.escape(part)}">([^<]*)</script>', page.read_text())
    assert found, part
    return zlib.decompress(base64.b64decode(found[1]), wbits=-zlib.MAX_WBITS)


def index(page: Path) -> dict[str, Any]:
    return dict(json.loads(unpack(page, "index")))


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    click = tone(4.0)
    click[9000] = 0.9
    write(tmp_path / "takes" / "a.wav", tone(4.0))
    write(tmp_path / "takes" / "b.wav", click)
    (tmp_path / "takes" / "c.wav").write_bytes(b"RIFF")
    return tmp_path / "takes"


def test_a_page_has_every_row_with_pictures_labels_and_verdicts(takes: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    results = otoscope.probe_many(takes, labels={"voice": ["x", "y", "z"]}, norms=["spotify"], html=page)
    rows = index(page)["rows"]
    assert [Path(row["name"]).name for row in rows] == ["a.wav", "b.wav", "c.wav"]
    assert [row["labels"] for row in rows] == [{"voice": "x"}, {"voice": "y"}, {"voice": "z"}]
    assert "problem" in rows[2]
    assert "problem" not in rows[0]
    assert rows[1]["tally"][2] + rows[1]["tally"][1] > 0
    assert rows[1]["clips"], "the click can be heard"
    assert results["norm.spotify"][2] is None
    assert (rows[0]["norms"]["spotify"] == 0) == (results["norm.spotify"][0] == "pass")
    verdicts = results[0].verdicts("spotify")
    assert (results["norm.spotify"][0] == "fail") == any(v.verdict == "fail" for v in verdicts)


def test_the_page_is_the_same_whatever_the_workers_and_for_arrays_as_for_files(takes: Path, tmp_path: Path) -> None:
    def page(name: str, **arguments: Any) -> Path:
        path = tmp_path / name
        otoscope.probe_many(html=path, html_audio="all", **arguments)
        return path

    one, four = (page(f"{n}.html", audio=takes, workers=n) for n in (1, 4))
    assert one.read_bytes() == four.read_bytes()
    x = np.round(tone(1.0) * 32767).astype(np.int16)
    of_file = page("file.html", audio=[write(tmp_path / "x.wav", x / 32767)])
    of_array = page("array.html", audio={str(tmp_path / "x.wav"): x}, sample_rate_hz=RATE)
    files, arrays = index(of_file)["rows"][0], index(of_array)["rows"][0]
    assert files == arrays


def test_a_page_of_pairs(tmp_path: Path) -> None:
    ref = tone(1.0)
    deg = ref + np.random.default_rng(1).standard_normal(len(ref)).astype(np.float32) * 0.01
    page = tmp_path / "pairs.html"
    results = otoscope.compare_many(
        [(ref, deg), (ref, "nowhere.wav")], RATE, metrics=["lsd", "si_sdr"], labels={"system": ["s", "t"]}, html=page
    )
    made = index(page)
    assert made["kind"] == "compare"
    assert [row["labels"] for row in made["rows"]] == [{"system": "s"}, {"system": "t"}]
    assert [row["name"] for row in made["rows"]] == ["no. 1", "nowhere.wav"]
    assert made["rows"][0]["values"][1] == pytest.approx(results["si_sdr.value_db"][0], rel=1e-5)
    assert "problem" in made["rows"][1]


def test_a_page_never_costs_a_recording_and_a_bad_place_is_told_before_the_work(takes: Path) -> None:
    before = (takes / "a.wav").read_bytes()
    with pytest.raises(otoscope.InputValueError, match=r"html: .*a\.wav is there already and is no HTML") as caught:
        otoscope.probe_many(takes, html=takes / "a.wav")
    assert caught.value.argument == "html"
    assert (takes / "a.wav").read_bytes() == before
    with pytest.raises(FileNotFoundError, match="nowhere"):
        otoscope.probe_many(takes, html=takes / "nowhere" / "page.html")
    with pytest.raises(otoscope.InputValueError, match="none, findings or all"):
        otoscope.probe_many(takes, html=takes / "page.html", html_audio="some")
    assert not (takes / "page.html").exists()
    with pytest.raises(otoscope.InputError, match="spotify"):
        otoscope.probe_many(takes, norms=["spotty"], html=takes / "page.html")


def test_a_full_disk_is_an_os_error(takes: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match="/dev/full"):
        otoscope.probe_many(takes, html=full)
