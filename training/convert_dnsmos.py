"""Writes core/weights/dnsmos_p808.bin and dnsmos_p835.bin out of the PyPI package speechmos, and its licence beside them.

Nothing is trained here: the values are those of the ONNX files, transposed where dense layers are stored [in, out].
"""

import argparse
import importlib.metadata
import pathlib

import numpy as np
import onnx
from onnx import numpy_helper

import dnsmos
import weights
from weights import Layer

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tensors(name: str) -> dict[str, np.ndarray]:
    """Read every stored tensor of a model, by a short name such as conv2d_5/kernel or dense_3/MatMul."""
    model = onnx.load(str(dnsmos.model_path(name)))
    found = {}
    for entry in model.graph.initializer:
        short = entry.name.removesuffix(":0").removesuffix("/ReadVariableOp/resource")
        found["/".join(short.split("/")[-2:])] = numpy_helper.to_array(entry)
    return found


def conv(found: dict[str, np.ndarray], name: str) -> Layer:
    """Give a 3x3 layer with ReLU."""
    kernel = found[f"{name}/kernel"]
    sizes = {
        "out": kernel.shape[0],
        "in": kernel.shape[1],
        "kernel_t": 3,
        "kernel_f": 3,
        "stride_t": 1,
        "stride_f": 1,
        "relu": 1,
    }
    return Layer("conv", sizes, [kernel, found[f"{name}/bias"]])


def dense(found: dict[str, np.ndarray], name: str, relu: bool) -> Layer:
    """Give a dense layer, stored [out, in]."""
    matrix = found[f"{name}/MatMul"].T
    return Layer(
        "dense", {"out": matrix.shape[0], "in": matrix.shape[1], "relu": int(relu)}, [matrix, found[f"{name}/BiasAdd"]]
    )


def pool() -> Layer:
    """Give the largest value of each channel over the window."""
    return Layer("pool", {"channels": 64, "max": 1, "mean": 0, "mean_of_max_f": 0, "sd_of_mean_f": 0})


def halved() -> Layer:
    """Give max-pooling 2x2."""
    return Layer("max_pool", {"size_t": 2, "size_f": 2})


def p808() -> list[Layer]:
    """Give the layers of P.808."""
    found = tensors("model_v8.onnx")
    front = {
        "bands": 120,
        "sample_rate_hz": 16000,
        "dft_size": 321,
        "hop": 160,
        "low_hz": 0,
        "high_hz": 8000,
        "floor_db": 80,
        "centre_db": 40,
        "half_range_db": 40,
    }
    layers = [Layer("mel_db", front)]
    for name, pooled in (
        ("conv2d_5", True),
        ("conv2d_6", True),
        ("conv2d_7", False),
        ("conv2d_8", True),
        ("conv2d_9", False),
    ):
        layers.append(conv(found, name))
        if pooled:
            layers.append(halved())
    return [
        *layers,
        pool(),
        dense(found, "dense_3", True),
        dense(found, "dense_4", True),
        dense(found, "dense_5", False),
    ]


def p835() -> list[Layer]:
    """Give the layers of P.835; its front end is a trained basis, real and imaginary part one after the other."""
    found = tensors("sig_bak_ovr.onnx")
    parts = [found[f"stft-{part}/kernel"][:, :, 0] for part in ("real", "imag")]
    layers = [Layer("basis_log_power", {"bins": 161, "frame": 320, "hop": 160}, parts)]
    for n in range(7):
        layers.append(conv(found, f"conv2d_{n}" if n else "conv2d"))
        if n in (3, 4, 5):
            layers.append(halved())
    return [*layers, pool(), dense(found, "dense", True), dense(found, "dense_1", True), dense(found, "dense_3", False)]


def main() -> None:
    """Convert both models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "core/weights")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    weights.write(out / "dnsmos_p808.bin", "dnsmos_p808", 1, p808())
    weights.write(out / "dnsmos_p835.bin", "dnsmos_p835", 1, p835())
    licence = next(f for f in importlib.metadata.files("speechmos") or [] if f.name.startswith("LICENSE"))
    (out / "LICENSE-dnsmos").write_text(licence.read_text().replace("\r\n", "\n"))
    for name in ("dnsmos_p808.bin", "dnsmos_p835.bin"):
        print(name, (out / name).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
