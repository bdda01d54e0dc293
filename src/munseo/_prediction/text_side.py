"""The words' side of a run: its text model and its fusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._errors import UserError
from munseo._evaluation.fusion import Fusion
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._text.text_model import TextModel
from munseo._words.page_words import PageWords


@dataclass(frozen=True)
class TextSide:
    """What a run does with words.

    Attributes:
        model: Gives class probabilities from the words.
        fusion: Makes these and the image's probabilities one.
    """

    model: TextModel
    fusion: Fusion

    @staticmethod
    def load(run: RunFolder) -> TextSide | None:
        """Read the text model and the fusion of a run; None where it does not use words.

        Raises:
            UserError: A file is missing or damaged, or the classes are not those of the image model.
        """
        if not run.fusion_file.is_file():
            return None
        model = TextModel.load(run.text_dir)
        try:
            fusion = Fusion.from_dict(run.read_json(run.fusion_file))
        except ValueError as error:
            raise UserError(f"{run.fusion_file}: {error}; restore it from a copy, or train again.") from None
        classes = run.read_json(run.model_file).get("class_names")
        if list(model.class_names) != classes:
            raise UserError(
                f"{run.text_dir}: its classes are not those of model.json; restore both from a copy, or train again."
            )
        return TextSide(model, fusion)

    def fused(self, image: np.ndarray, words: Sequence[PageWords]) -> np.ndarray:
        """Fuse the image's probabilities of N pages, float32 (N, K), with their words.

        The rows of pages without words stay as they are, to the last bit.
        """
        text = self.model.probabilities([page.text for page in words])
        return self.fusion(image, text, qualities(words))


def save_fusion(run: RunFolder, fusion: Fusion) -> None:
    """Write the fusion of a run; a run that has this file uses words."""
    write_json(run.fusion_file, fusion.to_dict())


def qualities(words: Sequence[PageWords]) -> np.ndarray:
    """Return how N pages were read, float64 (N, 3): ``munseo._evaluation.fusion.QUALITIES``.

    A source without confidences is the user's own text, which is taken as it is.
    """
    rows = [(np.log1p(len(page.words)), _confidence(page), page.pose_certainty) for page in words]
    return np.array(rows, dtype=np.float64).reshape(len(words), 3)


def _confidence(page: PageWords) -> float:
    if page.confidences is None or not len(page.confidences):
        return 1.0
    return float(np.mean(page.confidences, dtype=np.float64))
