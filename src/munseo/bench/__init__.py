"""Measurements of speed and memory on one's own machine, with one's own data."""

from munseo.bench.picture import stages_plot
from munseo.bench.training import bench_train

__all__ = ["bench_train", "stages_plot"]
