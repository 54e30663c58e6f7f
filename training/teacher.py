"""Distill-MOS, the teacher: its score of a window, and what it knew just before the score."""

import sys
import types

import numpy as np
import torch

NAME = "dm7"
WINDOW = 122880


def load() -> torch.nn.Module:
    """Load the teacher's weights out of its package."""
    # Only its reader of files needs torchaudio, and no build of that fits every build of torch.
    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
    from distillmos import ConvTransformerSQAModel

    return ConvTransformerSQAModel().eval()


class Teacher:
    """Scores windows on one thread; short ones are padded with zeros, as its package does."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.model = load()
        self.model.segmenting_in_forward = False
        self.pooled = torch.zeros(200)
        self.model.transformer_pool_attn.pool.linear3.register_forward_pre_hook(self._keep)

    def _keep(self, _: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.pooled = inputs[0].detach()

    def __call__(self, pcm: np.ndarray) -> tuple[float, np.ndarray]:
        """Give the score, and the 200 values that the last layer sees."""
        x = np.zeros((1, WINDOW), np.float32)
        x[0, : len(pcm)] = pcm.astype(np.float32) / 32768
        with torch.no_grad():
            score = self.model(torch.from_numpy(x))
        return float(score.reshape(-1)[0]), self.pooled.numpy().reshape(-1).astype(np.float32)
