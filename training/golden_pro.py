"""Writes core/tests/data/dnsmos_pro_golden.csv: what PyTorch says with the architecture of DNSMOS Pro and weights of a generator.

Nothing of DNSMOS Pro itself is here or needed: its weights are the user's own file. Those of the generator of 32 bits a test
can make again; they are so scaled that every layer matters. With --save they are also written as TorchScript, whose tensors lie
as those of the published files.

dnsmos_pro_golden.csv       signal, samples (of it again and again), mean, variance
"""

import argparse
import pathlib

import librosa
import numpy as np
import torch
from torch import nn

import golden

CLIPS = (
    ("en_flite_slt", 64000),
    ("ru_human", 160000),
    ("slt_noise", 159999),
    ("slt_quiet", 170000),
    ("square_full_scale", 160000),
    ("silence", 16000),
)


class Network(nn.Module):
    """Four convolutions with batch norm, the largest of each channel, three dense layers."""

    def __init__(self) -> None:
        """Make the layers in the order in which the published files have their tensors."""
        super().__init__()
        layers: list[nn.Module] = []
        for n, (inputs, outputs) in enumerate(((1, 32), (32, 32), (32, 64), (64, 64))):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            if n == 1:
                layers.append(nn.MaxPool2d(3))
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Give mean and variance of [batch, 1, time, bins]."""
        said = self.head(torch.amax(self.convolutions(spectrum), dim=(2, 3)))
        return torch.stack((3 + 2 * said[:, 0], 4 * nn.functional.softplus(said[:, 1])), dim=1)


def fill(network: Network) -> None:
    """Take one number of the generator after the other, between -1 and 1, times a power of two."""
    count = sum(v.numel() for v in network.state_dict().values() if v.dtype == torch.float32)
    numbers = golden.noise(count, 1) / 32768
    at = 0
    for name, tensor in network.state_dict().items():
        if tensor.dtype != torch.float32:
            continue
        own = numbers[at : at + tensor.numel()]
        at += tensor.numel()
        if tensor.dim() == 4:
            own = own / (2 if tensor.shape[1] == 1 else 16)
        elif tensor.dim() == 2:
            own = own / 4
        elif "running_var" in name or (".weight" in name and "convolutions" in name):
            own = 1 + own / 2
        else:
            own = own / 4
        tensor.copy_(torch.from_numpy(own.astype(np.float32)).reshape(tensor.shape))


def spectrum(samples: np.ndarray) -> torch.Tensor:
    """Give the logarithm of the magnitude of 10 s: the clip doubled until it is long enough, then cut."""
    while len(samples) < 160000:
        samples = np.concatenate([samples, samples])
    bins = librosa.stft(y=samples[:160000], n_fft=320, win_length=320, hop_length=160)
    return torch.from_numpy(np.log10(np.clip(np.abs(bins.T), 1e-7, 1e7)).astype(np.float32))


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=golden.ROOT / "core/tests/data")
    parser.add_argument("--save", type=pathlib.Path, help="also the weights, as TorchScript")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = Network().eval()
    with torch.no_grad():
        fill(network)
        if args.save:
            torch.jit.script(network).save(str(args.save))
        made = golden.signals()
        rows: list[list] = [["signal", "samples", "mean", "variance"]]
        for name, count in CLIPS:
            samples = (np.resize(made[name], count) / 32768).astype(np.float32)
            mean, variance = network(spectrum(samples)[None, None])[0].tolist()
            rows.append([name, count, f"{mean:.6f}", f"{variance:.6f}"])
    golden.write(args.out / "dnsmos_pro_golden.csv", rows)


if __name__ == "__main__":
    main()
