"""Measurements of speed and memory on one's own machine, with one's own data."""

from munseo._bench.training_bench import bench_train, stages_plot

__all__ = ["bench_train", "stages_plot"]
