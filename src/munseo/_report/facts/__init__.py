"""The facts of a run, read once from its folder."""

from munseo._report.facts.judgement import ClassScore, Confusion, Judgement
from munseo._report.facts.run import Facts, Mistake, gather

__all__ = ["ClassScore", "Confusion", "Facts", "Judgement", "Mistake", "gather"]
