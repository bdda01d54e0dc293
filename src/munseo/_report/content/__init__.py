"""A report's content in one language: the facts of a run as a tree of blocks."""

from __future__ import annotations

from munseo import __version__
from munseo._locale import Texts
from munseo._report.blocks import Document, Section
from munseo._report.content.confidence_content import confidence, views
from munseo._report.content.configuration import configuration
from munseo._report.content.damaged_pages import shift
from munseo._report.content.ensemble_content import (
    ensemble_next,
    ensemble_reproduction,
    ensemble_section,
    ensemble_summary,
)
from munseo._report.content.mistakes import errors
from munseo._report.content.next_steps import analysis, files, next_steps, reproduction
from munseo._report.content.overview import setup, summary
from munseo._report.content.training_course import course
from munseo._report.facts import Facts
from munseo._report.rules import analyse

__all__ = ["build"]


def build(facts: Facts, say: Texts) -> Document:
    """Everything the report says, in its order."""
    number = facts.get("id") or facts.run.name
    found = facts.ensemble
    return Document(
        language=say.language,
        kicker=say("ensemble.kicker" if found else "kicker", id=number),
        title=say("ensemble.title", count=len(found.members)) if found else facts.config.model_name,
        subtitle=facts.get("name") or facts.run.name,
        contents=say("contents"),
        sections=tuple(section for section in _sections(facts, say) if section.blocks),
        footer=say("footer", version=__version__),
    )


def _sections(facts: Facts, say: Texts) -> tuple[Section, ...]:
    findings = analyse(facts)
    measured = (shift(facts, say), errors(facts, say), confidence(facts, say), views(facts, say))
    if facts.ensemble:
        return (
            ensemble_summary(facts, facts.ensemble, say),
            ensemble_section(facts.ensemble, say),
            *measured,
            analysis(facts, findings, say),
            ensemble_next(facts, say),
            setup(facts, say),
            files(facts, say),
            ensemble_reproduction(facts, facts.ensemble, say),
        )
    return (
        summary(facts, say),
        setup(facts, say),
        configuration(facts, say),
        course(facts, say),
        *measured,
        analysis(facts, findings, say),
        next_steps(facts, findings, say),
        files(facts, say),
        reproduction(facts, say),
    )
