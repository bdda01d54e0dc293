"""Ensembles: runs put side by side by page and class, combined by fitted weights, judged, and written as a run."""

from munseo._ensemble.alignment import Aligned, align
from munseo._ensemble.candidates import Judgement, honest_probabilities, judge
from munseo._ensemble.ensemble_folder import choose_folder, weights_of, write_ensemble
from munseo._ensemble.members import Member, read_members
from munseo._ensemble.wording import sentences, table

__all__ = [
    "Aligned",
    "Judgement",
    "Member",
    "align",
    "choose_folder",
    "honest_probabilities",
    "judge",
    "read_members",
    "sentences",
    "table",
    "weights_of",
    "write_ensemble",
]
