"""YAML to configuration, with every problem of the file named at once: key path, line, value, what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from munseo._config.schema import Config
from munseo._errors import SHOWN, UserError

MAX_BYTES = 200_000
"""Largest file. Larger ones are no configuration, and PyYAML needs about two seconds for as much."""

MAX_CHARACTERS = 1_000_000
"""Most characters of all values with every alias written out: a few lines of aliases of aliases can mean gigabytes."""

MAX_DEPTH = 50
"""Most lists and mappings in brackets within each other."""

MAX_DIGITS = 40
"""Most digits of a whole number; Python refuses to print numbers of some thousand digits."""

_TAG_ERRORS = (ValueError, LookupError, AttributeError, TypeError, OverflowError)
"""The errors that PyYAML raises for values that are not what their tag says, such as ``!!bool 3``."""

TEMPLATES = Path(__file__).parent.parent / "configs"
"""The folder of the templates that come with Munseo."""

KeyPath = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which ``1e-4`` is a number (YAML 1.2), as everyone who writes a learning rate expects."""

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        # The scanner looks at every open bracket again at each character: Python's own limit comes only after seconds.
        if self.flow_level >= MAX_DEPTH:
            raise RecursionError
        super().fetch_flow_collection_start(token_class)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|\.inf|\.nan)$"),
    list("-+0123456789."),
)
# The integer resolver has to come first, so that 20 stays a whole number.
for _char, _resolvers in list(_Loader.yaml_implicit_resolvers.items()):
    _Loader.yaml_implicit_resolvers[_char] = sorted(_resolvers, key=lambda pair: not pair[0].endswith(":int"))


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    if len(node.value) > MAX_DIGITS:
        raise yaml.constructor.ConstructorError(
            None, None, f"a number of more than {MAX_DIGITS} digits", node.start_mark
        )
    return loader.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)
# A configuration has strings, numbers, lists and mappings. YAML's other types could not be written back as they were.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)  # type: ignore[type-var]
for _kind in ("binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_undefined)  # type: ignore[type-var]


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration file.

    Args:
        path: A YAML file, or the name of a template that comes with Munseo, such as ``demo``.
        overrides: ``key=value`` pairs; a dot reaches into a section (``wandb.log=true``); the value is YAML.

    Raises:
        UserError: The file is missing or not YAML, or keys or values are wrong: all of them in one message.
    """
    file = find_config(path)
    text, lines = read_yaml(file)
    for override in overrides:
        key, value = _parse_override(override)
        _put(text, key, value)
        lines[key] = None
    return parse_config(text, str(path), lines)


def resolve_config(config: Path | str | Config, overrides: Sequence[str] = ()) -> Config:
    """Return a checked configuration from a file, the name of a template, or a ``Config``.

    Raises:
        UserError: As ``load_config``; or there are overrides for a ``Config``.
    """
    if not isinstance(config, Config):
        return load_config(config, overrides)
    if overrides:
        raise UserError("overrides: they go with a file; change the Config itself instead.")
    # A Config may have been changed since it was made, which pydantic does not check.
    return parse_config(config.model_dump(), "config")


def find_config(path: Path | str) -> Path:
    """Return the file itself, or the packaged template of that name."""
    file = Path(path)
    if file.is_file():
        return file
    template = TEMPLATES / f"{file.stem}.yaml"
    if file.parent in (Path(), Path("configs")) and template.is_file():
        return template
    names = ", ".join(sorted(p.stem for p in TEMPLATES.glob("*.yaml")))
    raise UserError(f"{path}: there is no such configuration file. Templates that come with Munseo: {names}.")


def parse_config(values: dict[str, Any], name: str, lines: dict[KeyPath, int | None] | None = None) -> Config:
    """Turn a mapping into a configuration; messages call it ``name`` and have the line of each key path.

    Raises:
        UserError: Keys or values are wrong: all of them in one message.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = list(_explain_all(error.errors(), lines or {}))
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise UserError(f"{name}: {count} in the configuration.", problems) from None


def dump_config(config: Config) -> str:
    """Return the configuration as YAML, every key with its value."""
    return yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True, width=120)


def read_yaml(file: Path) -> tuple[dict[str, Any], dict[KeyPath, int | None]]:
    """Read a mapping from a YAML file that may be hostile.

    Returns:
        The values, and the line of each key path.

    Raises:
        UserError: The file is too large, not UTF-8, not YAML, not a mapping, or has a key twice.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UserError(f"{file}: larger than {MAX_BYTES:,} bytes; this is not a configuration file.")
        content = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}).") from None
    loader, doubled = None, []
    lines: dict[KeyPath, int | None] = {}
    try:
        loader = _Loader(content)
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        size = _size(node, {})
        values = loader.construct_document(node) if size <= MAX_CHARACTERS else None
        if isinstance(node, yaml.MappingNode) and values is not None:
            doubled = [f"{'.'.join(map(str, key))} (line {line}): given twice" for key, line in _walk(node, (), lines)]
    except RecursionError:
        raise UserError(f"{file}: lists or mappings too deep within each other; this is not a configuration.") from None
    except (yaml.YAMLError, *_TAG_ERRORS) as error:
        raise UserError(f"{file}: not valid YAML: {_cut(' '.join(str(error).split()), 500)}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if size > MAX_CHARACTERS:
        raise UserError(f"{file}: YAML aliases that grow to more than {MAX_CHARACTERS:,} characters; write them out.")
    if not isinstance(values, dict):
        raise UserError(f"{file}: should hold 'key: value' lines, such as 'model_name: efficientnet_b4.ra2_in1k'.")
    if doubled:
        raise UserError(f"{file}: keys that are given twice; leave one of each.", doubled)
    return values, lines


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the characters of a node with every alias written out; each node is looked at once.

    Raises:
        RecursionError: The node contains itself.
    """
    if id(node) not in known:
        if isinstance(node, yaml.ScalarNode):
            return 1 + len(node.value)
        pairs = isinstance(node, yaml.MappingNode)
        children = [inner for pair in node.value for inner in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]


