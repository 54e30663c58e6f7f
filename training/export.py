"""Writes core/weights/otoscope_mos_SIZE.bin from a checkpoint, and core/tests/data/otoscope_mos_*.csv for the Rust engine.

  export.py accurate=CHECKPOINT light=CHECKPOINT --revision 1

The golden values are those of the exported file run by PyTorch, on the signals of golden.py.
"""

import argparse
import importlib.metadata
import pathlib

import numpy as np
import torch

import golden
import network
import train
import weights
from features import normal

ROOT = pathlib.Path(__file__).resolve().parent.parent
FRAMES, PARTS = (0, 1, 2, 123, 450, 899, 900), 6


def main() -> None:
    """Export every student that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", nargs="+", help="SIZE=CHECKPOINT")
    parser.add_argument("--revision", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "core/weights")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "core/tests/data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    signals = {name: pcm / 32768 for name, pcm in golden.signals().items()}
    scores: list[list] = [["network", "signal", "score"]]
    front: list[list] = [["network", "signal", "frame", "band", "value"]]
    for entry in args.student:
        size, checkpoint = entry.split("=")
        spec = network.SPECS[size]
        model = network.Student(spec, train.POOLED + len(train.TYPES)).eval()
        model.load_state_dict(torch.load(checkpoint, weights_only=True)["state"])
        path = args.out / f"otoscope_mos_{size}.bin"
        weights.write(path, f"otoscope_mos_{size}", args.revision, model.layers())
        _, layers = weights.read(path)
        worst = 0.0
        for name, x in signals.items():
            values = normal(spec.front.under_peak(x))
            shown = torch.from_numpy(values)[None, None]
            with torch.no_grad():
                score = float(network.run(layers, shown))
                worst = max(worst, abs(score - float(model(shown)[0])))
            scores.append([size, name, f"{score:.6f}"])
            if name in ("it_human", "saw", "silence"):
                for frame in FRAMES:
                    for band in np.linspace(0, spec.front.bands - 1, PARTS).astype(int):
                        front.append([size, name, frame, band, f"{values[frame, band]:.6f}"])
        count = sum(v.size for layer in layers for v in layer.values)
        macs = network.macs_per_second(layers) / 1e6
        print(
            f"{path.name}: {path.stat().st_size} bytes, {count} values, {macs:.1f} MMAC/s, file against network {worst:.1e}"
        )
    golden.write(args.data / "otoscope_mos_golden.csv", scores)
    golden.write(args.data / "otoscope_mos_frontend.csv", front)
    licence = next(f for f in importlib.metadata.files("distillmos") or [] if f.name.startswith("LICENSE"))
    (args.out / "LICENSE-distillmos").write_text(licence.locate().read_text().replace("\r\n", "\n"))


if __name__ == "__main__":
    main()
