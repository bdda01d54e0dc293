"""Prediction: a run folder is loaded as a ``Predictor``, which gives the class probabilities of pages.

``predictor.py`` holds the object that commands, service and web page use; ``inference.py`` runs one model over pages,
``tta.py`` has the views, ``combination.py`` the members of an ensemble, ``decision.py`` the threshold below which a
page needs a person. ``submission.py`` writes submissions, ``bulk.py`` tables of any number of pages: CSV, workbooks and
parquet (``table_files.py``).
"""

from munseo._prediction.device import InferenceSetup, choose_device
from munseo._prediction.inference import load_members, predict_pages, predict_run
from munseo._prediction.predictor import PredictOptions, Predictor
from munseo._prediction.tta import check_views

__all__ = [
    "InferenceSetup",
    "PredictOptions",
    "Predictor",
    "check_views",
    "choose_device",
    "load_members",
    "predict_pages",
    "predict_run",
]
