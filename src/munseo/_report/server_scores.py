"""The scores that a competition's server gave for a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._run.records import ServerScores


def record_score(run: RunFolder, public: float | None = None, private: float | None = None) -> dict[str, Any]:
    """Write ``scores.json``; a score that is not given keeps its earlier value.

    Returns:
        The content of the file, and ``generalisation``: public score / validation macro-F1, if both are known.

    Raises:
        UserError: No score is given, or one is not in [0, 1].
    """
    given = {name: score for name, score in (("public", public), ("private", private)) if score is not None}
    if not given:
        raise UserError("No score is given; pass --public 0.8619, --private 0.8510, or both.")
    if problems := [problem for name, score in given.items() if (problem := _problem(name, score))]:
        raise UserError("A score is a fraction between 0 and 1.", problems)
    before = run.read_scores()
    scores = ServerScores(
        public=given.get("public", before.public),
        private=given.get("private", before.private),
        recorded=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    write_json(run.scores_file, scores.model_dump())
    return {**scores.model_dump(), "generalisation": run.read_results("val").generalisation(scores.public)}


def _problem(name: str, score: float) -> str | None:
    if 0 <= score <= 1:
        return None
    if 1 < score <= 100:
        return f"--{name} {score:g}: looks like per cent; write {score / 100:.6g}"
    return f"--{name} {score:g}: must lie between 0 and 1"
