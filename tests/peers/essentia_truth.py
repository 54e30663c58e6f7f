"""What the audio-problem detectors of essentia (PyPI, AGPL: run here, never read or linked) make of the same faults.

    essentia_truth.py TAKES OUT.csv

TAKES is what `truth --export TAKES` wrote: WAV files, and beside each a JSON with the places of its faults. Every detector runs at its
defaults, told the sample rate. Marks of one detector less than 20 ms apart count as one. The rules are those of the truth table,
but kinder: an interval is found also when a mark starts within 20 ms of its start, since most of these detectors give instants.

Licence: MIT OR Apache-2.0, like the rest of the project.
"""

import collections
import csv
import glob
import json
import multiprocessing
import os
import sys
import time
import wave

import numpy as np

NEAR_S = 0.020
LEAST_OVERLAP = 0.5


def load(path):
    with wave.open(path, "rb") as w:
        return np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32) / 32768, w.getframerate()


def framed(es, algorithm, audio, frame, hop):
    """What each frame gives, with the time of the frame in samples."""
    for i, x in enumerate(es.FrameGenerator(audio, frameSize=frame, hopSize=hop, startFromZero=True)):
        yield i * hop, algorithm(x)


def spans(es, algorithm, audio, frame, hop):
    """Of a detector that keeps count itself and tells starts and ends in seconds."""
    found = []
    for _, (starts, ends) in framed(es, algorithm, audio, frame, hop):
        found += list(zip(starts, ends))
    return found


def detectors(es, audio, rate):
    """(name, function that gives its marks as (start, end) in seconds)."""
    def indices(algorithm, frame, hop, first):
        return [((at + i) / rate,) * 2 for at, out in framed(es, algorithm, audio, frame, hop) for i in (out[0] if first else out)]

    def cut():
        start, stop = es.StartStopCut(sampleRate=rate)(audio)
        return [(0.0, 0.0)] * bool(start) + [(len(audio) / rate,) * 2] * bool(stop)

    def hum():
        _, _, _, starts, ends = es.HumDetector(sampleRate=rate)(audio)
        return list(zip(starts, ends))

    yield "ClickDetector", lambda: spans(es, es.ClickDetector(sampleRate=rate), audio, 512, 256)
    yield "DiscontinuityDetector", lambda: indices(es.DiscontinuityDetector(), 512, 256, True)
    yield "GapsDetector", lambda: spans(es, es.GapsDetector(sampleRate=rate), audio, 2048, 1024)
    yield "SaturationDetector", lambda: spans(es, es.SaturationDetector(sampleRate=rate), audio, 512, 256)
    yield "StartStopCut", cut
    yield "HumDetector", hum
    yield "NoiseBurstDetector", lambda: indices(es.NoiseBurstDetector(), 512, 512, False)


def merged(marks):
    out = []
    for start, end in sorted((float(s), float(e)) for s, e in marks):
        if out and start <= out[-1][1] + NEAR_S:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


def score(mark, place, shape):
    """How well a mark answers a fault; None if it does not."""
    start, end = mark
    inner_start, inner_end, outer_start, outer_end = place
    right = min(max(start, outer_start), inner_start), min(max(end, inner_end), outer_end)
    near = 1 - abs(start - right[0]) if abs(start - right[0]) <= NEAR_S else None
    if shape == "point":
        return near
    union = max(end, right[1]) - min(start, right[0])
    both = min(end, right[1]) - max(start, right[0])
    if union > 0 and both / union >= LEAST_OVERLAP:
        return 1 + both / union
    return near


def found(marks, places, shape):
    """How many faults are found: the best pairs first, one mark for one fault."""
    pairs = [(s, f, m) for f, place in enumerate(places) for m, mark in enumerate(marks)
             if (s := score(mark, place, shape)) is not None]
    faults, used = set(), set()
    for _, f, m in sorted(pairs, reverse=True):
        if f not in faults and m not in used:
            faults.add(f)
            used.add(m)
    return len(faults)


def hear(path):
    import essentia

    essentia.log.infoActive = essentia.log.warningActive = False
    import essentia.standard as es

    with open(path, encoding="utf-8") as f:
        truth = json.load(f)
    audio, rate = load(path[: -len("json")] + "wav")
    places = [[x / truth["rate_hz"] for x in place] for place in truth["places"]]
    results = []
    for name, run in detectors(es, audio, rate):
        try:
            marks = merged(run())
        except RuntimeError:
            marks = []  # takes too short for it
        results.append((name, len(marks), found(marks, places, truth.get("shape"))))
    return truth["fault"], truth.get("severity"), len(places), len(audio) / rate, results


def main():
    folder, out = sys.argv[1:]
    paths = sorted(glob.glob(os.path.join(folder, "*.json")))
    began = time.monotonic()
    alarms, hours = collections.Counter(), 0.0
    hits, faults, severities = collections.Counter(), collections.Counter(), {}
    with multiprocessing.Pool() as pool:
        for n, (fault, severity, places, seconds, results) in enumerate(pool.imap_unordered(hear, paths, 4), 1):
            if fault is None:
                hours += seconds / 3600
            else:
                severities[fault] = severity
                faults[fault] += places
            for name, marks, answered in results:
                if fault is None:
                    alarms[name] += marks
                else:
                    hits[name, fault] += answered
            if n % 200 == 0:
                print(f"{n} of {len(paths)} takes, {time.monotonic() - began:.0f} s", file=sys.stderr)
    import essentia

    with open(out, "w", newline="", encoding="utf-8") as f:
        f.write(f"# essentia {essentia.__version__} at defaults on {len(paths)} takes (`make truth-peer`)\n")
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["detector", "fault", "severity", "found", "injected", "false_alarms", "clean_hours"])
        for name, _, _ in results:
            for fault in sorted(severities):
                w.writerow([name, fault, severities[fault], hits[name, fault], faults[fault], alarms[name], f"{hours:.4f}"])


if __name__ == "__main__":
    main()
