"""Training: from data to weights, and from weights to results, all in the run folder."""

from munseo._training.training_data import Collection, Split, collect, make_splits

__all__ = ["Collection", "Split", "collect", "make_splits"]
