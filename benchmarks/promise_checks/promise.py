"""One row of the table of ``promises.py``: what is stated, and what a simulation measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """What is stated about a number, and how often the simulation found it so.

    Attributes:
        name: The promise, for example "90 % interval of the expected score".
        world: The simulated situation.
        stated: What is stated, in words with its figure.
        measured: What was measured, in words with its figure.
        num_trials: How many times the situation was drawn.
        holds: Whether the measured value agrees with what is stated, within the error of the simulation.
    """

    name: str
    world: str
    stated: str
    measured: str
    num_trials: int
    holds: bool

    def table_row(self) -> str:
        """Return the row in Markdown."""
        verdict = "holds" if self.holds else "**broken**"
        return f"| {self.name} | {self.world} | {self.stated} | {self.measured} | {self.num_trials} | {verdict} |"


def at_most(measured: float, stated: float, num_trials: int) -> bool:
    """Return whether a measured fraction may come from a true fraction of at most ``stated``.

    The simulation's own error is allowed for: three standard errors of a fraction of ``num_trials``.
    """
    return measured <= stated + 3 * (stated * (1 - stated) / num_trials) ** 0.5


def at_least(measured: float, stated: float, num_trials: int) -> bool:
    """Return whether a measured fraction may come from a true fraction of at least ``stated``, as in ``at_most``."""
    return measured >= stated - 3 * (stated * (1 - stated) / num_trials) ** 0.5
