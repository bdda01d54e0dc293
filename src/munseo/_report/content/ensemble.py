"""Sections of an ensemble's report: whether it is better than its members, and how it was compared."""

from __future__ import annotations

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import (
    Block,
    Bullets,
    Code,
    Estimate,
    Intervals,
    Note,
    Number,
    Numbers,
    SectionBlock,
    TableBlock,
    Text,
    Tone,
    without_empty,
)
from munseo._report.content.overview import estimates, server_estimates, server_number, shift_sentences
from munseo._report.content.reproduction import data_notes
from munseo._report.facts import Facts
from munseo._run.ensemble_scores import EnsembleScores, ScoreDifference


def ensemble_summary_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the headline and the verdict."""
    ensemble, val = _ensemble(facts), facts.results.val
    own, other = ensemble.candidates[ensemble.method], ensemble.candidates[ensemble.decisive]
    difference = ensemble.differences[ensemble.decisive]
    interval = fm.bounds(own.macro_f1_interval, "interval_of", texts)
    if val is not None and val.few_groups:
        interval += f"; {texts.remark(val.few_groups)}"
    gained = fm.bounds(difference.interval, "ensemble.interval", texts, fm.signed)
    numbers = (
        Number(texts("ensemble.macro_f1"), fm.score(own.macro_f1), interval),
        Number(texts("ensemble.best"), fm.score(other.macro_f1), ensemble.best_member),
        Number(texts("ensemble.difference"), fm.signed(difference.difference), gained),
        server_number(facts, texts),
    )
    verdict = verdict_against_best(ensemble, texts)
    blocks: list[Block] = [
        Numbers(numbers),
        _estimates(facts, ensemble, texts),
        Note(texts("ensemble.worse_title"), verdict) if difference.conclusion == "worse" else Text(verdict),
        Text(_mean(ensemble, texts)),
    ]
    if val:
        text = texts(
            "ensemble.sentence",
            count=len(ensemble.members),
            method=texts.name("ensemble", f"by_{ensemble.method}"),
            folds=ensemble.num_folds,
            num_val=fm.count(val.num_pages),
            num_right=fm.count(val.num_pages - val.num_errors),
            num_errors=fm.count(val.num_errors),
        )
        blocks.append(Text(text))
    blocks += [Text(sentence) for sentence in shift_sentences(facts, texts)]
    return tuple(blocks)


def ensemble_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return members and comparisons."""
    ensemble = _ensemble(facts)
    notes = Bullets(tuple(texts.remark(note) for note in ensemble.notes))
    return without_empty(
        SectionBlock("members", texts("ensemble.members"), _members(ensemble, texts)),
        SectionBlock("comparison", texts("ensemble.comparison"), _comparison(ensemble, texts)),
        SectionBlock("candidates", texts("ensemble.candidates"), (_candidates(ensemble, texts),)),
        SectionBlock("ensemble_notes", texts("ensemble.notes"), (notes,) if notes.items else ()),
    )


