"""Training: data to parts, parts to weights, weights to numbers, all in the run folder."""

from munseo.training.distributed import rank
from munseo.training.fitting import fit
from munseo.training.judging import join_folds, judge
from munseo.training.measuring import prediction_table
from munseo.training.parts import Collection, Parts, collect, divide
from munseo.training.starting import Prepared, prepare, prepare_again
from munseo.training.trackers import build_trackers, log_results

__all__ = [
    "Collection",
    "Parts",
    "Prepared",
    "build_trackers",
    "collect",
    "divide",
    "fit",
    "join_folds",
    "judge",
    "log_results",
    "prediction_table",
    "prepare",
    "prepare_again",
    "rank",
]
