"""Codes of images that cannot be read, and the sentences that belong to them."""

from __future__ import annotations

import ast
import pickle
from collections import defaultdict
from pathlib import Path
from string import Formatter

import yaml

from munseo._data import ImageError
from munseo._data.formats import refusal
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._locale import Texts

SOURCES = Path(__file__).parents[2] / "src" / "munseo"
SENTENCES = yaml.safe_load((SOURCES / "_locale" / "en.yaml").read_text(encoding="utf-8"))["note"]


def values_given() -> dict[str, set[frozenset[str]]]:
    """Return the names of the values with which the sources use each code."""
    found = defaultdict(set)
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ImageProblem":
                names = frozenset(keyword.arg for keyword in node.keywords)
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Attribute):
                        found[part.attr].add(names)
    return found


def test_every_code_is_used_with_the_values_that_its_sentence_names():
    given = values_given()
    for code in ProblemCode:
        named = {field for _, field, _, _ in Formatter().parse(SENTENCES[f"image.{code}"]) if field}
        assert given[code.name] == {frozenset(named)}, code.name


def test_a_problem_is_an_english_sentence_and_can_be_translated():
    problem = ImageProblem(ProblemCode.TOO_MANY_PIXELS, width=30_000, height=2, most=200_000_000)
    assert str(problem) == "is 30000 × 2 px; more than 200,000,000 pixels are not read"
    korean = Texts("ko", "doctor")
    assert "200,000,000픽셀" in korean.remark(problem.remark)
    assert "HTML(웹 페이지)" in korean.remark(refusal(b"<!DOCTYPE html>").remark)
    assert "FITS" in korean.remark(refusal(b"SIMPLE  =").remark)


def test_errors_survive_a_worker_process():
    problem = ImageProblem(ProblemCode.TOO_MANY_SCANS, most=100)
    for error in (ImageError("page.jpg", problem), UnreadableError(problem)):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert again.problem == problem
        assert str(again) == str(error)