def _walk(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int | None]) -> Iterator[tuple[KeyPath, int]]:
    """Note the line of every key, and yield the keys that a mapping repeats."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if key in lines:
                yield key, line
            lines[key] = line
            yield from _walk(value_node, key, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            yield from _walk(item, (*path, index), lines)


def _parse_override(override: str) -> tuple[KeyPath, Any]:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise UserError(f"{override!r}: should be key=value, such as lr=0.0003 or wandb.log=true.")
    try:
        return tuple(key.strip().split(".")), yaml.load(value, Loader=_Loader)
    except (yaml.YAMLError, *_TAG_ERRORS, RecursionError):
        raise UserError(f"{_cut(repr(override), 200)}: the value is not valid YAML; put it in quotes.") from None


def _put(values: dict[str, Any], key: KeyPath, value: Any) -> None:
    for part in map(str, key[:-1]):
        if not isinstance(values.get(part), dict):
            values[part] = {}
        values = values[part]
    values[str(key[-1])] = value


def _explain_all(details: Sequence[ErrorDetails], lines: dict[KeyPath, int | None]) -> Iterator[str]:
    """Yield a line for each wrong key: where it is, what its value is, and what is allowed instead.

    The branches of a union are joined by "or".
    """
    by_key: dict[KeyPath, list[ErrorDetails]] = {}
    order = {key: index for index, key in enumerate(Config.ordered_keys())}
    for detail in sorted(details, key=lambda detail: order.get(str((*detail["loc"], "")[0]), len(order))):
        last = len(detail["loc"]) - 1 if detail["type"] == "extra_forbidden" else None
        loc = tuple(key for index, key in enumerate(detail["loc"]) if index in (0, last) or not _is_branch(key))
        by_key.setdefault(loc, []).append(detail)
    for number, (loc, same_key) in enumerate(by_key.items()):
        if not loc:
            yield from str(same_key[0]["ctx"]["error"]).splitlines()
            continue
        where = _cut(".".join(str(key) for key in loc), 200)
        where += f" (line {lines[loc]})" if lines.get(loc) else ""
        if same_key[0]["type"] == "extra_forbidden":
            model = _model_at(loc[:-1])
            known = [] if model is None else Config.ordered_keys() if model is Config else list(model.model_fields)
            # Looking for a similar key costs milliseconds; the problems beyond the first ones are only counted.
            near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5) if number < SHOWN else []
            yield f"{where}: unknown key" + (f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}")
        elif same_key[0]["type"] == "missing":
            model, name = _model_at(loc[:-1]), [key for key in loc if isinstance(key, str)][-1]
            field = model.model_fields.get(name) if model else None
            yield f"{where}: missing; {(field.description if field else None) or 'it is needed'}"
        else:
            allowed = " or ".join(dict.fromkeys(_allowed(detail) for detail in same_key))
            yield f"{where}: {_cut(repr(same_key[0]['input']), 100)} is not allowed; should be {allowed}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _allowed(detail: ErrorDetails) -> str:
    """Shorten pydantic's sentence to what is allowed."""
    message = detail["msg"].split(", unable to")[0]
    message = re.sub(r"^(Value error, )?(Input should be )?", "", message)
    message = re.sub(r"^(List|String) should have (.*?)( after validation.*|, not .*)?$", r"a \1 with \2", message)
    return re.sub(r"^a (valid )?(List|String)", lambda m: f"a {m[2].lower()}", message)


def _is_branch(key: str | int) -> bool:
    """Return whether pydantic added this to the path for a branch of a union, such as ``constrained-int``."""
    return isinstance(key, str) and bool(re.match(r"^(constrained-|literal\[|list\[|bool$|int$|str$|float$)", key))


def _model_at(loc: KeyPath) -> type[BaseModel] | None:
    """Return the section that a path leads to."""
    model: type[BaseModel] | None = Config
    for key in loc:
        if not isinstance(key, int):
            model = _section_of(model, key) if model else None
    return model


def _section_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    field = model.model_fields.get(key)
    pending: list[Any] = [field.annotation] if field else []
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        pending.extend(getattr(annotation, "__args__", ()))
    return None
