"""The words of reports and pictures: the same keys in every language."""

from __future__ import annotations

from dataclasses import dataclass

from munseo._errors import UserError
from munseo._remark import Remark
from munseo._report.phrases import en, en_ensemble, en_shift, ko, ko_ensemble, ko_remarks, ko_shift

CATALOGUES: dict[str, dict[str, str]] = {
    "en": {**en.PHRASES, **en_shift.PHRASES, **en_ensemble.PHRASES},
    "ko": {**ko.PHRASES, **ko_shift.PHRASES, **ko_ensemble.PHRASES},
}
REMARKS: dict[str, dict[str, str]] = {"en": {}, "ko": ko_remarks.REMARKS}


@dataclass(frozen=True)
class Phrases:
    """Calling it with a key and the values of its placeholders gives the sentence."""

    language: str

    def __post_init__(self) -> None:
        if self.language not in CATALOGUES:
            raise UserError(
                f"{self.language!r}: reports are written in {' and '.join(CATALOGUES)}; choose one of them."
            )

    def __call__(self, key: str, **values: object) -> str:
        """The sentence with its values in place."""
        return CATALOGUES[self.language][key].format(**values)

    def name(self, kind: str, name: str) -> str:
        """What a thing that the run names is called; as the run names it, where this version does not know it."""
        return CATALOGUES[self.language].get(f"{kind}.{name}", name.replace("_", " "))

    def remark(self, remark: Remark) -> str:
        """What a run remarked; in English, where this version has no sentence of its own for it."""
        sentence = REMARKS[self.language].get(remark.key)
        return str(remark) if sentence is None else sentence.format(**remark.values)
