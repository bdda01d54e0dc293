"""The command line: the table of all commands, and how a typed function becomes a command."""

from __future__ import annotations

import inspect
import re
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from typer.core import TyperGroup

from munseo import __version__
from munseo._commands import (
    bench_predict,
    bench_train,
    cache,
    config,
    demo,
    diff,
    doctor,
    ensemble,
    evaluate,
    export,
    fix,
    predict,
    report,
    resume,
    runs,
    score,
    serve,
    shift,
    synth,
    train,
    ui,
)
from munseo._console import inert, quietly
from munseo._errors import Interrupted, NoRoomError, UserError

DATA, TRAIN, PREDICT, LOOK, SERVICE = "Data", "Train", "Predict", "Look", "Service"


def print_result(result: object) -> None:
    """Print what a command returned: a line for each element of a list, nothing for None, or else one line."""
    for line in result if isinstance(result, list) else [] if result is None else [result]:
        typer.echo(line)


@dataclass(frozen=True)
class Command:
    """One command.

    ``show`` prints what the function returned. Its keyword-only parameters are options of the command line: those that
    the function has too, and those that only concern printing.
    """

    name: str  # what is typed after ``munseo``, such as ``train`` or ``cache clear``
    function: Callable[..., Any]  # what runs; ``from munseo import …`` gives the same function
    panel: str  # the heading under which ``munseo --help`` lists it
    examples: Sequence[str] = ()  # lines of Markdown below its help
    show: Callable[..., None] = print_result


@dataclass(frozen=True)
class Group:
    """The first word of commands that have two, such as ``cache``.

    The ``default`` runs when the next word names no command, so that ``doctor DATA`` is enough. If the group
    ``needs_words``, the word by itself prints the help instead.
    """

    name: str
    help: str
    default: str | None = None
    needs_words: bool = True


COMMANDS = (
    Command("synth", synth.synth, DATA, synth.EXAMPLES),
    Command("doctor check", doctor.doctor, DATA, doctor.EXAMPLES, doctor.show),
    Command("doctor fix", fix.fix, DATA, fix.EXAMPLES, fix.show),
    Command("shift", shift.shift, DATA, shift.EXAMPLES, shift.show),
    Command("cache ls", cache.ls, DATA, ("`munseo cache ls`",), cache.show_listing),
    Command("cache clear", cache.clear, DATA, ("`munseo cache clear`",), cache.show_cleared),
    Command("demo", demo.demo, TRAIN, demo.EXAMPLES),
    Command("train", train.train, TRAIN, train.EXAMPLES),
    Command("resume", resume.resume, TRAIN, resume.EXAMPLES),
    Command("ensemble", ensemble.ensemble, TRAIN, ensemble.EXAMPLES),
    Command("config show", config.show, TRAIN, ("`munseo config show efficientnet_b4 lr=0.0003`",)),
    Command("config check", config.check, TRAIN, ("`munseo config check my.yaml`",)),
    Command("config schema", config.schema, TRAIN, ("`munseo config schema > munseo.schema.json`",)),
    Command("config list", config.list_templates, TRAIN, ("`munseo config list`",)),
    Command("predict", predict.predict, PREDICT, predict.EXAMPLES),
    Command("evaluate", evaluate.evaluate, PREDICT, evaluate.EXAMPLES, evaluate.show),
    Command("export", export.export, PREDICT, export.EXAMPLES),
    Command("runs list", runs.runs, LOOK, runs.EXAMPLES, runs.show),
    Command("runs diff", diff.diff, LOOK, diff.EXAMPLES, diff.show),
    Command("report", report.report, LOOK, report.EXAMPLES),
    Command("score", score.score, LOOK, score.EXAMPLES, score.show),
    Command("ui", ui.ui, LOOK, ui.EXAMPLES),
    Command("serve", serve.serve, SERVICE, serve.EXAMPLES),
    Command("bench train", bench_train.bench_train, SERVICE, bench_train.EXAMPLES, bench_train.show),
    Command("bench predict", bench_predict.bench_predict, SERVICE, bench_predict.EXAMPLES, bench_predict.show),
)
"""Every command, in the order of the help."""
GROUPS = (
    Group("doctor", "Find broken files, duplicates, leaks and wrong labels: `munseo doctor DATA`.", default="check"),
    Group("runs", "Compare runs: `munseo runs [FOLDER]`, `munseo runs diff A B`.", default="list", needs_words=False),
    Group("cache", "Look at the decoded pages that runs share, and delete them."),
    Group("config", "Look at configurations."),
    Group("bench", "Measure speed and memory on this machine."),
)


