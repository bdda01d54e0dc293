"""Measurements of speed and memory on this machine, with the user's own data."""

from munseo._bench.prediction_bench import COLUMNS, measure_prediction, table_rows
from munseo._bench.training_bench import measure_training, stages_plot

__all__ = ["COLUMNS", "measure_prediction", "measure_training", "stages_plot", "table_rows"]
