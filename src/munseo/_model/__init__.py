"""Classifiers: backbone, head, initial weights, and which parameters are trained."""

from munseo._model.builder import (
    build_classifier,
    freeze,
    hold_frozen_statistics,
    load_classifier,
    model_normalisation,
)
from munseo._model.classifier import Classifier, ModelCard
from munseo._model.dry_pass import check_model
from munseo._model.pretrained import WeightsRecord

__all__ = [
    "Classifier",
    "ModelCard",
    "WeightsRecord",
    "build_classifier",
    "check_model",
    "freeze",
    "hold_frozen_statistics",
    "load_classifier",
    "model_normalisation",
]
