"""Class probabilities of pages: the models of a run, their views, and how they are combined."""

from munseo._prediction.inference import Settings, choose_device, load_members, predict_pages, predict_run
from munseo._prediction.tta import VIEWS, check_views

__all__ = ["VIEWS", "Settings", "check_views", "choose_device", "load_members", "predict_pages", "predict_run"]
