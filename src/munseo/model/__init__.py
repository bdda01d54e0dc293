"""Backbone, head, first weights, and what is frozen."""

from munseo.model.building import build_classifier, freeze, load_classifier, model_normalisation
from munseo.model.card import ModelCard
from munseo.model.classifier import Classifier
from munseo.model.weights import WeightsRecord

__all__ = [
    "Classifier",
    "ModelCard",
    "WeightsRecord",
    "build_classifier",
    "freeze",
    "load_classifier",
    "model_normalisation",
]
