"""The report of an ensemble: whether it is worth it, its members, how it was compared; nothing of a training."""

from __future__ import annotations

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import (
    Block,
    Bullets,
    Code,
    Command,
    Estimate,
    Intervals,
    Note,
    Number,
    Numbers,
    Proposal,
    Section,
    Table,
    Text,
)
from munseo._report.content.next_steps import data_notes
from munseo._report.content.overview import estimates, server_estimates, server_number, shift_sentences
from munseo._report.facts import Facts
from munseo._report.facts.ensemble import Difference, Ensemble


def ensemble_summary(facts: Facts, found: Ensemble, say: Texts) -> Section:
    """The headline and the verdict."""
    judgement = facts.judgement
    own, other = found.candidate(found.method), found.candidate(found.decisive)
    difference = found.differences[found.decisive]
    low, high = (fm.signed(bound) for bound in difference.interval)
    interval = say("interval_of", low=fm.score(own.interval[0]), high=fm.score(own.interval[1])) if own.interval else ""
    numbers = (
        Number(say("ensemble.macro_f1"), fm.score(own.macro_f1), interval),
        Number(say("ensemble.best"), fm.score(other.macro_f1), found.best_member),
        Number(say("ensemble.difference"), fm.signed(difference.value), say("ensemble.interval", low=low, high=high)),
        server_number(facts, say),
    )
    verdict = verdict_against_best(found, say)
    blocks: list[Block] = [Numbers(numbers), estimates_of(found, facts, say), Text(verdict), Text(_mean(found, say))]
    if difference.conclusion == "worse":
        blocks[2] = Note(say("ensemble.worse_title"), verdict)
    if judgement:
        counts = {
            "num_val": fm.count(judgement.num_pages),
            "num_right": fm.count(judgement.num_pages - judgement.num_errors),
            "num_errors": fm.count(judgement.num_errors),
        }
        method = say.name("ensemble", f"by_{found.method}")
        text = say("ensemble.sentence", count=len(found.members), method=method, folds=found.num_folds, **counts)
        blocks.append(Text(text))
    blocks += [Text(sentence) for sentence in shift_sentences(facts, say)]
    return Section("summary", say("summary"), tuple(blocks))


def ensemble_section(found: Ensemble, say: Texts) -> Section:
    """Members and comparisons."""
    parts = (
        Section("members", say("ensemble.members"), _members(found, say)),
        Section("comparison", say("ensemble.comparison"), _comparison(found, say)),
        Section("candidates", say("ensemble.candidates"), (_candidates(found, say),)),
        Section(
            "ensemble_notes",
            say("ensemble.notes"),
            (Bullets(tuple(say.remark(note) for note in found.notes)),) if found.notes else (),
        ),
    )
    return Section("ensemble", say("ensemble.heading"), tuple(part for part in parts if part.blocks))


def ensemble_next(facts: Facts, say: Texts) -> Section:
    """What one does with it; there is nothing to train."""
    run = facts.quoted_path
    uses = [Proposal(say("use.predict"), (Command(f"munseo predict {run}", "scans/ -o labels.csv"),))]
    if facts.public is None:
        uses.append(Proposal(say("use.score"), (Command(f"munseo score {run}", "--public 0.8619"),)))
    return Section("next", say("next"), (Section("use", say("next.use"), tuple(uses)),))


def ensemble_reproduction(facts: Facts, found: Ensemble, say: Texts) -> Section:
    """The command, and the weights that went into it by their hashes."""
    command = Code(str(facts.get("command") or ""), "sh")
    rows = tuple(
        (f"`{member.name}`", f"`{file}`", f"`{fm.short_hash(digest)}`")
        for member in found.members
        for file, digest in member.sha256
    )
    header = (say("ensemble.member"), say("files.file"), "SHA-256")
    fingerprints = (Text(say("ensemble.fingerprints_note"), quiet=True), Table(header, rows)) if rows else ()
    parts = (
        Section("reproduce", say("reproduce"), (command, Text(say("ensemble.reproduce_note"), quiet=True))),
        Section("fingerprints", say("ensemble.fingerprints"), fingerprints),
        Section("data_notes", say("data_notes"), data_notes(facts, say)),
    )
    return Section("reproduction", say("reproduction"), tuple(part for part in parts if part.blocks))


