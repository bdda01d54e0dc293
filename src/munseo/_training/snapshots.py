"""Snapshot averaging: one set of weights from the ends of several epochs."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from munseo._model import Classifier


class SnapshotAverage(nn.Module):
    """The mean of the weights at the ends of the last epochs, at the cost of one more copy of them in memory.

    Stochastic weight averaging (Izmailov et al., "Averaging weights leads to wider optima and better generalization",
    2018), with the run's own schedule in place of a constant or cyclic rate. How many snapshots the mean holds follows
    from the epoch, so a resumed run needs nothing but the mean itself, which lies in the state.

    Running means and variances of batch normalisation are averaged with the weights. The paper measures them anew in
    one more pass over the training pages; that would cost up to a third of an epoch after each snapshot, and the ends
    of late epochs, where the rate is low, are so near to each other that their statistics are, too.

    Args:
        classifier: The model that is trained.
        first_epoch: The epoch, from 0, whose end is the first snapshot.
    """

    def __init__(self, classifier: Classifier, first_epoch: int) -> None:
        super().__init__()
        self.mean = deepcopy(classifier).eval().requires_grad_(False)
        self.first_epoch = first_epoch

    def holds(self, epoch: int) -> bool:
        """Whether there is a snapshot at the end of an epoch."""
        return epoch >= self.first_epoch

    @torch.no_grad()
    def add(self, classifier: Classifier, epoch: int) -> None:
        """Take the snapshot of an epoch, in the order of the epochs."""
        share = 1 / (epoch - self.first_epoch + 1)
        for mean, value in zip(self.mean.state_dict().values(), classifier.state_dict().values(), strict=True):
            if share == 1 or not mean.is_floating_point():
                mean.copy_(value)
            else:
                mean.lerp_(value, share)
