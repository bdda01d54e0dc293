"""Ensembles: runs put side by side by page and class, combined by fitted weights, judged, and written as a run."""

from munseo.ensembles.alignment import Aligned, align
from munseo.ensembles.judging import Judgement, honest_probabilities, judge
from munseo.ensembles.members import Member, read_members
from munseo.ensembles.wording import sentences, table
from munseo.ensembles.writing import choose_folder, weights_of, write_ensemble

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
