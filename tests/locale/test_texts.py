"""One catalogue: both languages say the same, what the code asks for is there, and nothing is there for nobody."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

import munseo
from munseo._augment.damage import DAMAGES
from munseo._doctor import KINDS
from munseo._errors import UserError
from munseo._locale import LANGUAGES, Remark, Texts
from munseo._shift import MEASURES

ROOT = Path(munseo.__file__).parent
ROOMS = {"_report": ("report", "shift"), "_doctor": ("doctor",), "_ui": ("ui",), "_ensemble": ("ensemble",)}
"""Packages whose code asks for texts of rooms; every package may ask from the top of the catalogue."""
CALLED = ("say", "texts", "titles", "kinds")
"""What a ``Texts`` is called in the code."""


@cache
def catalogue(language: str) -> dict[str, str]:
    rooms = yaml.load((ROOT / "_locale" / f"{language}.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return {f"{room}.{key}": text for room, texts in rooms.items() for key, text in texts.items()}


def placeholders(text: str) -> list[tuple[str, str]]:
    return sorted((name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None)


def test_both_languages_have_the_same_keys_in_the_same_order():
    assert list(catalogue("en")) == list(catalogue("ko"))
    assert len(catalogue("en")) > 700


def test_both_languages_have_the_same_placeholders():
    english, korean = catalogue("en"), catalogue("ko")
    assert [key for key in english if placeholders(english[key]) != placeholders(korean[key])] == []


def test_no_key_stands_twice():
    for language in LANGUAGES:
        document = yaml.compose((ROOT / "_locale" / f"{language}.yaml").read_text(encoding="utf-8"))
        for room, texts in document.value:
            keys = [key.value for key, _ in texts.value]
            assert sorted(set(keys)) == sorted(keys), (language, room.value)


@cache
def trees() -> dict[Path, ast.Module]:
    files = (file for file in sorted(ROOT.rglob("*.py")) if "_locale" not in file.parts)
    return {file.relative_to(ROOT): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def pattern(node: ast.expr) -> str | None:
    """A regular expression for the keys that an expression may give; None for one that cannot be read off."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [pattern(part) if isinstance(part, ast.Constant) else "([^.]+|.+)" for part in node.values]
        return "".join(part or "" for part in parts)
    return None


