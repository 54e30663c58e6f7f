"""The students: convolutions that stream row by row, pools over time, dense layers; and their way into a weights file."""

import pathlib
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

import weights
from features import FrontEnd
from weights import Layer

# The score is 3 plus what the last layer says.
CENTRE = 3.0


# P.808's first layers as they are: they cost most of its time, and a probe that runs both networks shares them.
SHARED, TUNED = 2, 3
P808 = pathlib.Path(__file__).resolve().parent.parent / "core/weights/dnsmos_p808.bin"
ALL_POOLS = {"max": 1, "mean": 1, "mean_of_max_f": 1, "sd_of_mean_f": 1}
ROW_POOLS = {"max": 1, "mean": 1, "mean_of_max_f": 0, "sd_of_mean_f": 1}


@dataclass(frozen=True)
class Spec:
    """Sizes of a student: (channels, stride in time, stride in frequency), or (0, 1, 1) for a layer added to its input.

    With a trunk these layers stand on P.808's convolutions, and what these pool goes to the head as well.
    """

    front: FrontEnd
    trunk: bool
    convs: tuple[tuple[int, int, int], ...]
    row: int
    hidden: int


SPECS = {
    "accurate": Spec(
        FrontEnd(80, 512), False, ((16, 1, 2), (32, 2, 2), (48, 2, 2), (0, 1, 1), (64, 2, 2), (0, 1, 1)), 96, 64
    ),
    "light": Spec(FrontEnd(48, 512), False, ((16, 2, 2), (24, 2, 2), (0, 1, 1), (40, 2, 2), (0, 1, 1)), 64, 48),
    # Starts from P.808's convolutions. Its mean with `accurate` was better than either with 6,757 clips; with 11,190
    # `accurate` alone is as good.
    "shared": Spec(FrontEnd(120, 321), True, ((64, 1, 2), (0, 1, 1)), 96, 64),
}


def pool_all(x: torch.Tensor, kinds: dict[str, int]) -> torch.Tensor:
    """Pool a map [batch, channels, time, bands] over a window, in the order of a weights file."""
    parts = [x.amax(dim=(2, 3))] if kinds["max"] else []
    parts += [x.mean(dim=(2, 3))] if kinds["mean"] else []
    parts += [x.amax(dim=3).mean(dim=2)] if kinds["mean_of_max_f"] else []
    parts += [torch.sqrt(x.mean(dim=3).var(dim=2, correction=0) + 1e-5)] if kinds["sd_of_mean_f"] else []
    return torch.cat(parts, dim=1)


class Convolution(nn.Module):
    """A 3x3 convolution with batch norm and ReLU; a residual one adds its input before the ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], residual: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the layer's output."""
        y = self.norm(self.conv(x))
        return torch.relu(y + x) if self.residual else torch.relu(y)


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Give kernel and bias with the batch norm in them."""
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return conv.weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain


class Trunk(nn.Module):
    """The convolutions of P.808: the first never change, the others start from its weights."""

    def __init__(self) -> None:
        super().__init__()
        _, layers = weights.read(P808)
        convs = [layer for layer in layers if layer.kind == "conv"]
        self.convs = nn.ModuleList()
        for layer in convs:
            conv = nn.Conv2d(layer.sizes["in"], layer.sizes["out"], 3, padding=1)
            flat = torch.from_numpy(layer.values[0].copy())
            with torch.no_grad():
                conv.weight.copy_(flat[: conv.weight.numel()].reshape(conv.weight.shape))
                conv.bias.copy_(flat[conv.weight.numel() :])
            self.convs.append(conv)
        self.convs[:SHARED].requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the map of the fifth convolution."""
        with torch.no_grad():
            for conv in self.convs[:SHARED]:
                x = functional.max_pool2d(torch.relu(conv(x)), 2)
        x = torch.relu(self.convs[2](x))
        x = functional.max_pool2d(torch.relu(self.convs[3](x)), 2)
        return torch.relu(self.convs[4](x))

    def layers(self) -> list[Layer]:
        """Give the trunk as it is exported."""
        made = []
        for n, conv in enumerate(self.convs):
            sizes = {"out": conv.out_channels, "in": conv.in_channels, "kernel_t": 3, "kernel_f": 3}
            sizes |= {"stride_t": 1, "stride_f": 1, "relu": 1}
            made.append(Layer("conv", sizes, [array(conv.weight), array(conv.bias)]))
            if n in (0, 1, 3):
                made.append(Layer("max_pool", {"size_t": 2, "size_f": 2}))
        return [*made, Layer("pool", {"channels": 64, **ALL_POOLS})]


