"""Every entry of the table of formats: recognised, found, decoded, and known to the doctor."""

from __future__ import annotations

from pathlib import Path

import pytest
from heic_file import heic
from PIL import Image

from munseo._data import FORMATS, PageSet, decode_pages, inspect
from munseo._data.folder_walk import FolderWalk
from munseo._data.formats import HEAD_BYTES, IMAGE_EXTENSIONS, find_format
from munseo._data.page import Page
from munseo._doctor.bad_files import find_bad_files
from munseo._doctor.inspected_page import inspect_pages
from munseo._doctor.issue import PageEvidence

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def sample(encoded, picture):
    """Make a file of a format."""
    page = Image.fromarray(picture).resize((640, 480))
    return lambda name: heic() if name == "HEIC" else encoded(page, name)


@pytest.mark.parametrize("name", FORMATS)
def test_it_is_recognised_by_its_first_bytes_and_decoded(name, sample):
    data = sample(name)
    assert find_format(data[:HEAD_BYTES]) is FORMATS[name]
    found = inspect(data)
    assert (found.format, found.problem) == (name, None)
    assert [page.problem for page in decode_pages(data)] == [None]
    assert (FORMATS[name].open_image is None) == (FORMATS[name].open_pages is not None), "one of the two reads it"


@pytest.mark.parametrize("name", FORMATS)
def test_its_files_are_found_and_its_extensions_are_right_for_the_doctor(name, sample, tmp_path):
    for number, extension in enumerate(sorted(IMAGE_EXTENSIONS)):
        (tmp_path / f"{number}{extension}").write_bytes(sample(name))
    files = [Path(source.path) for source in FolderWalk(tmp_path).sources(str(tmp_path), "")]
    assert len(files) == len(IMAGE_EXTENSIONS)
    pages = PageSet(tuple(Page(file.name, file, 0) for file in files), None, (), ("a",), ("a",), {}, ())
    issues = find_bad_files(PageEvidence([page for page, _ in inspect_pages(pages, None)], ("a",)))
    misnamed = {issue.page.page.path.suffix for issue in issues if issue.kind == "wrong_extension"}
    assert misnamed == IMAGE_EXTENSIONS - set(FORMATS[name].extensions)


@pytest.mark.parametrize("file", [README, README.with_suffix(".ko.md")], ids=lambda file: file.name)
def test_the_readme_names_every_format(file):
    text = file.read_text(encoding="utf-8")
    assert [entry.name for entry in FORMATS.values() if (entry.title or entry.name) not in text] == []
