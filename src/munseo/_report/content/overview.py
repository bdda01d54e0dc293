"""Sections: the result at a glance; then which run it is, when and on what machine it was trained."""

from __future__ import annotations

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Estimate, Interval, Intervals, Note, Number, Numbers, Pairs, SectionBlock, Text
from munseo._report.facts import Facts
from munseo._report.findings import find_rate_disagreement
from munseo._run.scores import Scores

MAX_NUMBERS = 4
"""The number of values in the headline."""


def summary_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return headline, intervals drawn to scale, and a warning if the learning rate was not the configured one."""
    blocks: list[Block] = []
    val = facts.results.val
    if facts.is_preliminary:
        blocks.append(Note(texts("summary.preliminary"), texts("summary.preliminary_text", path=facts.command_path)))
        if numbers := _numbers_of_training(facts, texts):
            blocks += [Numbers(numbers), Text(texts("summary.preliminary_numbers"), quiet=True)]
    elif val is None:
        text = texts("summary.unfinished_text", status=_status(facts, texts), path=facts.command_path)
        blocks.append(Note(texts("summary.unfinished"), text))
    else:
        shown = estimates(facts, texts)
        blocks.append(Numbers(_shift_headline(facts, texts) if len(shown) > 1 else _headline(facts, texts)))
        if len(shown) > 1:
            blocks.append(Intervals(texts("estimates.label"), (*shown, *server_estimates(facts, texts))))
        elif val.macro_f1_interval:
            marks = tuple((texts(f"server_{part}"), score) for part, score in facts.scores.given.items())
            low, high = val.macro_f1_interval
            blocks.append(Interval(low, val.macro_f1, high, texts("interval.label"), marks))
        sentences = (_sentence(facts, texts), *epoch_choice_sentences(facts, texts), *shift_sentences(facts, texts))
        blocks += [Text(text) for text in sentences]
    warning = rate_warning(facts, texts)
    return (*blocks, warning) if warning else tuple(blocks)


def setup_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the identity of the run, and its environment."""
    commit, versions = facts.get("git_commit"), (facts.get("versions") or {}).items()
    identity = [
        (texts("id"), f"`{facts.get('id') or fm.UNKNOWN}`"),
        (texts("run_name"), f"`{facts.get('name') or facts.run.name}`"),
        *_what_it_is(facts, texts),
        (texts("started"), fm.moment(facts.get("started"), texts)),
        (texts("ensemble.trained" if facts.results.ensemble else "run_time"), _run_time(facts.course.seconds, texts)),
        (texts("status"), _status(facts, texts)),
        (texts("command"), f"`{facts.get('command') or fm.UNKNOWN}`"),
        (texts("git_commit"), f"`{commit}`" if commit else texts("check.uncontrolled")),
    ]
    if wandb_id := facts.wandb_run:
        identity.append((texts("wandb_id"), f"`{wandb_id}`"))
    environment = [
        (texts("platform"), facts.get("system", "platform") or fm.UNKNOWN),
        *(() if facts.results.ensemble else ((texts("device"), _device(facts)),)),
        (texts("memory"), fm.size(facts.get("system", "memory_bytes"))),
        (texts("cpu"), _cpu(facts, texts)),
        (texts("versions"), ", ".join(f"{name} {version}" for name, version in versions if version) or fm.UNKNOWN),
    ]
    return (
        SectionBlock("identity", texts("identity"), (Pairs(tuple(identity)),)),
        SectionBlock("environment", texts("environment"), (Pairs(tuple(environment)),)),
    )


def estimates(facts: Facts, texts: Texts) -> tuple[Estimate, ...]:
    """Return the scores on clean and damaged validation pages, and the expected one, as far as there are any."""
    val, shifted, expected = facts.results.val, facts.results.shifted, facts.results.expected
    rows = []
    by = "single_" if facts.folds else ""
    if val:
        rows.append(Estimate(texts(f"estimates.{by}clean"), val.macro_f1, val.macro_f1_interval, "val"))
    if shifted:
        rows.append(Estimate(texts(f"estimates.{by}shifted"), shifted.macro_f1, shifted.macro_f1_interval, "shifted"))
    if mean := facts.results.fold_mean:
        rows.append(Estimate(texts("estimates.mean_clean"), mean.val.macro_f1, mean.val.macro_f1_interval, "val"))
        if under := mean.shifted:
            rows.append(Estimate(texts("estimates.mean_shifted"), under.macro_f1, under.macro_f1_interval, "shifted"))
    if expected:
        rows.append(Estimate(texts("estimates.expected"), expected.macro_f1, expected.interval, "other"))
    return tuple(rows)


