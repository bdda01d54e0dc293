"""Training: data to parts, parts to weights, weights to numbers, all in the run folder."""

from munseo.training.distributed import rank
from munseo.training.fitting import fit
from munseo.training.judging import join_folds, judge
from munseo.training.measuring import prediction_table
from munseo.training.parts import Collection, Parts, collect, divide
from munseo.training.starting import Prepared, prepare, prepare_again
from munseo.training.stopping import Interrupted, ending_on_sigterm
from munseo.training.trackers import build_trackers, log_results
from munseo.training.workers import describe_killed, killed_workers

__all__ = [
    "Collection",
    "Interrupted",
    "Parts",
    "Prepared",
    "build_trackers",
    "collect",
    "describe_killed",
    "divide",
    "ending_on_sigterm",
    "fit",
    "join_folds",
    "judge",
    "killed_workers",
    "log_results",
    "prediction_table",
    "prepare",
    "prepare_again",
    "rank",
]