def main() -> None:
    """Run the command line.

    Exit codes: 0 after success, 1 where Munseo failed, 2 where the user can correct the cause, 130 after Ctrl-C and 143
    after SIGTERM.
    """
    try:
        app()
    except (UserError, NoRoomError) as error:
        print(f"munseo: {inert(str(error))}", file=sys.stderr)
        sys.exit(2)


def build_app(commands: Iterable[Command], groups: Iterable[Group]) -> typer.Typer:
    """Make the application of these commands."""
    whole = typer.Typer(
        name="munseo",
        help="Train, evaluate and explain classifiers of document images.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    whole.callback()(_global_options)
    parts = {
        group.name: typer.Typer(cls=_group_class(group.default), help=group.help, no_args_is_help=group.needs_words)
        for group in groups
    }
    for command in commands:
        first, _, second = command.name.partition(" ")
        heading = "Examples:" if len(command.examples) > 1 else "Example:"
        epilog = "\n\n".join((heading, *command.examples)) if command.examples else None
        if second:
            if not parts[first].registered_commands:
                whole.add_typer(parts[first], name=first, rich_help_panel=command.panel)
            parts[first].command(second, epilog=epilog)(_runner(command))
        else:
            whole.command(first, epilog=epilog, rich_help_panel=command.panel)(_runner(command))
    return whole


def _global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that come before a command."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"munseo {__version__}")
        raise typer.Exit


def _group_class(default: str | None) -> type[TyperGroup]:
    """Return a group that puts the default command before words that name none: a folder is no command."""

    class DefaultGroup(TyperGroup):
        def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
            asks_for_help = (len(args) == 1 and args[0] in ctx.help_option_names) or (not args and self.no_args_is_help)
            if default and not asks_for_help and (not args or args[0] not in self.commands):
                args = [default, *args]
            return super().parse_args(ctx, args)

    return DefaultGroup


def _runner(command: Command) -> Callable[..., None]:
    """Return what typer registers: it calls the function with what was typed, and shows the result."""
    own = _options(command.function, inspect.signature(command.function).parameters.values())
    parameters = inspect.signature(command.show).parameters.values()
    for_show = [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    options = own | {name: option for name, option in _options(command.show, for_show).items() if name not in own}

    def run(**values: Any) -> None:
        try:
            with quietly(bool(values.get("quiet"))):
                result = command.function(**{name: values[name] for name in own if values[name] is not None})
            command.show(result, **{parameter.name: values[parameter.name] for parameter in for_show})
        except KeyboardInterrupt as stop:
            signum = stop.signum if isinstance(stop, Interrupted) else signal.SIGINT
            if isinstance(stop, Interrupted) and not stop.message:
                raise typer.Exit from None  # one of several processes: the first one prints the message
            print(f"munseo: {inert(str(stop)) or 'interrupted.'}", file=sys.stderr)
            raise typer.Exit(128 + signum) from None

    run.__doc__ = re.split(r"\n\s*(?:Note|Returns|Raises):", inspect.getdoc(command.function) or "")[0]
    run.__annotations__ = {name: option.annotation for name, option in options.items()}
    run.__signature__ = inspect.Signature([*options.values()])  # type: ignore[attr-defined]
    return run


def _options(function: Callable[..., Any], parameters: Iterable[inspect.Parameter]) -> dict[str, inspect.Parameter]:
    """Return the parameters that are on the command line, with the types that typer reads.

    A parameter without an ``Annotated`` option is one for Python only.
    """
    names = dict(function.__globals__)
    kinds = {parameter: _evaluated(parameter.annotation, names) for parameter in parameters}
    return {
        parameter.name: parameter.replace(
            annotation=_narrowed(kind),
            default=None if parameter.default == () else parameter.default,  # older versions of typer refuse ()
            kind=parameter.KEYWORD_ONLY,
        )
        for parameter, kind in kinds.items()
        if get_origin(kind) is Annotated
    }


def _evaluated(annotation: str, names: dict[str, Any]) -> Any:
    try:
        return eval(annotation, names)
    except NameError as error:  # imported for type checkers only, since the import takes long
        return _evaluated(annotation, names | {str(error.name): Any})


def _narrowed(kind: Any) -> Any:
    """Return the type of a parameter as typer reads it: the first one of a union, and a list for a sequence."""
    inner = get_args(kind)
    if get_origin(kind) is Annotated:
        return Annotated[_narrowed(inner[0]), *inner[1:]]
    if get_origin(kind) in (Union, UnionType):
        first = _narrowed(next(member for member in inner if member is not NoneType))
        return first | None if NoneType in inner else first
    return list[_narrowed(inner[0])] if get_origin(kind) is Sequence else kind  # type: ignore[misc]


app = build_app(COMMANDS, GROUPS)
