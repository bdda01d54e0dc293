"""Ensembles: runs are aligned by page and class, combined by fitted weights, judged, and written as a run."""

from munseo._ensemble.alignment import AlignedMembers, align
from munseo._ensemble.candidates import EnsembleJudgement, honest_probabilities, judge
from munseo._ensemble.ensemble_folder import choose_folder, weights_of, write_ensemble
from munseo._ensemble.members import EnsembleMember, read_members
from munseo._ensemble.verdict import sentences, table

__all__ = [
    "AlignedMembers",
    "EnsembleJudgement",
    "EnsembleMember",
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