class Student(nn.Module):
    """One network; `targets` further outputs help in training and are not exported."""

    def __init__(self, spec: Spec, targets: int = 0) -> None:
        super().__init__()
        self.spec = spec
        self.trunk = Trunk() if spec.trunk else None
        layers, channels, width = [], 64 if spec.trunk else 1, spec.front.bands // 8 if spec.trunk else spec.front.bands
        for outputs, stride_t, stride_f in spec.convs:
            layers.append(Convolution(channels, outputs or channels, (stride_t, stride_f), outputs == 0))
            channels = outputs or channels
            width = (width - 1) // stride_f + 1
        self.convs = nn.Sequential(*layers)
        self.width = width
        self.row = nn.Conv2d(channels, spec.row, (1, width), bias=False)
        self.row_norm = nn.BatchNorm2d(spec.row)
        count = 3 * spec.row + (4 * 64 if spec.trunk else 0)
        self.norm = nn.BatchNorm1d(count)
        self.drop = nn.Dropout(0.1)
        self.dense = nn.Linear(count, spec.hidden)
        self.score = nn.Linear(spec.hidden, 1)
        self.extra = nn.Linear(count, targets) if targets else None

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Give what the head sees: pools of the trunk, then pools of the rows."""
        parts = []
        if self.trunk is not None:
            x = self.trunk(x)
            parts.append(pool_all(x.float(), ALL_POOLS))
        rows = torch.relu(self.row_norm(self.row(self.convs(x)))).float()
        return torch.cat([*parts, pool_all(rows, ROW_POOLS)], dim=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Give the score of each clip, and the further targets."""
        pooled = self.drop(self.norm(self.pooled(x)))
        score = CENTRE + self.score(torch.relu(self.dense(pooled))).squeeze(1)
        return score, self.extra(pooled) if self.extra is not None else None

    def layers(self) -> list[Layer]:
        """Give the network as it is exported: batch norm folded in, the centre in the last bias."""
        front = self.spec.front
        sizes = {"bands": front.bands, "sample_rate_hz": 16000, "dft_size": front.dft, "hop": front.hop}
        sizes |= {"low_hz": 0, "high_hz": 8000, "floor_db": 80, "centre_db": 40, "half_range_db": 40}
        made = [Layer("mel_db", sizes)]
        if self.trunk is not None:
            made += self.trunk.layers()
        for part in self.convs:
            kernel, bias = folded(part.conv, part.norm)
            stride = part.conv.stride
            if part.residual:
                made.append(Layer("save"))
            conv = {"out": kernel.shape[0], "in": kernel.shape[1], "kernel_t": 3, "kernel_f": 3}
            conv |= {"stride_t": stride[0], "stride_f": stride[1], "relu": int(not part.residual)}
            made.append(Layer("conv", conv, [array(kernel), array(bias)]))
            if part.residual:
                made.append(Layer("add", {"relu": 1}))
        kernel, bias = folded(self.row, self.row_norm)
        row = {"out": kernel.shape[0], "channels": kernel.shape[1], "width": self.width, "relu": 1}
        made.append(Layer("row_dense", row, [array(kernel), array(bias)]))
        made.append(Layer("pool", {"channels": self.spec.row, **ROW_POOLS}))
        gain = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        matrix = self.dense.weight * gain
        bias = self.dense.bias + self.dense.weight @ (self.norm.bias - self.norm.running_mean * gain)
        made.append(
            Layer("dense", {"out": matrix.shape[0], "in": matrix.shape[1], "relu": 1}, [array(matrix), array(bias)])
        )
        last = {"out": 1, "in": self.score.in_features, "relu": 0}
        made.append(Layer("dense", last, [array(self.score.weight), array(self.score.bias + CENTRE)]))
        return made


def array(values: torch.Tensor) -> object:
    """Give a tensor as f32 values of numpy."""
    return values.detach().float().numpy()


def run(layers: list[Layer], x: torch.Tensor) -> torch.Tensor:
    """Run an exported network on features [batch, 1, time, bands]: what the Rust engine has to equal."""
    kept = x
    vectors: list[torch.Tensor] = []
    for layer in layers:
        s = layer.sizes
        flat = torch.from_numpy(layer.values[0].copy()) if layer.values and layer.values[0].size else torch.zeros(0)
        if layer.kind == "conv":
            count = s["out"] * s["in"] * s["kernel_t"] * s["kernel_f"]
            kernel = flat[:count].reshape(s["out"], s["in"], s["kernel_t"], s["kernel_f"])
            pad = (s["kernel_t"] // 2, s["kernel_f"] // 2)
            x = functional.conv2d(x, kernel, flat[count:], (s["stride_t"], s["stride_f"]), pad)
        elif layer.kind == "row_dense":
            count = s["out"] * s["channels"] * s["width"]
            x = functional.conv2d(x, flat[:count].reshape(s["out"], s["channels"], 1, s["width"]), flat[count:])
        elif layer.kind == "dense":
            if vectors:
                x, vectors = torch.cat(vectors, dim=1), []
            count = s["out"] * s["in"]
            x = functional.linear(x, flat[:count].reshape(s["out"], s["in"]), flat[count:])
        elif layer.kind == "max_pool":
            x = functional.max_pool2d(x, (s["size_t"], s["size_f"]))
        elif layer.kind == "save":
            kept = x
        elif layer.kind == "add":
            x = x + kept
        elif layer.kind == "pool":
            vectors.append(pool_all(x, s))
        if s.get("relu"):
            x = torch.relu(x)
    return x


def macs_per_second(layers: list[Layer]) -> float:
    """Count the multiplications of the convolutions for one second of sound, dense layers left out."""
    rows, width, total = 100.0, 0, 0.0
    for layer in layers:
        s = layer.sizes
        if layer.kind == "mel_db":
            width = s["bands"]
        elif layer.kind == "conv":
            rows /= s["stride_t"]
            width = (width - 1) // s["stride_f"] + 1
            total += rows * width * s["out"] * s["in"] * s["kernel_t"] * s["kernel_f"]
        elif layer.kind == "max_pool":
            rows, width = rows / s["size_t"], width // s["size_f"]
        elif layer.kind == "row_dense":
            total += rows * s["out"] * s["channels"] * s["width"]
    return total