def server_estimates(facts: Facts, texts: Texts) -> tuple[Estimate, ...]:
    """Return the scores of a server as rows of the same drawing."""
    return tuple(
        Estimate(texts("estimates.server", part=texts(f"server_{part}")), score, None, "server")
        for part, score in facts.scores.given.items()
    )


def epoch_choice_sentences(facts: Facts, texts: Texts) -> list[str]:
    """Return by how much choosing the best epoch flatters the scores on the validation pages, if it is known."""
    choice = facts.results.epoch_choice
    if choice is None or choice.num_epochs < 2:
        return []
    values = {"epochs": fm.count(choice.num_epochs), "val": fm.score(choice.val)}
    if choice.shifted is None:
        return [texts("summary.epoch_choice", **values)]
    return [texts("summary.epoch_choice_shifted", shifted=fm.score(choice.shifted), **values)]


def shift_sentences(facts: Facts, texts: Texts) -> list[str]:
    """Return sentences about damaged pages compared with clean ones, and about the expected score, if there are any."""
    val, shifted, expected = facts.results.val, facts.results.shifted, facts.results.expected
    sentences = []
    if val and shifted:
        ratio = fm.percent(shifted.macro_f1 / val.macro_f1) if val.macro_f1 else fm.UNKNOWN
        scores = {"clean": fm.score(val.macro_f1), "shifted": fm.score(shifted.macro_f1), "ratio": ratio}
        ends = fm.bounds(shifted.macro_f1_interval, "summary.shifted_interval", texts)
        sentences.append(texts("summary.shifted", recipe=shifted.recipe, interval=ends, **scores))
    if facts.folds:
        sentences.append(fold_mean_sentence(facts, texts))
    if expected:
        ends = fm.bounds(expected.interval, "summary.expected_interval", texts) or texts("summary.expected_alone")
        key = "summary.expected_unknown" if expected.num_pages is None else "summary.expected"
        pages, value = fm.count(expected.num_pages), fm.score(expected.macro_f1)
        sentences.append(texts(key, pages=pages, value=value, interval=ends))
    return sentences


def fold_mean_sentence(facts: Facts, texts: Texts) -> str:
    """Return the scores of the mean of the folds, or that it was not judged and what is therefore not known."""
    mean = facts.results.fold_mean
    if mean is None:
        return texts("summary.no_fold_mean")
    clean = f"{fm.score(mean.val.macro_f1)}{fm.bounds(mean.val.macro_f1_interval, 'summary.shifted_interval', texts)}"
    pages = fm.count(mean.val.num_pages)
    if mean.shifted is None:
        return texts("summary.fold_mean", pages=pages, clean=clean)
    ends = fm.bounds(mean.shifted.macro_f1_interval, "summary.shifted_interval", texts)
    shifted = f"{fm.score(mean.shifted.macro_f1)}{ends}"
    return texts("summary.fold_mean_shifted", pages=pages, clean=clean, shifted=shifted, recipe=mean.shifted.recipe)


def rate_warning(facts: Facts, texts: Texts) -> Note | None:
    """Return a warning with the used and the configured learning rate, if they disagree."""
    rates = find_rate_disagreement(facts)
    if rates is None:
        return None
    text = texts(
        f"rate.{rates.kind}",
        configured=fm.rate(rates.configured),
        used=fm.rate(rates.used),
        factor=f"{rates.used / rates.configured:.3g}",
        share=fm.percent(rates.used / rates.configured),
        scheduler=facts.config.scheduler_name,
    )
    return Note(texts("rate.title"), text)


def _numbers_of_training(facts: Facts, texts: Texts) -> tuple[Number, ...]:
    """Return what training itself measured after the best epoch, for a run with one split."""
    best = facts.course.best_epoch
    if best is None or len(facts.curves) != 1 or best >= len(facts.curves[0]):
        return ()
    row = facts.curves[0].iloc[best]
    of = texts("best_epoch_of", done=fm.count(facts.course.epochs_done))
    numbers = [
        Number(texts(key), fm.score(float(row[name])))
        for key, name in (
            ("macro_f1_clean", "val_macro_f1"),
            ("macro_f1_shifted", "val_shifted_macro_f1"),
            ("accuracy", "val_accuracy"),
        )
        if name in row
    ]
    return (*numbers, Number(texts("best_epoch"), str(best + 1), of))


