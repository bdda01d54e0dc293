"""The types of ``evaluations/NAME/results.json``: a finished run, judged on a labelled test set."""

from __future__ import annotations

from pydantic import Field

from munseo._run.ensemble_scores import ScoreDifference
from munseo._run.records import Remarks, RunRecord
from munseo._run.results import Coverage, ExpectedScore, Reliability
from munseo._run.scores import Scores


class ClassPages(RunRecord):
    """The number of pages of one class."""

    name: str = Field(alias="class")
    count: int


class ExcludedPages(RunRecord):
    """Labelled pages that did not judge the run.

    Attributes:
        trained: Files that the run was trained on.
        near_copies: Other files that show the same picture as a training page.
        unknown: Pages of classes that the run does not know.
        unreadable: Pages that cannot be read.
        num_compared: Training pages whose pictures were compared with the test set.
        num_trained: All training pages of the run.
    """

    trained: int = 0
    near_copies: int = 0
    unknown: tuple[ClassPages, ...] = ()
    unreadable: int = 0
    num_compared: int = 0
    num_trained: int = 0

    @property
    def num_pages(self) -> int:
        """The number of all labelled pages that were left out."""
        return self.trained + self.near_copies + self.unreadable + sum(entry.count for entry in self.unknown)


class RunComparison(RunRecord):
    """The run compared with another one, on the pages that neither was trained on and whose class both know.

    ``difference`` is the macro-F1 of the run minus that of the other one, by paired bootstrap.
    """

    run: str
    num_pages: int
    macro_f1: float
    other_macro_f1: float
    difference: ScoreDifference


class TestScores(Scores):
    """The scores of a run on a labelled test set, by the predictions that ``munseo predict`` gives.

    Attributes:
        name: The folder below ``evaluations``.
        evaluated: ISO time.
        data: The data folder, and its table where only one was judged.
        pages_sha256: Fingerprint of IDs, files and labels.
        settings: Engine, views, second look, temperature and weights.
        num_validation: Pages that chose the run's best epoch, temperature or weights.
        reliability: Calibration by the run's temperature, before and after.
        coverage: What the run's thresholds reach on these pages.
        expected: The score that Munseo announces for these pages without their labels.
        comparisons: Other runs on the same pages, by name.
    """

    __test__ = False  # the name is no test of pytest

    name: str
    evaluated: str
    data: str
    pages_sha256: str = ""
    settings: dict[str, object] = Field(default_factory=dict)
    left_out: ExcludedPages = ExcludedPages()
    num_validation: int = 0
    temperature: float = 1.0
    reliability: Reliability = Reliability()
    coverage: tuple[Coverage, ...] = ()
    expected: ExpectedScore | None = None
    comparisons: tuple[RunComparison, ...] = ()
    notes: Remarks = ()

    @property
    def held_expectation(self) -> bool | None:
        """Whether the score lies in the interval that was announced; None without one."""
        if self.expected is None or self.expected.interval is None:
            return None
        low, high = self.expected.interval
        return low <= self.macro_f1 <= high
