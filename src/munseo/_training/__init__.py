"""Training: data to parts, parts to weights, weights to numbers, all in the run folder."""

from munseo._training.hardware import rank
from munseo._training.resume import Prepared, prepare, prepare_again
from munseo._training.signals import describe_killed, ending_on_sigterm, killed_workers
from munseo._training.trackers import build_trackers, log_results
from munseo._training.training_data import Collection, Parts, collect, divide
from munseo._training.training_run import fit
from munseo._training.validation import join_folds, judge, prediction_table

__all__ = [
    "Collection",
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
