"""The students: convolutions that stream row by row, pools over time, dense layers; and their way into a weights file."""

from dataclasses import dataclass

import torch
from torch import nn

from features import FrontEnd
from weights import Layer

# The score is 3 plus what the last layer says.
CENTRE = 3.0


@dataclass(frozen=True)
class Spec:
    """Sizes of a student: (channels, stride in time, stride in frequency), or (0, 1, 1) for a layer added to its input."""

    front: FrontEnd
    convs: tuple[tuple[int, int, int], ...]
    row: int
    hidden: int


SPECS = {
    "accurate": Spec(
        FrontEnd(80, 512),
        ((32, 1, 2), (32, 2, 2), (0, 1, 1), (48, 2, 2), (0, 1, 1), (64, 2, 2), (0, 1, 1)),
        96,
        64,
    ),
    "light": Spec(FrontEnd(48, 512), ((16, 2, 2), (24, 2, 2), (0, 1, 1), (40, 2, 2), (0, 1, 1)), 64, 48),
}


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


class Student(nn.Module):
    """One network; `targets` further outputs help in training and are not exported."""

    def __init__(self, spec: Spec, targets: int = 0) -> None:
        super().__init__()
        self.spec = spec
        layers, channels, width = [], 1, spec.front.bands
        for outputs, stride_t, stride_f in spec.convs:
            layers.append(Convolution(channels, outputs or channels, (stride_t, stride_f), outputs == 0))
            channels = outputs or channels
            width = (width - 1) // stride_f + 1
        self.convs = nn.Sequential(*layers)
        self.width = width
        self.row = nn.Conv2d(channels, spec.row, (1, width), bias=False)
        self.row_norm = nn.BatchNorm2d(spec.row)
        self.drop = nn.Dropout(0.1)
        self.dense = nn.Linear(3 * spec.row, spec.hidden)
        self.score = nn.Linear(spec.hidden, 1)
        self.extra = nn.Linear(3 * spec.row, targets) if targets else None

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Give max, mean and standard deviation over time of the rows: [batch, 3 * row] from [batch, 1, time, bands]."""
        rows = torch.relu(self.row_norm(self.row(self.convs(x)))).squeeze(3).float()
        spread = torch.sqrt(rows.var(dim=2, correction=0) + 1e-5)
        return torch.cat([rows.amax(dim=2), rows.mean(dim=2), spread], dim=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Give the score of each clip, and the further targets."""
        pooled = self.drop(self.pooled(x))
        score = CENTRE + self.score(torch.relu(self.dense(pooled))).squeeze(1)
        return score, self.extra(pooled) if self.extra is not None else None

    def layers(self) -> list[Layer]:
        """Give the network as it is exported: batch norm folded in, the centre in the last bias."""
        front = self.spec.front
        sizes = {
            "bands": front.bands,
            "sample_rate_hz": 16000,
            "dft_size": front.dft,
            "hop": front.hop,
            "low_hz": 0,
            "high_hz": 8000,
            "floor_db": 80,
            "centre_db": 40,
            "half_range_db": 40,
        }
        made = [Layer("mel_db", sizes)]
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
        made.append(
            Layer("pool", {"channels": self.spec.row, "max": 1, "mean": 1, "mean_of_max_f": 0, "sd_of_mean_f": 1})
        )
        for layer, relu in ((self.dense, 1), (self.score, 0)):
            bias = layer.bias + (0 if relu else CENTRE)
            made.append(
                Layer(
                    "dense",
                    {"out": layer.out_features, "in": layer.in_features, "relu": relu},
                    [array(layer.weight), array(bias)],
                )
            )
        return made


def array(values: torch.Tensor) -> object:
    """Give a tensor as f32 values of numpy."""
    return values.detach().float().numpy()


def run(layers: list[Layer], x: torch.Tensor) -> torch.Tensor:
    """Run an exported network on features [batch, 1, time, bands]: what the Rust engine has to equal."""
    kept = x
    for layer in layers:
        s = layer.sizes
        flat = torch.from_numpy(layer.values[0].copy()) if layer.values and layer.values[0].size else torch.zeros(0)
        if layer.kind == "conv":
            count = s["out"] * s["in"] * s["kernel_t"] * s["kernel_f"]
            kernel = flat[:count].reshape(s["out"], s["in"], s["kernel_t"], s["kernel_f"])
            pad = (s["kernel_t"] // 2, s["kernel_f"] // 2)
            x = nn.functional.conv2d(x, kernel, flat[count:], (s["stride_t"], s["stride_f"]), pad)
        elif layer.kind == "row_dense":
            count = s["out"] * s["channels"] * s["width"]
            x = nn.functional.conv2d(x, flat[:count].reshape(s["out"], s["channels"], 1, s["width"]), flat[count:])
        elif layer.kind == "dense":
            count = s["out"] * s["in"]
            x = nn.functional.linear(x, flat[:count].reshape(s["out"], s["in"]), flat[count:])
        elif layer.kind == "max_pool":
            x = nn.functional.max_pool2d(x, (s["size_t"], s["size_f"]))
        elif layer.kind == "save":
            kept = x
        elif layer.kind == "add":
            x = x + kept
        elif layer.kind == "pool":
            over_f = x.mean(dim=3)
            parts = [x.amax(dim=(2, 3))] if s["max"] else []
            parts += [x.mean(dim=(2, 3))] if s["mean"] else []
            parts += [x.amax(dim=3).mean(dim=2)] if s["mean_of_max_f"] else []
            parts += [torch.sqrt(over_f.var(dim=2, correction=0) + 1e-5)] if s["sd_of_mean_f"] else []
            x = torch.cat(parts, dim=1)
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
