"""A report's content in one language: the facts of a run as a tree of blocks."""

from __future__ import annotations

from munseo import __version__
from munseo.reports.analysis import analyse
from munseo.reports.blocks import Document
from munseo.reports.content.closing import analysis, files, next_steps, reproduction
from munseo.reports.content.configuration import configuration
from munseo.reports.content.course import course
from munseo.reports.content.errors import errors
from munseo.reports.content.opening import setup, summary
from munseo.reports.facts import Facts
from munseo.reports.phrases import Phrases

__all__ = ["build"]


def build(facts: Facts, say: Phrases) -> Document:
    """Everything the report says, in its order."""
    findings = analyse(facts)
    sections = (
        summary(facts, say),
        setup(facts, say),
        configuration(facts, say),
        course(facts, say),
        errors(facts, say),
        analysis(facts, findings, say),
        next_steps(facts, findings, say),
        files(facts, say),
        reproduction(facts, say),
    )
    return Document(
        language=say.language,
        kicker=say("kicker", id=facts.get("id") or facts.run.name),
        title=facts.config.model_name,
        subtitle=facts.get("name") or facts.run.name,
        contents=say("contents"),
        sections=tuple(section for section in sections if section.blocks),
        footer=say("footer", version=__version__),
    )
