"""Evaluation: metrics, calibration, expected score, comparison and judgement of predictions."""

from munseo._evaluation.metrics import bootstrap_interval, macro_f1, summarise

__all__ = ["bootstrap_interval", "macro_f1", "summarise"]
