"""The weights file: a network as a list of layers and flat little-endian f32 values.

The reader is Rust code without a parser, so every record has one fixed size and every count can be checked before a
value is read. README.md describes the format; `describe` writes the same list as JSON for people.
"""

import json
import pathlib
import struct
from dataclasses import dataclass, field

import numpy as np

MAGIC = b"OTOMOSW1"
RECORD = struct.Struct("<16I")
HEAD = struct.Struct("<8sIIII")

KINDS = {
    "mel_db": 1,
    "basis_log_power": 2,
    "conv": 3,
    "max_pool": 5,
    "save": 6,
    "add": 7,
    "pool": 8,
    "dense": 9,
    "row_dense": 10,
}
NAMES = {number: name for name, number in KINDS.items()}

# What the integers of a record mean, by kind. Fractions are stored as integers with the unit in their name.
FIELDS = {
    "mel_db": (
        "bands",
        "sample_rate_hz",
        "dft_size",
        "hop",
        "low_hz",
        "high_hz",
        "floor_db",
        "centre_db",
        "half_range_db",
    ),
    "basis_log_power": ("bins", "frame", "hop"),
    "conv": ("out", "in", "kernel_t", "kernel_f", "stride_t", "stride_f", "relu"),
    "max_pool": ("size_t", "size_f"),
    "save": (),
    "add": ("relu",),
    "pool": ("channels", "max", "mean", "mean_of_max_f", "sd_of_mean_f"),
    "dense": ("out", "in", "relu"),
    "row_dense": ("out", "channels", "width", "relu"),
}


@dataclass
class Layer:
    """One step of a network: what it is, its sizes, and the values it owns in the order they are stored."""

    kind: str
    sizes: dict[str, int] = field(default_factory=dict)
    values: list[np.ndarray] = field(default_factory=list)

    def record(self) -> bytes:
        """Give the 64 bytes of this layer: kind, number of values, sizes by FIELDS, zeros."""
        numbers = [self.sizes[name] for name in FIELDS[self.kind]]
        count = sum(v.size for v in self.values)
        return RECORD.pack(KINDS[self.kind], count, *numbers, *[0] * (14 - len(numbers)))


def write(path: pathlib.Path, name: str, revision: int, layers: list[Layer]) -> None:
    """Write PATH and, beside it, a JSON list of the same layers."""
    values = [np.ascontiguousarray(v, dtype="<f4").ravel() for layer in layers for v in layer.values]
    flat = np.concatenate(values) if values else np.zeros(0, "<f4")
    if not np.isfinite(flat).all():
        raise ValueError(f"{path}: a value is not finite")
    head = HEAD.pack(MAGIC, 1, revision, len(layers), flat.size)
    path.write_bytes(head + b"".join(layer.record() for layer in layers) + flat.tobytes())
    listed = [{"kind": layer.kind, **layer.sizes, "values": sum(v.size for v in layer.values)} for layer in layers]
    lines = ",\n".join("    " + json.dumps(entry) for entry in listed)
    path.with_suffix(".json").write_text(
        f'{{\n  "name": {json.dumps(name)},\n  "revision": {revision},\n  "values": {flat.size},\n  "layers": [\n{lines}\n  ]\n}}\n'
    )


def read(path: pathlib.Path) -> tuple[int, list[Layer]]:
    """Give revision and layers of PATH, with the values of each layer as one flat array."""
    raw = path.read_bytes()
    magic, version, revision, count, total = HEAD.unpack_from(raw, 0)
    if magic != MAGIC or version != 1:
        raise ValueError(f"{path} is not a weights file of version 1")
    start = HEAD.size + count * RECORD.size
    if len(raw) != start + 4 * total:
        raise ValueError(f"{path} has {len(raw)} bytes, its head says {start + 4 * total}")
    flat = np.frombuffer(raw, "<f4", total, start)
    layers, used = [], 0
    for n in range(count):
        kind, size, *numbers = RECORD.unpack_from(raw, HEAD.size + n * RECORD.size)
        name = NAMES[kind]
        sizes = dict(zip(FIELDS[name], numbers, strict=False))
        layers.append(Layer(name, sizes, [flat[used : used + size]]))
        used += size
    if used != total:
        raise ValueError(f"{path}: the layers own {used} values of {total}")
    return revision, layers
