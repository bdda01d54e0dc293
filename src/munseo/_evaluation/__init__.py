"""Evaluation: metrics, calibration, expected score, comparison and judgement of predictions."""

from munseo._evaluation.metrics import macro_f1, macro_f1_interval, summarise

__all__ = ["macro_f1", "macro_f1_interval", "summarise"]