def asked(tree: ast.Module) -> Iterator[str]:
    """Patterns of the keys in calls of a ``Texts``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in CALLED:
            choices = [node.args[0]]
            if isinstance(node.args[0], ast.IfExp):
                choices = [node.args[0].body, node.args[0].orelse]
            yield from filter(None, map(pattern, choices))
        elif isinstance(called, ast.Attribute) and called.attr == "name" and len(node.args) == 2:
            kind, name = map(pattern, node.args)
            yield f"{kind}\\.{name or '(.+)'}"


def asked_in_templates(text: str) -> Iterator[str]:
    for key, joined in re.findall(r'(?:say|texts)\("([\w.]+)"( ~)?', text):
        yield re.escape(key) + ("(.+)" if joined else "")


def questions() -> Iterator[tuple[str, str, str]]:
    """File, room ("" for the top) and pattern of everything that is asked for."""
    for file, tree in trees().items():
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        if "Texts" in imported or (file.parts[0] == "_report" and "say" not in imported):
            for found in asked(tree):
                yield str(file), file.parts[0], found
    for file in sorted((ROOT / "_ui" / "templates").glob("*.j2")):
        for found in asked_in_templates(file.read_text(encoding="utf-8")):
            yield file.name, "_ui", found


def answered(package: str, found: str) -> bool:
    """Whether the catalogue has a key of this pattern."""
    rooms = "|".join(f"{room}\\." for room in ROOMS.get(package, ()))
    search = re.compile(f"(?:{rooms})?(?:{found})")
    return any(search.fullmatch(key) for key in catalogue("en"))


def test_every_key_that_the_code_asks_for_is_there():
    missing = [(file, found) for file, package, found in questions() if not answered(package, found)]
    assert missing == []
    assert len(list(questions())) > 300


def test_no_text_is_there_for_nobody():
    """A text is used if its key is a string of the code, or if an f-string makes it of strings and names there."""
    nodes = [node for tree in trees().values() for node in ast.walk(tree)]
    known = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    known |= {node.name.strip("_") for node in nodes if isinstance(node, ast.FunctionDef)}
    for file in (ROOT / "_ui" / "templates").glob("*.j2"):
        known |= set(re.findall(r'"([\w.]+)"', file.read_text(encoding="utf-8")))
    made = {found for _, _, found in questions()}
    made |= {pattern(node) or "" for node in nodes if isinstance(node, ast.JoinedStr)}
    patterns = [re.compile(found) for found in made if re.search(r"[a-z]{2}", found) and "(" in found]

    def used(key: str) -> bool:
        if key in known:
            return True
        matches = (found.fullmatch(key) for found in patterns)
        return any(match and all(len(part) < len(key) and used(part) for part in match.groups()) for match in matches)

    unused = [key for key in catalogue("en") if not used(key) and not used(key.partition(".")[2])]
    assert unused == []


def test_every_remark_has_its_sentence():
    made = set()
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Remark":
                choices = [node.args[0]]
                if isinstance(node.args[0], ast.IfExp):
                    choices = [node.args[0].body, node.args[0].orelse]
                made |= {choice.value for choice in choices if isinstance(choice, ast.Constant) and choice.value}
    assert {f"note.{key}" for key in made} <= catalogue("en").keys()
    assert len(made) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_has_a_name_has_one_here(language: str):
    texts = catalogue(language)

    def names(kind: str) -> set[str]:
        return {key.removeprefix(f"{kind}.") for key in texts if key.startswith(f"{kind}.")}

    assert names("damage") == set(DAMAGES)
    assert names("measure") - {"unit.levels"} == {measure.name for measure in MEASURES}
    assert {f"doctor.{kind}" for kind in KINDS} | {f"doctor.{kind}.about" for kind in KINDS} <= texts.keys()


def test_a_text_with_its_values():
    texts = Texts("en", "report")
    assert texts("epochs_value", done=7, planned=10) == "7 of 10"
    assert texts("damage.stain") == "Stains"
    assert texts.name("damage", "coffee_ring") == "coffee ring"
    with pytest.raises(KeyError, match=r"report\.nonsense"):
        texts("nonsense")
    with pytest.raises(KeyError):
        texts("epochs_value", done=7)
    with pytest.raises(UserError, match="'fr'"):
        Texts("fr", "report")


def test_a_remark_in_both_languages():
    remark = Remark("few_pages", {"pages": 3})
    assert remark.to_dict() == {"key": "few_pages", "text": str(remark), "values": {"pages": 3}}
    assert "3 pages" in str(remark)
    assert "3장" in Texts("ko", "doctor").remark(remark)


def test_a_remark_that_this_version_does_not_know_is_shown_as_it_was_stored():
    for remark in (
        Remark("of_tomorrow", {"a": 1}, "As {later} versions write."),
        Remark("few_pages", {"other": 1}, "As {later} versions write."),
        Remark("", text="As {later} versions write."),
    ):
        assert Texts("ko", "report").remark(remark) == str(remark) == "As {later} versions write."


def test_stored_sentences_are_translated():
    texts = Texts("ko", "report")
    for remark in (
        Remark("data.first_page", {"page": "scan.tif", "count": 3}),
        Remark("split.copies", {"pages": 1400, "groups": 2, "equal": 1, "near": 3}),
        Remark("image.too_many_pixels", {"width": 30_000, "height": 2, "most": 200_000_000}),
        Remark(
            "image.not_an_image",
            {"content": Remark("image.content.zeros"), "formats": "JPEG, PNG", "last_format": "PDF"},
        ),
    ):
        assert texts.translate(str(remark)) == texts.remark(remark) != str(remark)
        assert Texts("en", "report").translate(str(remark)) == str(remark)
    assert texts.translate("As {later} versions write.") == "As {later} versions write."


def test_a_concept_has_one_korean_term():
    """The words that CONTRIBUTING.md rejects; and a percentage has no space."""
    contributing = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in contributing.partition("## Terms")[2].splitlines() if line.startswith("| ")]
    rejected = [word.strip() for row in rows[1:] for word in row[3].split(",") if word.strip()]
    assert {"신뢰도", "변형", "시점", "임계값"} <= set(rejected)
    calls = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    sentences = [call.args[1] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Translated"]
    assert len(sentences) > 10
    texts = catalogue("ko") | {ast.unparse(sentence): ast.unparse(sentence) for sentence in sentences}
    assert {key: word for key, text in texts.items() for word in rejected if word in text} == {}
    assert [key for key, text in texts.items() if re.search(r"[\d}] %", text)] == []
