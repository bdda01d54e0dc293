"""The threshold that a run's held-out predictions promise for a pipeline, with or without a second look."""

from __future__ import annotations

import numpy as np

from munseo._evaluation.calibration import calibrate
from munseo._evaluation.held_out import HeldOut, Pipeline, looked_at
from munseo._evaluation.held_out_groups import page_groups
from munseo._evaluation.precision_threshold import FAILURE_RATE, RATE_OF_A_CHOSEN_LOOK, threshold_for_precision
from munseo._run import RunFolder


def can_be_promised(run: RunFolder, pipeline: Pipeline) -> bool:
    """Return whether the predictions are known that a threshold for a pipeline is tested on.

    Those of a second look by its own rule are only known from the stored predictions of single views.
    """
    return pipeline.second_look is None or looked_at(run, pipeline) is not None


def promised_threshold(
    run: RunFolder, pipeline: Pipeline, held: HeldOut, temperature: float, target: float
) -> dict[str, float | None]:
    """Return the ``threshold_for_precision`` of a pipeline.

    After a second look its own rule is tested, which was chosen on the same pages. The test counts the candidates that
    it was chosen from, and has the shifted pages in draw 0 only.

    Args:
        run: The run folder.
        pipeline: What predicts; it ``can_be_promised``.
        held: Its held-out predictions.
        temperature: The temperature that calibrates it.
        target: Wanted fraction of right predictions, above 0 and below 1.
    """
    own_rule = looked_at(run, pipeline)
    tested, rate = (held, FAILURE_RATE) if own_rule is None else (own_rule, RATE_OF_A_CHOSEN_LOOK)
    labels, rows = tested.rows
    groups = np.tile(page_groups(run, tested.ids), tested.num_draws)
    return threshold_for_precision(labels, calibrate(rows, temperature), target, groups, rate)
