"""One array at once: every form of the same samples gives the same values."""

import array
import ctypes
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import otoscope
import pytest

RATE = 24_000


def speechlike(samples: int = 3 * RATE, seed: int = 1) -> np.ndarray:
    """Bursts of noise and silence in int16, with one run of samples at the rail."""
    rng = np.random.default_rng(seed)
    bursts = (np.arange(samples) // (RATE // 4)) % 3 > 0
    x = (rng.standard_normal(samples) * 3000 * bursts).astype(np.int16)
    x[samples // 2 : samples // 2 + 20] = 32767
    return x


INT16 = speechlike()
FLOAT32 = INT16.astype(np.float32) / 32768
EXPECTED = otoscope.probe(FLOAT32, RATE)


def same(a: otoscope.Report, b: otoscope.Report) -> None:
    assert a.values == b.values
    assert a.undefined == b.undefined
    assert a.findings == b.findings
    assert a.to_json() == b.to_json()


def big_endian_copy(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.astype(x.dtype.newbyteorder(">")))


def unaligned(x: np.ndarray) -> np.ndarray:
    data = b"\0" + x.tobytes()
    return np.frombuffer(data, dtype=np.uint8)[1:].view(x.dtype)


def field_of_struct(x: np.ndarray) -> np.ndarray:
    records = np.zeros(len(x), dtype=[("flag", "u1"), ("sample", x.dtype)])
    records["sample"] = x
    return records["sample"]


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


FORMS: dict[str, Callable[[], Any]] = {
    "int16": lambda: INT16,
    "float64": lambda: FLOAT32.astype(np.float64),
    "every second of int16": lambda: np.repeat(INT16, 2)[::2],
    "every third of float64": lambda: np.repeat(FLOAT32.astype(np.float64), 3)[1::3],
    "backwards": lambda: FLOAT32[::-1].copy()[::-1],
    "column": lambda: FLOAT32[:, None],
    "one column of two": lambda: np.stack([FLOAT32, 0 * FLOAT32], axis=1)[:, :1],
    "unaligned int16": lambda: unaligned(INT16),
    "unaligned float32": lambda: unaligned(FLOAT32),
    "field of a struct": lambda: field_of_struct(INT16),
    "read-only": lambda: read_only(FLOAT32),
    "little-endian": lambda: INT16.astype("<i2"),
    "memoryview": lambda: memoryview(FLOAT32),
    "cast bytes": lambda: memoryview(INT16.tobytes()).cast("h"),
    "array.array f": lambda: array.array("f", FLOAT32.tobytes()),
    "array.array d": lambda: array.array("d", FLOAT32.astype(float).tobytes()),
    "array.array h": lambda: array.array("h", INT16.tobytes()),
    "ctypes": lambda: (ctypes.c_float * len(FLOAT32)).from_buffer_copy(FLOAT32),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_samples_gives_the_same_report(form: str) -> None:
    same(otoscope.probe(FORMS[form](), RATE), EXPECTED)


@pytest.mark.parametrize("channels", [2, 3, 6, 8])
def test_layouts_of_several_channels_agree(channels: int) -> None:
    x = np.stack([np.roll(INT16, 1000 * c) for c in range(channels)], axis=1)
    expected = otoscope.probe(x, RATE)
    assert (expected.channels, expected.samples) == (channels, len(x))
    same(otoscope.probe(np.asfortranarray(x), RATE), expected)
    same(otoscope.probe(np.ascontiguousarray(x.T).T, RATE), expected)
    same(otoscope.probe(x[::-1, ::-1].copy()[::-1, ::-1], RATE), expected)
    same(otoscope.probe(x.astype(np.float32) / 32768, RATE), expected)
    same(otoscope.probe(np.repeat(x.astype(np.float64) / 32768, 2, axis=0)[::2], RATE), expected)
    # A run at a rail is a clipped top at any level: the other channels have none.
    x = np.where(INT16 == 32767, 0, INT16)[:, None] // 4 * np.ones(channels, np.int16)
    x[:, 1] = INT16
    (clipped,) = [f for f in otoscope.probe(x, RATE).findings if f.metric == "clipping"]
    assert clipped.channel_mask == 0b10
    (clipped,) = [f for f in otoscope.probe(x[:, ::-1], RATE).findings if f.metric == "clipping"]
    assert clipped.channel_mask == 1 << (channels - 2)


def test_a_broadcast_array_is_two_equal_channels() -> None:
    twin = np.broadcast_to(FLOAT32[:, None], (len(FLOAT32), 2))
    same(otoscope.probe(twin, RATE), otoscope.probe(np.stack([FLOAT32, FLOAT32], axis=1), RATE))


def test_the_array_is_unchanged_and_free_afterwards() -> None:
    x = array.array("h", INT16.tobytes())
    before = x.tobytes()
    otoscope.probe(x, RATE)
    assert x.tobytes() == before
    x.append(0)  # BufferError if the buffer were still held


def test_an_empty_array_is_a_finding() -> None:
    for empty in (np.zeros(0, np.float32), np.zeros((0, 2), np.int16), array.array("d")):
        report = otoscope.probe(empty, RATE)
        assert [(f.metric, f.kind) for f in report.findings] == [("validity", "empty")]
        assert report.samples == 0
        assert report["loudness.integrated_lufs"] is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_a_finding(dtype: type, bad: float) -> None:
    x = FLOAT32.astype(dtype)
    x[10_000:10_003] = bad
    report = otoscope.probe(x, RATE)
    (finding,) = [f for f in report.findings if f.metric == "validity"]
    assert (finding.kind, finding.severity, finding.state) == ("not_finite", "error", "closed")
    assert (finding.start_sample, finding.end_sample, finding.value, finding.unit) == (10_000, 10_003, 3.0, "samples")
    assert finding.start_s == 10_000 / RATE
    assert "3 samples" in finding.message
    assert all(np.isfinite(v) for v in report.values.values())


def test_a_float64_beyond_float32_counts_as_infinite() -> None:
    x = FLOAT32.astype(np.float64)
    x[5] = 1e300
    assert otoscope.probe(x, RATE)["validity.infinite_samples"] == 1


def test_values_are_right() -> None:
    t = np.arange(10 * 48_000) / 48_000
    report = otoscope.probe(np.sin(2 * np.pi * 997 * t).astype(np.float32), 48_000)
    assert report["level.rms_dbfs"] == pytest.approx(-3.01, abs=0.01)
    assert report["loudness.integrated_lufs"] == pytest.approx(-3.01, abs=0.02)
    assert report["validity.samples"] == len(t)
    assert report.duration_s == 10.0


def test_only_the_named_metrics_are_measured() -> None:
    report = otoscope.probe(FLOAT32, RATE, metrics=("loudness", "level"))
    assert {key.split(".")[0] for key in report.values} == {"loudness", "level"}
    assert report["loudness.integrated_lufs"] == EXPECTED["loudness.integrated_lufs"]
    assert report["validity.samples"] is None
    assert "off" in report.not_computed["validity.samples"]
    assert otoscope.probe(FLOAT32, RATE, metrics=[]).values == {}


def test_settings_change_what_they_say() -> None:
    assert EXPECTED.finding_counts["clipping.rail"] == 1
    for value in (50, 50.0, np.float32(50), np.int64(50), "50"):
        report = otoscope.probe(FLOAT32, RATE, settings={"clipping.min_run_samples": value})
        assert "clipping.rail" not in report.finding_counts
    dual = otoscope.probe(FLOAT32, RATE, settings={"loudness.mono_as": "dual_mono"})["loudness.integrated_lufs"]
    assert dual is not None
    assert dual == pytest.approx(EXPECTED.values["loudness.integrated_lufs"] + 3.01, abs=0.01)


STARTS = [0, 7_200, 20_000, 20_001, 60_000]


@pytest.mark.parametrize(
    "chunks",
    [STARTS, tuple(STARTS), iter(STARTS), np.array(STARTS), array.array("q", STARTS), [[s, None] for s in STARTS]],
    ids=["list", "tuple", "iterator", "numpy", "array.array", "pairs without a time"],
)
def test_chunk_edges_are_judged(chunks: Any) -> None:
    x = FLOAT32.copy()
    x[20_001:] += 0.2
    report = otoscope.probe(x, RATE, chunks=chunks)
    assert report["join.edges"] is not None
    assert report["continuity.arrivals"] is None
    assert otoscope.probe(x, RATE)["join.edges"] is None


def test_arrival_times_are_replayed() -> None:
    ms = 1_000_000
    times = [1000, 1100, 1900, 2300, 3500]
    pairs = [(0, 900 * ms), *((s, t * ms) for s, t in zip(STARTS, times, strict=True))]
    report = otoscope.probe(INT16, RATE, chunks=pairs)
    assert report["continuity.arrivals"] == 5
    assert report["continuity.first_audio_ms"] == 100
    assert report["continuity.gap_max_ms"] == 1200
    assert {f.kind for f in report.findings if f.metric == "continuity"} == {"stall"}
    same(otoscope.probe(INT16, RATE, chunks=np.array(pairs)), report)
    # The same, pushed by hand.
    probe = otoscope.Probe(RATE)
    probe.push(INT16[:0], 900 * ms)
    for start, end, t in zip(STARTS, [*STARTS[1:], len(INT16)], times, strict=True):
        probe.push(INT16[start:end], t * ms)
    same(probe.finish(), report)


def test_a_chunk_whose_time_is_not_known_is_still_a_chunk() -> None:
    report = otoscope.probe(INT16, RATE, chunks=[(0, 5), (7_200, None), 20_000, (72_000, 9)])
    assert report["join.edges"] == 2
    assert report["continuity.arrivals"] == 1


def test_name_and_labels_reach_the_report() -> None:
    report = otoscope.probe(FLOAT32, RATE, name='a "quoted" näme.wav', labels={"voice": "x", "build": "17"})
    assert report.name == 'a "quoted" näme.wav'
    assert report.labels == {"voice": "x", "build": "17"}
    assert report.to_dict()["source"] == {"name": 'a "quoted" näme.wav'}
    assert list(report.to_dict()["labels"].items()) == [("voice", "x"), ("build", "17")]
    assert EXPECTED.name is None
    assert EXPECTED.labels == {}


NOT_AUDIO: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "bytes": (lambda: INT16.tobytes(), TypeError, r"numpy\.frombuffer\(data, dtype=numpy\.int16\)"),
    "bytearray": (lambda: bytearray(4), TypeError, r"numpy\.frombuffer"),
    "uint8": (lambda: np.zeros(4, np.uint8), TypeError, r"- 128\) \* 256"),
    "list": (lambda: [0.0, 0.1], TypeError, r"`list` .*numpy\.asarray"),
    "None": (lambda: None, TypeError, "`NoneType`"),
    "int32": (lambda: np.zeros(4, np.int32), TypeError, r"int32 .*astype\(numpy\.int16\)"),
    "int64": (lambda: np.zeros(4, np.int64), TypeError, r"int64 .*2\*\*31"),
    "uint16": (lambda: np.zeros(4, np.uint16), TypeError, "uint16"),
    "float16": (lambda: np.zeros(4, np.float16), TypeError, r"float16 .*astype\(numpy\.float32\)"),
    "complex": (lambda: np.zeros(4, np.complex64), TypeError, "`Zf`"),
    "bool": (lambda: np.zeros(4, bool), TypeError, "float32"),
    "object": (lambda: np.array([None]), TypeError, "float32"),
    "struct": (lambda: np.zeros(4, "i2,f4"), TypeError, "float32"),
    "big-endian int16": (lambda: big_endian_copy(INT16), TypeError, r"newbyteorder\('='\)"),
    "big-endian float32": (lambda: big_endian_copy(FLOAT32), TypeError, r"newbyteorder\('='\)"),
    "no dimension": (lambda: np.array(1.0), TypeError, r"\(samples, channels\)"),
    "three dimensions": (lambda: np.zeros((2, 2, 2), np.int16), ValueError, "3 dimensions"),
    "channels first": (lambda: np.zeros((2, 99), np.int16), ValueError, r"\(2, 99\).*x\.T"),
    "nine channels": (lambda: np.zeros((99, 9), np.int16), ValueError, "1 to 8 channels$"),
    "no channels": (lambda: np.zeros((5, 0), np.int16), ValueError, "1 to 8 channels$"),
}


@pytest.mark.parametrize("case", NOT_AUDIO)
def test_what_is_not_taken_is_refused_with_a_way_out(case: str) -> None:
    make, error, text = NOT_AUDIO[case]
    with pytest.raises(error, match=text):
        otoscope.probe(make(), RATE)
    with pytest.raises(error, match=text):
        otoscope.Probe(RATE).push(make())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"sample_rate_hz": 7_999}, "7999 Hz is outside 8000 to 192000"),
        ({"sample_rate_hz": -1}, "-1 Hz is outside 8000 to 192000"),
        ({"sample_rate_hz": 2**40}, "outside 8000 to 192000"),
        ({"metrics": ["loud"]}, "did you mean `loudness`"),
        ({"settings": {"clipping.min_run": 4}}, "did you mean `min_run_samples`"),
        ({"settings": {"clipping.min_run_samples": 0}}, "0 is outside 3 to 1000"),
        ({"settings": {"clipping.min_run_samples": float("nan")}}, "outside 3 to 1000"),
        ({"settings": {"clipping.min_run_samples": "many"}}, "a number from 3 to 1000"),
        ({"settings": {"loudness.mono_as": "stereo"}}, "mono or dual_mono"),
    ],
)
def test_what_cannot_be_measured_is_a_config_error(arguments: dict[str, Any], text: str) -> None:
    arguments = {"sample_rate_hz": RATE, **arguments}
    for call in (lambda: otoscope.probe(FLOAT32, **arguments), lambda: otoscope.Probe(**arguments)):
        with pytest.raises(otoscope.ConfigError, match=re.escape(text)) as caught:
            call()
        assert isinstance(caught.value, otoscope.OtoscopeError)
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("channels", [0, 9, -1, 2**40])
def test_a_number_of_channels_that_is_not_possible_is_a_config_error(channels: int) -> None:
    with pytest.raises(otoscope.ConfigError, match=f"{channels} channels" if channels < 2**32 else "channels"):
        otoscope.Probe(RATE, channels)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"sample_rate_hz": None}, TypeError, "sample_rate_hz"),
        ({"sample_rate_hz": 24_000.0}, TypeError, "float"),
        ({"metrics": "loudness"}, TypeError, r"\['loudness', 'clipping'\]"),
        ({"metrics": [1]}, TypeError, "list of names"),
        ({"settings": [("clipping.min_run_samples", 4)]}, TypeError, "dict"),
        ({"settings": {1: 4}}, TypeError, "keys must be str"),
        ({"settings": {"clipping.min_run_samples": True}}, TypeError, "`bool`"),
        ({"settings": {"clipping.min_run_samples": None}}, TypeError, "`NoneType`"),
        ({"labels": {"a": 1}}, TypeError, "dict of str to str"),
        ({"labels": ["a"]}, TypeError, "dict of str to str"),
        ({"chunks": 3}, TypeError, "pairs"),
        ({"chunks": [0.5]}, TypeError, "pairs"),
        ({"chunks": ["ab"]}, TypeError, "pairs"),
        ({"chunks": [(0, 1, 2)]}, TypeError, "pairs"),
        ({"chunks": [(0, 1.5)]}, TypeError, "pairs"),
        ({"chunks": [1, 2]}, ValueError, "sample 0"),
        ({"chunks": [-1]}, ValueError, "sample 0"),
        ({"chunks": [0, -2]}, ValueError, r"chunks\[1\]: it starts at sample -2; .* sorted"),
        ({"chunks": [0, 9, 8]}, ValueError, r"chunks\[2\]: it starts at sample 8; .* sorted"),
        ({"chunks": [0, 72_001]}, ValueError, r"chunks\[1\]: .* only 72000 samples"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        otoscope.probe(FLOAT32, **{"sample_rate_hz": RATE, **arguments})


class Tensor:
    """What tensors of other libraries are: no buffer protocol, but DLPack."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


class Series:
    """What columns of data frames are: no buffer protocol, but `__array__`."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.array


class OnTheGpu(Tensor):
    def __dlpack__(self, **keywords: Any) -> Any:
        raise BufferError("it lies on another device")


def test_tensors_and_wrappers_are_read_without_a_copy() -> None:
    same(otoscope.probe(Tensor(FLOAT32), RATE), EXPECTED)
    same(otoscope.probe(Tensor(np.repeat(INT16, 2)[::2]), RATE), EXPECTED)
    same(otoscope.probe(Series(FLOAT32), RATE), EXPECTED)
    probe = otoscope.Probe(RATE)
    probe.push(Tensor(FLOAT32))
    same(probe.finish(), EXPECTED)
    with pytest.raises(otoscope.InputTypeError, match=r"another device.*x\.detach\(\)\.cpu\(\)"):
        otoscope.probe(OnTheGpu(FLOAT32), RATE)


def test_a_tensor_of_torch() -> None:
    torch = pytest.importorskip("torch")
    same(otoscope.probe(torch.from_numpy(FLOAT32.copy()), RATE), EXPECTED)
    with pytest.raises(otoscope.InputTypeError, match="detach"):
        otoscope.probe(torch.zeros(9, requires_grad=True), RATE)


def test_errors_have_their_parts() -> None:
    with pytest.raises(otoscope.InputError) as caught:
        otoscope.probe(np.zeros(4, np.uint8), RATE)
    error = caught.value
    assert (error.argument, error.problem) == ("audio", "bytes")
    assert "numpy.frombuffer" in error.mend
    assert str(error) == f"audio: bytes; {error.mend}"
    assert isinstance(error, TypeError)
    with pytest.raises(otoscope.InputError) as caught:
        otoscope.probe(FLOAT32, 4_000)
    assert caught.value.argument == "sample_rate_hz"
    assert isinstance(caught.value, otoscope.ConfigError)


def test_an_error_of_an_iterator_comes_through() -> None:
    def broken() -> Iterator[int]:
        yield 0
        raise RuntimeError("broken list")

    with pytest.raises(RuntimeError, match="broken list"):
        otoscope.probe(FLOAT32, RATE, chunks=broken())


def test_json_is_what_the_attributes_say() -> None:
    d = EXPECTED.to_dict()
    assert d == json.loads(EXPECTED.to_json())
    assert d["schema"] == "otoscope.report/1"
    assert {"rev", "stream", "metrics", "undefined", "findings", "finding_counts", "provenance"} <= d.keys()
    assert d["stream"] == {"sample_rate_hz": RATE, "channels": 1, "samples": 3 * RATE, "duration_s": 3.0}
    flat = {f"{m}.{f}": v for m, fields in d["metrics"].items() for f, v in fields.items()}
    assert flat == EXPECTED.values
    assert d["undefined"] == EXPECTED.undefined
    assert d["not_computed"] == EXPECTED.not_computed
    assert d["finding_counts"] == EXPECTED.finding_counts
    assert d["provenance"]["version"] == otoscope.__version__
    assert len(d["findings"]) == len(EXPECTED.findings) > 0
    for told, finding in zip(d["findings"], EXPECTED.findings, strict=True):
        assert told.items() <= finding._asdict().items()
