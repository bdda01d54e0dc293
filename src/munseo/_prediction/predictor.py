"""All that answers for a run folder: its models, a second look where validation chose one, members of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._config import Config
from munseo._data import Page
from munseo._evaluation.calibration import apply_temperature
from munseo._memory import keep_freed_memory
from munseo._model import Classifier, ModelCard
from munseo._prediction.combination import Combination, is_ensemble, member_folders, read_combination
from munseo._prediction.inference import Settings, load_members, predict_run, read_card
from munseo._prediction.loader import DecodedPage
from munseo._prediction.second_look import SecondLook
from munseo._run import RunFolder, check_fingerprints


@dataclass(frozen=True)
class Answer:
    """Probabilities of N pages, float32 (N, num_classes) each.

    Attributes:
        first: Before any second look.
        final: What is answered.
        num_second: Pages that were looked at again.
    """

    first: np.ndarray
    final: np.ndarray
    num_second: int = 0


@dataclass(frozen=True)
class LoadedRun:
    """A run's models, whose probabilities are averaged, and how the run was configured."""

    classifiers: Sequence[Classifier]
    config: Config

    def views(self, tta: bool | None) -> Sequence[str]:
        """The views to average: the configured set, the page alone, or (None) what the run was judged with."""
        if tta is None:
            return self.classifiers[0].card.tta_views
        return tuple(self.config.tta_views) if tta else ("identity",)

    def columns(self, class_names: Sequence[str]) -> list[int]:
        """Where these classes stand among the run's own."""
        return [self.classifiers[0].card.class_names.index(name) for name in class_names]


@dataclass(frozen=True)
class Predictor:
    """A run folder, loaded.

    Attributes:
        card: The classes of the answer, in its order.
        runs: The run itself, or the members of an ensemble: each keeps its own size, normalisation, views, classes.
        combination: What makes one answer of the members'; None for an ordinary run.
        temperature: What calibrates the answer; 1 where no validation said more.
        second_look: What validation chose for uncertain pages; None where the run has none (an ensemble never has).
        second_look_used: Whether the run was configured to use it, and it gained on validation.
    """

    card: ModelCard
    runs: tuple[LoadedRun, ...]
    combination: Combination | None
    temperature: float
    second_look: SecondLook | None
    second_look_used: bool

    def predict(
        self,
        pages: Sequence[Page | DecodedPage],
        settings: Sequence[Settings],
        tta: bool | None = None,
        second_look: bool | None = None,
    ) -> Answer:
        """Predict pages.

        Args:
            pages: Pages whose images can be decoded, or have been.
            settings: For each of ``runs``, since each may have been trained in another precision.
            tta: Average the configured views; None: as each run was judged.
            second_look: Look again at uncertain pages; None: as configured.
        """
        rows = [
            predict_run(run.classifiers, pages, setting, run.views(tta))[:, run.columns(self.card.class_names)]
            for run, setting in zip(self.runs, settings, strict=True)
        ]
        first = rows[0] if self.combination is None else self.combination(np.stack(rows)).astype(np.float32)
        look = self.second_look
        if look is None or not (self.second_look_used if second_look is None else second_look):
            return Answer(first, first)
        places = np.flatnonzero(look.uncertain(first))
        final = first.copy()
        if len(places):
            again = predict_run(
                self.runs[0].classifiers, [pages[int(place)] for place in places], settings[0], look.views
            )
            final[places] = look.combined(first[places], again)
        return Answer(first, final, len(places))

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities that mean what they say, float32 (N, num_classes): the decisions stay the same."""
        return probabilities if self.temperature == 1 else apply_temperature(probabilities, self.temperature)


def load_predictor(run: RunFolder, backend: str = "torch") -> Predictor:
    """Load the models of a run, of all its folds, or of all members of an ensemble.

    Args:
        run: The run folder.
        backend: What runs their networks: one of ``munseo._engines.BACKENDS``.

    Raises:
        UserError: The folder is not what it was when the run ended.
    """
    check_fingerprints(run)
    keep_freed_memory()
    temperature = run.read_temperature()
    if is_ensemble(run):
        members = tuple(
            LoadedRun(load_members(member, backend), member.read_config()) for member in member_folders(run)
        )
        return Predictor(read_card(run), members, read_combination(run), temperature, None, False)
    classifiers = load_members(run, backend)
    loaded = LoadedRun(classifiers, run.read_config())
    chosen = run.read_results("second_look").second_look
    look = SecondLook(chosen.gate, chosen.blend, chosen.views) if chosen else None
    return Predictor(classifiers[0].card, (loaded,), None, temperature, look, bool(chosen and chosen.used))
