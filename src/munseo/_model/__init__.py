"""Classifiers: backbone, head, initial weights, and which parameters are trained."""

from munseo._model.builder import build_classifier, freeze, load_classifier, model_normalisation
from munseo._model.classifier import Classifier, ModelCard
from munseo._model.pretrained import WeightsRecord

__all__ = [
    "Classifier",
    "ModelCard",
    "WeightsRecord",
    "build_classifier",
    "freeze",
    "load_classifier",
    "model_normalisation",
]
