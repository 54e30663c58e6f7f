"""The other mark to beat: the convolutions of P.808 as they are, and a new head in closed form on what they pool."""

import argparse
import pathlib

import librosa
import numpy as np
import torch

import dnsmos
import label
import network
import weights

ROOT = pathlib.Path(__file__).resolve().parent.parent


def pools(x: torch.Tensor) -> list[torch.Tensor]:
    """Pool a map [1, channels, time, bands] in four ways."""
    over_f = x.mean(dim=3)
    return [x.amax(dim=(2, 3)), x.mean(dim=(2, 3)), x.amax(dim=3).mean(dim=2), over_f.std(dim=2)]


class Trunk:
    """P.808 up to its second dense layer; gives 448 values of a clip."""

    def __init__(self) -> None:
        _, self.layers = weights.read(ROOT / "core/weights/dnsmos_p808.bin")

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Give 4 x 32 values of the third convolution, 4 x 64 of the fifth, 64 of the second dense layer."""
        power = librosa.feature.melspectrogram(y=samples, sr=dnsmos.RATE, n_fft=321, hop_length=160, n_mels=120)
        db = librosa.power_to_db(power, ref=np.max).T
        x = torch.from_numpy(((db + 40) / 40).astype(np.float32))[None, None]
        found: list[torch.Tensor] = []
        convs = 0
        with torch.no_grad():
            for layer in self.layers[1:-1]:
                if layer.kind == "pool":
                    x = x.amax(dim=(2, 3))
                    continue
                x = network.run([layer], x)
                if layer.kind == "conv":
                    convs += 1
                    if convs in (3, 5):
                        found += pools(x)
        return torch.cat([*found, x], dim=1)[0].numpy()


def table_of(args: argparse.Namespace, chosen: str, most: int | None = None) -> dict[str, np.ndarray]:
    """Give the values of a set by clip, for clips whose samples are cached; kept in the cache."""
    trunk = Trunk()
    return label.kept(args, chosen, "trunk", lambda pcm: trunk(pcm.astype(np.float32) / 32768), most)
