"""Trains a student on labelled clips.

  train.py SIZE --out CHECKPOINT                                for the table: nothing that is held out is seen
  train.py SIZE --sets train,more,... --start CHECKPOINT --out ...    for shipping

One clip of twenty is kept for validation, by seed. README.md says which choices were made with a look at held-out sets.
"""

import argparse
import copy
import math
import time

import numpy as np
import torch
from torch.nn import functional

import clips
import features
import folders
import label
import network
from degrade import FIXED
from features import RANGE_DB
from network import Spec, Student
from scenes import EXTRA

TYPES = [*FIXED, *EXTRA]
POOLED = 24
BATCH = 32
# Weights of the further targets beside the score's.
POOLED_SHARE, TYPES_SHARE = 0.3, 0.1
SHORTEST = 300
EQUALISER_DB = 5.0
# What P.808 knew is changed more slowly than what starts from nothing.
TRUNK_RATE = 0.15


class Data:
    """Features, scores and further targets of some sets, in RAM."""

    def __init__(self, args: argparse.Namespace, sets: list[str], spec: Spec) -> None:
        self.clips: list[np.ndarray] = []
        scores, types, pooled, self.validation = [], [], [], []
        for chosen in sets:
            rows, made = features.load(args, chosen, spec.front)
            for n, row in enumerate(rows):
                clip = clips.parse(row["clip"], row["base"], row["steps"])
                if clip.family == "judging":
                    continue
                # Of a long clip only what the teacher heard: the 768 frames in its middle.
                part = made.clip(n)
                self.clips.append(part[50:818] if len(part) > 768 else part)
                scores.append(float(row["score"]))
                types.append([float(t in clip.steps) for t in TYPES])
                path = label.cached(args, chosen, clip.seed, "pooled")
                pooled.append(np.load(path) if path.exists() else np.full(200, np.nan, np.float32))
                self.validation.append(clip.seed % 20 == 0)
        self.lengths = np.array([len(c) for c in self.clips])
        self.scores = torch.tensor(unpadded(np.array(scores), self.lengths), dtype=torch.float32)
        self.types = torch.tensor(types)
        self.pooled = torch.from_numpy(whitened(np.stack(pooled)))
        self.validation = np.array(self.validation)


