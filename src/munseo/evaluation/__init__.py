"""Predicting pages and judging the predictions."""

from munseo.evaluation.metrics import bootstrap_interval, macro_f1, summarise
from munseo.evaluation.predictor import Settings, choose_device, load_members, predict_pages, predict_run
from munseo.evaluation.views import VIEWS, check_views

__all__ = [
    "VIEWS",
    "Settings",
    "bootstrap_interval",
    "check_views",
    "choose_device",
    "load_members",
    "macro_f1",
    "predict_pages",
    "predict_run",
    "summarise",
]
