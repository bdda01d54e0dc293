"""Simulated members, and their files."""

import numpy as np
import pandas as pd

from munseo._randomness import generator

NAMES = ("계좌번호", "영수증", "소견서", "이력서")


def simulate(num_pages, noises, num_classes=4, seed=0):
    """Return labels and one member for each noise level, (M, N, K); less noise makes more right predictions."""
    rng = generator(seed, "simulate")
    labels = rng.integers(num_classes, size=num_pages)
    rows = []
    for noise in noises:
        logits = rng.normal(scale=noise, size=(num_pages, num_classes))
        logits[np.arange(num_pages), labels] += 2
        powers = np.exp(logits)
        rows.append(powers / powers.sum(axis=1, keepdims=True))
    return np.array(rows), labels


def rewrite(path, change):
    """Change a table of a run folder in place."""
    change(pd.read_parquet(path)).to_parquet(path, index=False)
