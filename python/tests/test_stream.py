"""A stream push by push, and threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import otoscope
import pytest

RATE = 24_000


def noise(seconds: float, channels: int | None = None, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (int(seconds * RATE),) if channels is None else (int(seconds * RATE), channels)
    return (rng.standard_normal(shape) * 0.1).astype(np.float32)


def broken(seconds: float = 4) -> np.ndarray:
    """Noise with NaN, silence and clipping in it."""
    x = noise(seconds)
    x[5_000:5_010] = np.nan
    x[30_000:60_000] = 0
    x[70_000:70_040] = 1
    return x


@pytest.mark.parametrize("channels", [None, 1, 2, 6])
def test_cutting_one_chunk_into_calls_changes_nothing(channels: int | None) -> None:
    x = noise(3, channels)
    expected = otoscope.probe(x, RATE)
    rng = np.random.default_rng(7)
    for longest in (50, 3_000, 60_000):
        probe = otoscope.Probe(RATE, channels or 1)
        at = 0
        while at < len(x):
            step = int(rng.integers(0, longest))
            probe.push(x[at : at + step], same_chunk=True)
            at += step
        assert probe.samples == len(x)
        assert probe.finish().to_json() == expected.to_json()


def test_a_push_longer_than_a_piece_is_one_chunk_and_one_arrival() -> None:
    # 100,000 samples go in as many pieces; so they must count as what they are.
    x = noise(10)
    whole, cut = otoscope.Probe(RATE), otoscope.Probe(RATE)
    for i, chunk in enumerate((x[:100_000], x[100_000:])):
        t = 1_000_000_000 * (1 + 3 * i)
        whole.push(chunk, t)
        for k in range(0, len(chunk), 999):
            cut.push(chunk[k : k + 999], t, k > 0)
    a, b = whole.finish(), cut.finish()
    assert a["continuity.arrivals"] == 2
    assert a["join.edges"] == 1
    assert a.to_json() == b.to_json()


def test_push_returns_the_new_findings_and_reports_hold_them_all() -> None:
    x = broken()
    probe = otoscope.Probe(RATE)
    told: list[otoscope.Finding] = []
    for at in range(0, len(x), 2_400):
        new = probe.push(x[at : at + 2_400], same_chunk=True)
        assert all(type(f) is otoscope.Finding and f.start_sample <= at + 2_400 for f in new)
        told += new
    snapshot = probe.snapshot()
    report = probe.finish()
    expected = otoscope.probe(x, RATE)
    assert report.findings == expected.findings
    assert report.finding_counts == expected.finding_counts
    assert report.findings_dropped == 0
    assert report.worst == "error"
    assert {("validity", "not_finite"), ("clipping", "rail")} <= {(f.metric, f.kind) for f in told}
    assert len(report.findings) == len({f.event_id for f in report.findings})
    opened = {f.event_id for f in told if f.state == "open"}
    assert {f.event_id for f in told if f.state == "closed"} <= opened
    assert not snapshot.is_final
    assert report.is_final
    starts = [f.start_sample for f in report.findings]
    assert starts == sorted(starts)


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_many_findings_in_one_push_are_not_dropped(rate: int) -> None:
    x = noise(20)
    # Every 25 ms: just too far apart to be one finding.
    x[:: rate // 40] = np.nan
    probe = otoscope.Probe(rate, metrics=["validity"])
    assert len(probe.push(x)) > 64
    report = probe.finish()
    assert report.findings_dropped == 0
    assert len(report.findings) == report.finding_counts["validity.not_finite"] == len(x) // (rate // 40)


def test_finish_reset_and_what_comes_between() -> None:
    x = broken()
    probe = otoscope.Probe(RATE)
    probe.push(x)
    first = probe.finish()
    assert probe.finish().to_json() == first.to_json()
    with pytest.raises(otoscope.OtoscopeError, match="reset"):
        probe.push(x)
    with pytest.raises(otoscope.OtoscopeError, match="reset"):
        probe.push(x[:10])
    assert probe.finish().to_json() == first.to_json()
    probe.reset()
    assert probe.samples == 0
    assert probe.snapshot().findings == []
    probe.push(x)
    assert probe.finish().to_json() == first.to_json()


def test_a_snapshot_does_not_disturb() -> None:
    x = broken()
    probe = otoscope.Probe(RATE)
    for at in range(0, len(x), 1_000):
        probe.push(x[at : at + 1_000], same_chunk=True)
        probe.snapshot()
    assert probe.finish().to_json() == otoscope.probe(x, RATE).to_json()


def test_a_refused_push_leaves_the_stream_as_it_was() -> None:
    x = broken()
    probe = otoscope.Probe(RATE)
    probe.push(x[:50_000], same_chunk=True)
    for bad, error in ((b"ab", TypeError), (np.zeros((9, 2), np.float32), ValueError), (np.zeros(9, int), TypeError)):
        with pytest.raises(error):
            probe.push(bad)
    assert probe.samples == 50_000
    probe.push(x[50_000:], same_chunk=True)
    assert probe.finish().to_json() == otoscope.probe(x, RATE).to_json()


def test_the_number_of_channels_must_fit() -> None:
    with pytest.raises(ValueError, match=r"1 channel\(s\), the probe 2; the shape must be \(samples, 2\)"):
        otoscope.Probe(RATE, 2).push(noise(0.1))
    with pytest.raises(ValueError, match=r"must be \(samples,\)"):
        otoscope.Probe(RATE).push(noise(0.1, 2))


def test_sample_types_may_change_in_mid_stream() -> None:
    pcm = (noise(2) * 32768).astype(np.int16)
    probe = otoscope.Probe(RATE)
    probe.push(pcm[:9_999])
    probe.push(pcm[9_999:20_000].astype(np.float32) / 32768, same_chunk=True)
    probe.push(pcm[20_000:].astype(np.float64) / 32768, same_chunk=True)
    assert probe.finish().to_json() == otoscope.probe(pcm, RATE).to_json()


def test_the_fields_of_a_finding_have_their_types() -> None:
    probe = otoscope.Probe(RATE)
    x = noise(1)
    x[100] = np.nan
    finding = probe.push(x, t_ns=5)[0]
    hints = otoscope.Finding.__annotations__
    assert finding.t_ns == 5
    assert finding.chunk == 0
    for field, hint in hints.items():
        assert isinstance(getattr(finding, field), hint), field
    assert otoscope.Finding(*finding) == finding
    assert hash(finding) == hash(otoscope.Finding(*finding))


def test_threads_measure_side_by_side() -> None:
    arrays = [noise(5, seed=s) for s in range(8)]
    expected = [otoscope.probe(x, RATE).to_json() for x in arrays]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert [r.to_json() for r in pool.map(lambda x: otoscope.probe(x, RATE), arrays)] == expected


def test_probe_releases_the_gil() -> None:
    x = noise(240)
    running = threading.Event()
    done = threading.Event()

    def work() -> None:
        running.set()
        otoscope.probe(x, RATE)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    running.wait()
    turns = 0
    while not done.is_set():
        turns += 1
        time.sleep(0.0005)
    thread.join()
    assert turns > 5, "this thread had to wait for the other"


def test_threads_may_share_a_probe() -> None:
    # Pushes of both sorts (with and without the GIL) and snapshots at once: nothing hangs, nothing is lost.
    probe = otoscope.Probe(RATE)
    short, long = noise(0.05), noise(1.5)
    pushed = []

    def work(i: int) -> None:
        for k in range(30):
            chunk = long if (i + k) % 5 == 0 else short
            probe.push(chunk)
            pushed.append(len(chunk))
            probe.snapshot()
            assert probe.samples > 0

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert probe.finish()["validity.samples"] == probe.samples == sum(pushed)


def test_an_array_written_to_meanwhile_harms_nobody() -> None:
    # The values are arbitrary then; the process and the report stay whole.
    x = noise(60)
    stop = threading.Event()

    def scribble() -> None:
        rng = np.random.default_rng(3)
        while not stop.is_set():
            x[:] = rng.standard_normal(len(x), dtype=np.float32)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(5):
            assert otoscope.probe(x, RATE)["validity.samples"] == len(x)
    finally:
        stop.set()
        thread.join()


def test_packets_are_counted_and_a_burst_of_losses_is_told() -> None:
    probe = otoscope.Probe(RATE, settings={"e_model.codec": "g711_plc", "e_model.delay": "given"})
    told = []
    for n in range(400):
        if not 100 <= n < 104:
            fate = "discarded" if n == 200 else "received"
            told += probe.packet(n, n * 160, n * 20_000_000, clock_rate_hz=8_000, fate=fate)
        probe.push(np.full(480, 0.1, np.float32), same_chunk=True)
    bursts = [(f.state, f.start_sample, f.end_sample, f.value) for f in told if f.kind == "loss_burst"]
    assert bursts == [("open", 100 * 480, 103 * 480, 3), ("closed", 100 * 480, 104 * 480, 4)]
    report = probe.finish()
    assert report["rtp.expected"] == 400
    assert (report["rtp.lost"], report["rtp.discarded"], report["rtp.jitter_ms"]) == (4, 1, 0)
    assert report["e_model.ppl_percent"] == 1.25
    with pytest.raises(otoscope.OtoscopeError):
        probe.packet(401)
    probe.reset()
    with pytest.raises(ValueError, match="fate must be"):
        probe.packet(0, fate="eaten")
    with pytest.raises(OverflowError):
        probe.packet(65_536)
    assert probe.finish()["rtp.expected"] is None


def test_the_text_may_be_given_as_text_or_as_a_length() -> None:
    x = noise(1)

    def expected(say: object) -> float:
        probe = otoscope.Probe(RATE, metrics=["length"])
        say(probe)  # type: ignore[operator]
        probe.push(x)
        return probe.finish()["length.expected_s"]

    # Fifteen letters at 0.068 s, twelve kana-beats at 0.125 s.
    assert expected(lambda p: p.expect_text("Speech, of fifteen.")) == pytest.approx(15 * 0.068)
    assert expected(lambda p: p.expect_text(chars=12, script="kana")) == pytest.approx(12 * 0.125)
    assert expected(lambda p: (p.expect_text("a"), p.expect_text(chars=30))) == pytest.approx(30 * 0.068)
    assert otoscope.probe(x, RATE, text="Speech, of fifteen.")["length.expected_s"] == pytest.approx(15 * 0.068)
    assert otoscope.probe(x, RATE)["length.expected_s"] is None, "not computed without it"
    probe = otoscope.Probe(RATE)
    for wrong in (lambda: probe.expect_text(), lambda: probe.expect_text("a", chars=3)):
        with pytest.raises(TypeError, match="chars and script"):
            wrong()
    with pytest.raises(ValueError, match="klingon"):
        probe.expect_text(chars=3, script="klingon")
    probe.finish()
    with pytest.raises(otoscope.OtoscopeError):
        probe.expect_text("late")
