"""The queues of pages to review."""

from pathlib import Path

import pytest

from munseo._data import Page, PageSet
from munseo._doctor import KINDS, Issue, issue_table
from munseo._doctor.inspected_page import InspectedPage
from munseo._locale import Remark, Texts
from munseo._ui.review_queues import LABEL_KINDS, queue
from munseo._ui.site import Site


@pytest.fixture
def site_of(tmp_path):
    """Make a site whose ``issues.csv`` has one page for each of the kinds given, and the pages of its data."""

    def make(kinds):
        pages = [Page(f"{kind}.jpg", Path(f"{kind}.jpg"), 0) for kind in kinds]
        issues = [
            Issue(kind, "low", Remark("doctor.missing", {"number": 1, "count": 12}), InspectedPage("train", page))
            for kind, page in zip(kinds, pages, strict=True)
        ]
        issue_table(issues, ("0", "1"), ("여권", "영수증")).to_csv(tmp_path / "issues.csv", index=False)
        data = PageSet(tuple(pages), None, (), ("letter", "form"), ("0", "1"), {}, ())
        return Site(tmp_path, tmp_path, tmp_path / "issues.csv", tmp_path / "review.csv"), data

    return make


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_kind_that_questions_a_label_is_in_the_queue_of_labels(site_of, language):
    site, pages = site_of(list(KINDS))
    items = queue("labels", site, pages, None, Texts(language, "ui"))
    assert {item.id for item in items} == {f"{kind}.jpg" for kind in LABEL_KINDS}
    assert set(LABEL_KINDS) <= set(KINDS)
    expected = {"en": "group 1: 12 pages that are alike and fit no class", "ko": "묶음 1: 서로 닮았고"}[language]
    assert items[0].why.startswith(expected)
    assert items[0].suggested is None