def unpadded(scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Take out what the teacher takes off for the silence that its package puts behind short clips.

    Clips of all lengths are drawn alike, so a straight line through score and missing seconds is that and nothing else.
    """
    missing = (clips.SCORED // 160 - lengths) / 100
    slope = np.cov(missing, scores)[0, 1] / max(np.var(missing), 1e-9)
    print(f"the teacher takes off {-slope:.3f} for each second that it has to pad")
    return scores - slope * missing


def whitened(pooled: np.ndarray) -> np.ndarray:
    """Turn what the teacher knew into a few values of unit variance; rows that are not known stay NaN."""
    known = pooled[~np.isnan(pooled[:, 0])]
    if len(known) < 10 * POOLED:
        return np.full((len(pooled), POOLED), np.nan, np.float32)
    middle = known.mean(axis=0)
    _, sizes, axes = np.linalg.svd(known - middle, full_matrices=False)
    return ((pooled - middle) @ axes[:POOLED].T / (sizes[:POOLED] / math.sqrt(len(known)))).astype(np.float32)


def batches(data: Data, rng: np.random.Generator) -> list[np.ndarray]:
    """Shuffle the training clips into batches of about one length."""
    chosen = rng.permutation(np.flatnonzero(~data.validation))
    ordered = chosen[np.argsort(data.lengths[chosen], kind="stable")]
    parts = [ordered[n : n + BATCH] for n in range(0, len(ordered), BATCH)]
    return [parts[n] for n in rng.permutation(len(parts)) if len(parts[n]) > 1]


def crops(data: Data, batch: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """Cut crops of one length and vary them: equaliser, shift by a band, a reference that is a little off."""
    longest = int(data.lengths[batch].min())
    size = (
        longest if rng.random() < 0.5 else int(rng.integers(SHORTEST, longest + 1)) if longest > SHORTEST else longest
    )
    x = np.empty((len(batch), size, data.clips[0].shape[1]), np.float32)
    bands = x.shape[2]
    for n, k in enumerate(batch):
        start = rng.integers(0, data.lengths[k] - size + 1)
        part = data.clips[k][start : start + size].astype(np.float32) * (RANGE_DB / 255) - RANGE_DB
        # A colour or a size of the throat says nothing of quality, and voices are too few to learn that from.
        place = np.arange(bands) * (1 + rng.uniform(-0.1, 0.1)) + rng.uniform(-1, 1)
        part = part[:, np.clip(np.rint(place).astype(int), 0, bands - 1)]
        points = rng.normal(0, rng.uniform(0, EQUALISER_DB), 6)
        part = part + np.interp(np.linspace(0, 5, bands), np.arange(6), points).astype(np.float32)
        x[n] = np.maximum(part - part.max() + np.float32(rng.uniform(-2, 2)), -RANGE_DB)
    return torch.from_numpy(features.normal(x)).unsqueeze(1)


def whole(clip: np.ndarray) -> torch.Tensor:
    """Give a clip as the product will hear it: whole, under its own peak."""
    db = clip.astype(np.float32) * (RANGE_DB / 255) - RANGE_DB
    return torch.from_numpy(features.normal(np.maximum(db - db.max(), -RANGE_DB)))[None, None]


def predict(model: Student, parts: list[np.ndarray]) -> np.ndarray:
    """Score whole clips."""
    model.eval()
    with torch.no_grad():
        return np.array([float(model(whole(p))[0][0]) for p in parts])


def loss_of(model: Student, data: Data, batch: np.ndarray, x: torch.Tensor) -> torch.Tensor:
    """Give the loss of a batch: the score, what the teacher knew, the types of degradation."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        score, extra = model(x.contiguous(memory_format=torch.channels_last))
    extra = extra.float()
    loss = functional.smooth_l1_loss(score.float(), data.scores[batch], beta=0.5)
    target = data.pooled[batch]
    known = ~torch.isnan(target[:, 0])
    if known.any():
        loss = loss + POOLED_SHARE * functional.smooth_l1_loss(extra[known, :POOLED], target[known])
    return loss + TYPES_SHARE * functional.binary_cross_entropy_with_logits(extra[:, POOLED:], data.types[batch]) * 5


def train(args: argparse.Namespace, spec: Spec, data: Data) -> Student:
    """Train with one cosine of the learning rate; what is kept is a running mean of the weights."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    model = Student(spec, POOLED + len(TYPES)).to(memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True)["state"])
    mean = copy.deepcopy(model)
    groups = []
    for slow in (False, True):
        for decay in (0.02, 0.0):
            chosen = [
                p
                for name, p in model.named_parameters()
                if p.requires_grad and name.startswith("trunk.") == slow and (p.ndim > 1) == (decay > 0)
            ]
            groups.append({"params": chosen, "weight_decay": decay, "share": TRUNK_RATE if slow else 1.0})
    optimiser = torch.optim.AdamW([g for g in groups if g["params"]])
    total = args.epochs * len(batches(data, np.random.default_rng(0)))
    held = np.flatnonzero(data.validation)
    step, started = 0, time.process_time()
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for batch in batches(data, rng):
            rate = args.rate * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * step / total))
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            optimiser.zero_grad()
            loss = loss_of(model, data, batch, crops(data, batch, rng))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            keep = min(0.998, (step + 1) / (step + 20))
            with torch.no_grad():
                for kept, new in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
                    if kept.dtype.is_floating_point:
                        kept.lerp_(new, 1 - keep)
            losses.append(loss.item())
        guess = predict(mean, [data.clips[n] for n in held])
        truth = data.scores[held].numpy()
        print(
            f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, validation PCC {np.corrcoef(guess, truth)[0, 1]:.3f}, "
            f"RMSE {np.sqrt(np.mean((guess - truth) ** 2)):.3f}, {time.process_time() - started:.0f} CPU-s",
            flush=True,
        )
        torch.save({"state": mean.state_dict()}, args.out)
    return mean


def main() -> None:
    """Train one student."""
    parser = folders.options(__doc__)
    parser.add_argument("size", choices=list(network.SPECS))
    parser.add_argument("--sets", default="train")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", help="a checkpoint to go on from")
    parser.add_argument("--out", required=True, help="the checkpoint to write")
    args = parser.parse_args()
    torch.set_num_threads(1)
    spec = network.SPECS[args.size]
    data = Data(args, args.sets.split(","), spec)
    held = int(data.validation.sum())
    scores = data.scores
    print(
        f"{len(data.clips)} clips, {held} of them for validation; scores {scores.mean():.2f}, SD {scores.std():.2f}",
        flush=True,
    )
    train(args, spec, data)


if __name__ == "__main__":
    main()