def ensemble_reproduction_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the command, and the hashes of the weights that went into the ensemble."""
    command = Code(str(facts.get("command") or ""), "sh")
    described = facts.get("ensemble", "members") or ()
    rows = tuple(
        (f"`{member.name}`", f"`{file}`", f"`{fm.short_hash(str(digest))}`")
        for member, entry in zip(_ensemble(facts).members, described, strict=False)
        for file, digest in (entry.get("sha256") or {}).items()
    )
    header = (texts("ensemble.member"), texts("files.file"), "SHA-256")
    fingerprints = (Text(texts("ensemble.fingerprints_note"), quiet=True), TableBlock(header, rows)) if rows else ()
    return without_empty(
        SectionBlock("reproduce", texts("reproduce"), (command, Text(texts("ensemble.reproduce_note"), quiet=True))),
        SectionBlock("fingerprints", texts("ensemble.fingerprints"), fingerprints),
        SectionBlock("data_notes", texts("data_notes"), data_notes(facts, texts)),
    )


def _ensemble(facts: Facts) -> EnsembleScores:
    assert facts.results.ensemble is not None, "these sections are of ensembles only"
    return facts.results.ensemble


def verdict_against_best(ensemble: EnsembleScores, texts: Texts) -> str:
    """Return the verdict against the best member, chosen on all pages or in each fold, whichever is harder to beat."""
    difference = ensemble.differences[ensemble.decisive]
    return texts(
        f"ensemble.{_conclusion(difference)}",
        opponent=texts(f"ensemble.opponent_{ensemble.decisive}", best=ensemble.best_member),
        own=fm.score(ensemble.candidates[ensemble.method].macro_f1),
        other=fm.score(ensemble.candidates[ensemble.decisive].macro_f1),
        figures=_figures(difference, texts),
        best=ensemble.best_member,
    )


def _estimates(facts: Facts, ensemble: EnsembleScores, texts: Texts) -> Intervals:
    """Return the ensemble, what it is compared with, the scores on damaged pages, and those of a server."""
    rows = []
    for name, candidate in sorted(ensemble.candidates.items(), key=lambda item: item[0] != ensemble.method):
        tone: Tone = "val" if name == ensemble.method else "other"
        label = _name(ensemble, name, texts)
        rows.append(Estimate(label, candidate.macro_f1, candidate.macro_f1_interval, tone))
    rows += [*estimates(facts, texts)[1:], *server_estimates(facts, texts)]
    return Intervals(texts("ensemble.estimates"), tuple(rows))


def _mean(ensemble: EnsembleScores, texts: Texts) -> str:
    if ensemble.method == "mean":
        sentences = [texts("ensemble.mean_chosen", figures=_figures(ensemble.differences["weights"], texts))]
    else:
        mean = ensemble.differences["mean"]
        sentences = [texts(f"ensemble.mean_{_conclusion(mean)}", figures=_figures(mean, texts))]
    names = ", ".join(f"`{name}`" for name in ensemble.would_drop)
    sentences.append(texts("ensemble.drop", names=names) if names else texts("ensemble.all_stay"))
    return " ".join(sentences)


def _members(ensemble: EnsembleScores, texts: Texts) -> tuple[Block, ...]:
    rows = tuple(
        (
            f"`{member.name}`",
            fm.UNKNOWN if member.weight is None else f"{member.weight:.3f}",
            fm.score(member.macro_f1),
            fm.score(member.loss),
            fm.signed(member.contribution.difference),
            fm.signed_span(member.contribution.interval),
        )
        for member in ensemble.members
    )
    columns = ("ensemble.member", "ensemble.weight", "macro_f1", "loss", "ensemble.contribution",
               "ensemble.contribution_interval")  # fmt: skip
    table = TableBlock.titled(texts, columns, rows)
    return table, Text(texts("ensemble.members_note"), quiet=True)


def _comparison(ensemble: EnsembleScores, texts: Texts) -> tuple[Block, ...]:
    rows = tuple(
        (
            _name(ensemble, name, texts),
            fm.signed(difference.difference),
            fm.signed_span(difference.interval),
            f"{difference.p_better:.2f}",
            texts(f"ensemble.conclusion_{_conclusion(difference)}"),
        )
        for name, difference in ensemble.differences.items()
    )
    columns = ("ensemble.against", "part.gap", "ensemble.contribution_interval", "ensemble.p_better",
               "ensemble.conclusion")  # fmt: skip
    table = TableBlock.titled(texts, columns, rows, words=(0, 4))
    return table, Text(texts("ensemble.comparison_note"), quiet=True)


def _candidates(ensemble: EnsembleScores, texts: Texts) -> TableBlock:
    rows = tuple(
        (
            _name(ensemble, name, texts),
            fm.score(candidate.macro_f1),
            fm.span(candidate.macro_f1_interval),
            fm.percent(candidate.accuracy, 2),
            fm.score(candidate.loss),
        )
        for name, candidate in ensemble.candidates.items()
    )
    columns = ("ensemble.candidate", "macro_f1", "ensemble.contribution_interval", "accuracy", "loss")
    return TableBlock.titled(texts, columns, rows)


def _name(ensemble: EnsembleScores, name: str, texts: Texts) -> str:
    plain = texts.name("ensemble.candidate", name)
    return texts("ensemble.candidate.own", name=plain) if name == ensemble.method else plain


def _conclusion(difference: ScoreDifference) -> str:
    """Return the conclusion as the end of a key."""
    return difference.conclusion if difference.conclusion in ("better", "worse") else "same"


def _figures(difference: ScoreDifference, texts: Texts) -> str:
    values = {"value": fm.signed(difference.difference), "p": f"{difference.p_better:.2f}"}
    return fm.bounds(difference.interval, "ensemble.figures", texts, fm.signed, **values)
