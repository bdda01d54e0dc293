"""Every kind of issue in the table: a finder that runs on any evidence, and a chapter in both languages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from printed import CLASSES, draw, jpeg

from munseo._data import Page
from munseo._doctor import KINDS, Examination, Issue
from munseo._doctor.examination import judge_remark
from munseo._doctor.findings_page import render_page
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.issue import PageEvidence
from munseo._doctor.judge import Judge
from munseo._locale import LANGUAGES, Remark, Texts


@pytest.fixture
def pages(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(jpeg(cv2.resize(draw(1), (64, 90))))
    return [InspectedPage("train", Page(name, tmp_path / name, 0), format="JPEG") for name in ("a.jpg", "b.jpg")]


@pytest.mark.parametrize("kind", KINDS)
def test_its_finder_needs_neither_copies_nor_labels_nor_a_run(kind, pages):
    assert {issue.kind for issue in KINDS[kind].find(PageEvidence(pages, CLASSES))} <= set(KINDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_a_chapter_for_each(language, pages):
    issues = tuple(Issue(kind, "low", Remark("", text=f"detail of {kind}"), *pages, group=1) for kind in KINDS)
    judge = Judge(10, 9, 0.75, 0.95, (0.9, None))
    found = Examination(CLASSES, ("0", "1"), tuple(pages), issues, (), (), np.empty(0), None, judge)
    html = render_page(found, "x", language)
    texts = Texts(language, "doctor")
    for kind in KINDS.values():
        chapter = html[html.index(f'id="{kind.name}"') :].partition("</section>")[0]
        assert texts(kind.name) in chapter
        assert f"detail of {kind.name}".replace("_", "") in chapter.replace("_", "").replace("<wbr>", "")
        assert chapter.count("<img") == {"pairs": 2, "cards": 1, "groups": 1}.get(kind.layout, 0)
        assert (texts.remark(judge_remark(judge)) in chapter) == (kind.name in ("label_error", "label_candidate"))
