"""``munseo ensemble``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from munseo import _ensemble as ensembles
from munseo import _report as reports
from munseo._console import quietly, say
from munseo._run.manifest import command_words


def ensemble(
    runs: Sequence[Path | str],
    output: Path | str,
    *,
    stack: bool = False,
    seed: int = 42,
    quiet: bool = False,
) -> Path:
    """Combine runs into one that predicts, and say whether it is better than its best member.

    Args:
        runs: Two or more finished run folders that hold out the same pages.
        output: A name (the ensemble then lies beside the first run) or a path.
        stack: Combine by logistic regression on log-probabilities instead of weights.
        seed: Of the folds and bootstraps.
        quiet: Print nothing but errors.

    Returns:
        The run folder of the ensemble. ``results.json`` has the comparison under ``ensemble``.

    Raises:
        UserError: The runs differ in their classes, labels or images, hold out different pages, or trained on pages
            that judge the others.
    """
    with quietly(quiet):
        started = datetime.now().astimezone()
        members = ensembles.read_members(runs)
        path = ensembles.choose_folder(output, members)
        aligned = ensembles.align(members)
        for note in aligned.notes:
            say(str(note))
        judgement = ensembles.judge(aligned, "stack" if stack else "weights", seed)
        run = ensembles.write_ensemble(path, aligned, judgement, seed, command_words(), started)
        reports.draw_plots(run)
        reports.write_report(run)
        names = [member.name for member in members]
        weights = ensembles.weights_of(judgement, len(names))
        for line in (*ensembles.table(judgement, names, weights), *ensembles.sentences(judgement, names)):
            say(line)
    return run.path