def verdict_against_best(found: Ensemble, say: Texts) -> str:
    """The verdict against whichever best member it does less well against."""
    difference = found.differences[found.decisive]
    key = {"better": "better", "worse": "worse"}.get(difference.conclusion, "same")
    return say(
        f"ensemble.{key}",
        opponent=say(f"ensemble.opponent_{found.decisive}", best=found.best_member),
        own=fm.score(found.candidate(found.method).macro_f1),
        other=fm.score(found.candidate(found.decisive).macro_f1),
        figures=_figures(difference, say),
        best=found.best_member,
    )


def estimates_of(found: Ensemble, facts: Facts, say: Texts) -> Intervals:
    """The ensemble above what it is compared with, then what was measured on damaged pages and the server's scores."""
    own = found.candidate(found.method)
    others = [candidate for candidate in found.candidates if candidate.name != found.method]
    rows = [Estimate(_name(found, own.name, say), own.macro_f1, own.interval, "val")]
    rows += [Estimate(_name(found, other.name, say), other.macro_f1, other.interval, "other") for other in others]
    return Intervals(say("ensemble.estimates"), (*rows, *estimates(facts, say)[1:], *server_estimates(facts, say)))


def _mean(found: Ensemble, say: Texts) -> str:
    if found.method == "mean":
        said = [say("ensemble.mean_chosen", figures=_figures(found.differences["weights"], say))]
    else:
        mean = found.differences["mean"]
        key = {"better": "better", "worse": "worse"}.get(mean.conclusion, "same")
        said = [say(f"ensemble.mean_{key}", figures=_figures(mean, say))]
    names = ", ".join(f"`{name}`" for name in found.would_drop)
    said.append(say("ensemble.drop", names=names) if names else say("ensemble.all_stay"))
    return " ".join(said)


def _members(found: Ensemble, say: Texts) -> tuple[Block, ...]:
    rows = tuple(
        (
            f"`{member.name}`",
            fm.UNKNOWN if member.weight is None else f"{member.weight:.3f}",
            fm.score(member.macro_f1),
            fm.score(member.loss),
            fm.signed(member.contribution.value),
            fm.signed_span(member.contribution.interval),
        )
        for member in found.members
    )
    columns = ("ensemble.member", "ensemble.weight", "macro_f1", "loss", "ensemble.contribution",
               "ensemble.contribution_interval")  # fmt: skip
    table = Table(tuple(say(key) for key in columns), rows, numeric=frozenset(range(1, 6)))
    return table, Text(say("ensemble.members_note"), quiet=True)


def _comparison(found: Ensemble, say: Texts) -> tuple[Block, ...]:
    rows = tuple(
        (
            _name(found, name, say),
            fm.signed(difference.value),
            fm.signed_span(difference.interval),
            f"{difference.p_better:.2f}",
            say(f"ensemble.conclusion_{ {'better': 'better', 'worse': 'worse'}.get(difference.conclusion, 'same') }"),
        )
        for name, difference in found.differences.items()
    )
    columns = ("ensemble.against", "part.gap", "ensemble.contribution_interval", "ensemble.p_better",
               "ensemble.conclusion")  # fmt: skip
    table = Table(tuple(say(key) for key in columns), rows, numeric=frozenset({1, 2, 3}))
    return table, Text(say("ensemble.comparison_note"), quiet=True)


def _candidates(found: Ensemble, say: Texts) -> Table:
    rows = tuple(
        (
            _name(found, candidate.name, say),
            fm.score(candidate.macro_f1),
            fm.span(candidate.interval),
            fm.percent(candidate.accuracy, 2),
            fm.score(candidate.loss),
        )
        for candidate in found.candidates
    )
    columns = ("ensemble.candidate", "macro_f1", "ensemble.contribution_interval", "accuracy", "loss")
    return Table(tuple(say(key) for key in columns), rows, numeric=frozenset({1, 2, 3, 4}))


def _name(found: Ensemble, name: str, say: Texts) -> str:
    plain = say.name("ensemble.candidate", name)
    return say("ensemble.candidate.own", name=plain) if name == found.method else plain


def _figures(difference: Difference, say: Texts) -> str:
    low, high = (fm.signed(bound) for bound in difference.interval)
    p = f"{difference.p_better:.2f}"
    return say("ensemble.figures", value=fm.signed(difference.value), low=low, high=high, p=p)