def _headline(facts: Facts, texts: Texts) -> tuple[Number, ...]:
    val = facts.results.val
    assert val is not None
    numbers = [
        Number(texts("macro_f1_val"), fm.score(val.macro_f1), fm.interval_of(val, texts)),
        _accuracy(val, texts),
    ]
    best, done = facts.course.best_epoch, facts.course.epochs_done
    if best is not None and not facts.folds:
        numbers.append(Number(texts("best_epoch"), str(best + 1), texts("best_epoch_of", done=fm.count(done))))
    numbers.append(server_number(facts, texts))
    return tuple(numbers)


def _shift_headline(facts: Facts, texts: Texts) -> tuple[Number, ...]:
    """Return the headline of a run that validates damaged pages: the expected score first, clean validation last."""
    mean, expected = facts.results.fold_mean, facts.results.expected
    # Of folds, their mean predicts.
    val, shifted = (mean.val, mean.shifted) if mean else (facts.results.val, facts.results.shifted)
    assert val is not None
    numbers = []
    if expected:
        remark = fm.bounds(expected.interval, "interval_of_90", texts) or texts("expected.no_interval")
        numbers.append(Number(texts("macro_f1_expected"), fm.score(expected.macro_f1), remark))
    if shifted:
        ratio = texts("ratio_of_clean", ratio=fm.percent(shifted.macro_f1 / val.macro_f1)) if val.macro_f1 else ""
        numbers.append(
            Number(texts("macro_f1_mean_shifted" if mean else "macro_f1_shifted"), fm.score(shifted.macro_f1), ratio)
        )
    ends = fm.interval_of(val, texts)
    numbers.append(Number(texts("macro_f1_mean_clean" if mean else "macro_f1_clean"), fm.score(val.macro_f1), ends))
    if len(numbers) < MAX_NUMBERS - 1:
        numbers.append(_accuracy(val, texts))
    return (*numbers, server_number(facts, texts))


def server_number(facts: Facts, texts: Texts) -> Number:
    """Return a server's score, or that there is none yet."""
    val = facts.results.val
    part, score = next(iter(facts.scores.given.items()), ("", None))
    if score is None:
        return Number(texts("server_score"), fm.UNKNOWN, texts("not_scored"))
    ratio = texts("ratio_of_val", ratio=fm.percent(score / val.macro_f1)) if val and val.macro_f1 else ""
    return Number(f"{texts('server_score')} ({texts(f'server_{part}')})", fm.score(score), ratio)


def _accuracy(val: Scores, texts: Texts) -> Number:
    right = texts("pages_right", num_right=val.num_pages - val.num_errors, num_val=val.num_pages)
    return Number(texts("accuracy"), fm.percent(val.accuracy, 2), right)


def _what_it_is(facts: Facts, texts: Texts) -> list[tuple[str, str]]:
    if facts.results.ensemble is None:
        return [(texts("model_name"), f"`{facts.config.model_name}`")]
    return [
        (texts("ensemble.status"), texts("ensemble.kind")),
        (texts("ensemble.num_members"), str(len(facts.results.ensemble.members))),
    ]


def _sentence(facts: Facts, texts: Texts) -> str:
    val, course = facts.results.val, facts.course
    assert val is not None
    common = {
        "model": facts.config.model_name,
        "image_size": texts("px", value=facts.config.image_size),
        "duration": fm.duration(course.seconds, texts),
        "num_val": fm.count(val.num_pages),
        "num_right": fm.count(val.num_pages - val.num_errors),
        "num_errors": fm.count(val.num_errors),
    }
    if facts.folds:
        return texts("summary.sentence_folds", num_folds=len(facts.folds), **common)
    epochs = texts("summary.epochs", done=fm.count(course.epochs_done), planned=fm.count(facts.epochs_planned))
    return texts("summary.sentence", epochs=epochs, num_train=fm.count(facts.get("data", "num_train")), **common)


def _run_time(seconds: float | None, texts: Texts) -> str:
    if seconds is None or seconds < fm.MINUTE_S:
        return fm.duration(seconds, texts)
    return texts("run_time_value", duration=fm.duration(seconds, texts), seconds=fm.count(seconds))


def _status(facts: Facts, texts: Texts) -> str:
    status = facts.get("status")
    return texts(f"status.{status}") if status in ("running", "finished", "failed") else status or fm.UNKNOWN


def _device(facts: Facts) -> str:
    kind, name = facts.get("system", "device"), facts.get("system", "device_name")
    return f"{kind.upper()} ({name})" if kind and name else (kind or fm.UNKNOWN).upper()


def _cpu(facts: Facts, texts: Texts) -> str:
    processor, cores = facts.get("system", "processor"), facts.get("system", "num_cpus")
    return texts("cpu_value", processor=processor, cores=cores) if processor and cores else processor or fm.UNKNOWN
