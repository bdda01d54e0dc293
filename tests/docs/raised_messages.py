"""Every error message in the sources, found in their syntax trees; the rules stand in ``test_error_catalogue.py``."""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "munseo"
MESSAGE_OF = {
    "UserError": (0, 1),
    "NoThresholdError": (0, 1),
    "KeyboardInterrupt": (0,),
    "Interrupted": (0, 1),
}
"""Which arguments of an error are messages, by its name."""
NAMES = ("problem", "problems")
"""Variables, attributes and keywords that hold messages wherever they are met."""
CATALOGUE = "_locale/en.yaml"
"""The catalogue of texts: its notes about images are messages, too."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Message:
    """A message with ``{placeholders}``, and where in the sources it stands."""

    text: str
    file: str
    line: int

    @property
    def pattern(self) -> str:
        return pattern(self.text)


def pattern(text: str) -> str:
    """The message with its placeholders unnamed, as two spellings of the same are compared."""
    return " ".join(re.sub(r"\{[^{}]*\}", "{}", text).replace("`", "").split())


@cache
def raised(sources: Path = SOURCES) -> list[Message]:
    """All messages, without repeats, in the order of the files."""
    search = _Search(sources)
    found: dict[str, Message] = {}
    messages = [*search.messages(), *_about_images(sources / CATALOGUE)]
    for message in sorted(messages, key=lambda message: (message.file, message.line)):
        found.setdefault(message.pattern, message)
    return list(found.values())


def _about_images(catalogue: Path) -> Iterator[Message]:
    lines = catalogue.read_text(encoding="utf-8").splitlines() if catalogue.exists() else []
    for number, line in enumerate(lines, 1):
        key, colon, text = line.strip().partition(": ")
        if colon and key.startswith("image.") and not key.startswith("image.content.") and key != "image.other":
            yield Message(text.strip('"'), CATALOGUE, number)


@dataclass(frozen=True)
class _Place:
    """An expression that ends as a message, and the function that it stands in."""

    node: ast.expr
    function: ast.AST
    file: Path


class _Search:
    def __init__(self, sources: Path) -> None:
        self._sources = sources
        self._trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(sources.rglob("*.py"))}
        self._functions: dict[str, list[tuple[ast.AST, Path]]] = defaultdict(list)
        self._calls: dict[str, list[tuple[ast.Call, ast.AST, Path]]] = defaultdict(list)
        self._waiting: list[_Place] = []
        self._seen: set[int] = set()
        for file, tree in self._trees.items():
            self._index(tree, tree, file)

    def messages(self) -> Iterator[Message]:
        while self._waiting:
            place = self._waiting.pop()
            if id(place.node) in self._seen:
                continue
            self._seen.add(id(place.node))
            for text in self._texts(place.node, place):
                text = text.removeprefix("munseo: ")
                if re.search(r"[A-Za-z]{2}", re.sub(r"\{[^{}]*\}", "", text)):
                    yield Message(text, place.file.relative_to(self._sources).as_posix(), place.node.lineno)
                elif isinstance(place.node, ast.JoinedStr):  # it passes on what its last placeholder holds
                    last = [part.value for part in place.node.values if isinstance(part, ast.FormattedValue)][-1]
                    self._follow([last], place)

    def _index(self, node: ast.AST, function: ast.AST, file: Path) -> None:
        """Note functions and calls by name, and what is a message by its place alone."""
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, FUNCTIONS) else function
            if isinstance(child, FUNCTIONS):
                self._functions[child.name].append((child, file))
            self._waiting += [_Place(value, function, file) for value in _messages_at(child)]
            if isinstance(child, FUNCTIONS) and child.name == "__str__" and getattr(node, "name", "").endswith("Error"):
                self._waiting += [_Place(value, child, file) for value in _results(child)]
            if isinstance(child, ast.Call):
                self._calls[_name(child.func)].append((child, function, file))
            self._index(child, inner, file)

    def _texts(self, node: ast.expr, place: _Place) -> list[str]:
        """The texts that an expression can be; what comes from elsewhere is looked for there, and is none here."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                return _joined([self._texts(value, place) for value in values])
            case ast.FormattedValue(value=value):
                return [_placeholder(value)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined([self._texts(side, place) or [_placeholder(side)] for side in (left, right)])
            case ast.IfExp(body=body, orelse=orelse):
                return [*self._texts(body, place), *self._texts(orelse, place)]
            case ast.BoolOp(values=values):
                return [text for value in values for text in self._texts(value, place)]
            case ast.List(elts=values) | ast.Tuple(elts=values) | ast.Dict(values=values):
                self._follow(values, place)
            case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.Starred(value=inner):
                self._follow([inner], place)
            case ast.Subscript(value=inner):
                self._follow([inner], place)
            case ast.Name(id=name):
                self._follow_name(name, place)
            case ast.Call(func=function, args=args) if _name(function) in ("list", "tuple", "sorted", "fromkeys"):
                self._follow(args, place)
            case ast.Call(func=function):
                self._follow_function(_name(function), place)
        return []

    def _follow(self, values: Iterable[ast.expr], place: _Place) -> None:
        self._waiting += [_Place(value, place.function, place.file) for value in values]

    def _follow_name(self, name: str, place: _Place) -> None:
        """A variable: what the function, or the file, puts into it; a parameter: what callers give."""
        for node in (*ast.walk(place.function), *self._trees[place.file].body):
            self._follow(_values_given(node, name), place)
        if isinstance(place.function, FUNCTIONS):
            parameters = [one.arg for one in (*place.function.args.posonlyargs, *place.function.args.args)]
            if name in (*parameters, *(one.arg for one in place.function.args.kwonlyargs)):
                self._follow_argument(place.function, name, parameters)

    def _follow_function(self, name: str, place: _Place) -> None:
        """A function of ours: what it returns or yields."""
        known = self._functions[name]
        own = [(function, file) for function, file in known if file == place.file]
        for function, file in own or (known if len(known) == 1 else []):
            self._waiting += [_Place(value, function, file) for value in _results(function)]

    def _follow_argument(self, function: ast.AST, name: str, parameters: list[str]) -> None:
        position = parameters.index(name) - (parameters[:1] == ["self"]) if name in parameters else None
        for call, caller, file in self._calls[function.name]:
            values = [word.value for word in call.keywords if word.arg == name]
            if position is not None:
                values += call.args[position : position + 1]
            self._waiting += [_Place(value, caller, file) for value in values]


def _messages_at(node: ast.AST) -> Iterator[ast.expr]:
    """The parts of a node that are messages wherever they stand."""
    if isinstance(node, ast.Call):
        for position in MESSAGE_OF.get(_name(node.func), ()):
            yield from node.args[position : position + 1]
        yield from (word.value for word in node.keywords if word.arg in NAMES)
        if any(word.arg in ("err", "file") for word in node.keywords) and _name(node.func) in ("print", "echo"):
            yield from node.args[:1]
    for name in NAMES:
        yield from _values_given(node, name)


def _results(function: ast.AST) -> Iterator[ast.expr]:
    """What a function returns or yields."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
            yield node.value


def _values_given(node: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a node puts into a variable or attribute of that name."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if _name(target) == name:
                    yield value
                elif isinstance(target, ast.Tuple):
                    for position, one in enumerate(target.elts):
                        if _name(one) == name:
                            yield value.elts[position] if isinstance(value, ast.Tuple) else value
        case ast.AnnAssign(target=target, value=value) | ast.AugAssign(target=target, value=value):
            if _name(target) == name and value is not None:
                yield value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            if _name(target) == name:
                yield value
        case ast.Call(func=ast.Attribute(value=target, attr="append" | "extend"), args=[value]):
            if _name(target) == name:
                yield value


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _placeholder(node: ast.AST) -> str:
    return "{" + re.sub(r"[{}]", "", ast.unparse(node)) + "}"


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(chosen) for chosen in itertools.product(*parts)]
