"""Fields of forms, with and without their form, and lines that come without a drawing."""

from __future__ import annotations

import numpy as np
import pytest
from pdf_file import HELVETICA, pdf, stream

from munseo._data import decode

SCALE = 1600 / 300  # px of a point

APPEARANCE = stream(b"1 0 0 rg 0 0 100 40 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 100 40]")
FIELD = b"<</Type/Annot/Subtype/Widget%s/Rect[50 200 150 240]/F %d%s>>"
TEXT = b"/FT/Tx/T(name)/V(Kim)"
DRAWN = b"/AP<</N 6 0 R>>"
FORM = b"/AcroForm<</Fields[%s]/DR<</Font<</Helv 4 0 R>>>>/DA(/Helv 12 Tf 0 g)%s>>"


def box(data: bytes, left: int, bottom: int, right: int, top: int) -> np.ndarray:
    """Return the part of the page within these points."""
    rows = slice(round((300 - top) * SCALE), round((300 - bottom) * SCALE))
    return decode(data, "page.pdf")[rows, round(left * SCALE) : round(right * SCALE)]


def field(entries: bytes = TEXT, flags: int = 4, drawing: bytes = DRAWN, catalogue: bytes = b"") -> np.ndarray:
    """Return the place of a field on a page."""
    data = pdf(annotations=[FIELD % (entries, flags, drawing)], catalogue=catalogue, others=[APPEARANCE])
    return box(data, 50, 200, 150, 240)


def is_red(pixels: np.ndarray) -> bool:
    return bool(np.abs(pixels[8:-8, 8:-8].astype(int) - [255, 0, 0]).max() < 8)


@pytest.mark.parametrize(
    "catalogue",
    [b"", FORM % (b"5 0 R", b""), FORM % (b"", b""), b"/AcroForm<<>>", b"/AcroForm 99 0 R"],
    ids=["no form", "a form", "a form without the field", "an empty form", "a form that is missing"],
)
def test_a_field_is_drawn_with_and_without_its_form(catalogue):
    assert is_red(field(catalogue=catalogue))


@pytest.mark.parametrize("catalogue", [b"", FORM % (b"5 0 R", b"")])
@pytest.mark.parametrize(
    "kind", [b"", b"/FT/Sig/T(signed)", b"/FT/Btn/Ff 65536/T(send)", b"/FT/Ch/T(one)/V(a)/Opt[(a)(b)]"]
)
def test_a_field_of_any_kind_or_none_is_drawn(catalogue, kind):
    assert is_red(field(entries=kind, catalogue=catalogue))


@pytest.mark.parametrize("catalogue", [b"", FORM % (b"5 0 R", b"")])
@pytest.mark.parametrize("flags", [2, 32], ids=["hidden", "not shown on the screen"])
def test_a_field_that_viewers_hide_is_hidden(catalogue, flags):
    assert (field(flags=flags, catalogue=catalogue) == 255).all()


@pytest.mark.parametrize("catalogue", [b"", FORM % (b"5 0 R", b"")])
@pytest.mark.parametrize(("state", "is_ticked"), [(b"Yes", True), (b"Off", False)])
def test_a_box_is_ticked_as_its_state_says(catalogue, state, is_ticked):
    drawing = b"/AP<</N<</Yes 6 0 R>>>>/AS/%s" % state
    found = field(b"/FT/Btn/T(agree)/V/%s" % state, drawing=drawing, catalogue=catalogue)
    assert is_red(found) if is_ticked else not red(found).any()


@pytest.mark.parametrize(
    "catalogue",
    [b"", FORM % (b"5 0 R", b""), FORM % (b"5 0 R", b"/NeedAppearances true")],
    ids=["no form", "a form", "a form whose values are to be drawn"],
)
def test_the_value_of_a_field_without_a_drawing_is_written(catalogue):
    """Programs that fill in forms leave that to the reader, and the font of a form seldom has Hangul."""
    written = []
    for value in ("Kim", "김민수", "이영희"):
        entries = b"/FT/Tx/T(name)/V<FEFF%s>/DA(/Helv 12 Tf 0 g)" % value.encode("utf-16-be").hex().encode()
        written.append(field(entries, drawing=b"", catalogue=catalogue))
    assert all((value < 100).all(2).sum() > 200 for value in written)
    assert not np.array_equal(written[1], written[2])


LINE = b"<</Type/Annot/Subtype/%s/Rect[50 100 150 200]/F %d/C[1 0 0]%s>>"


def drawn(kind: bytes, entries: bytes, flags: int = 4, others: tuple[bytes, ...] = ()) -> np.ndarray:
    return box(pdf(font=[HELVETICA], annotations=[LINE % (kind, flags, entries)], others=others), 50, 100, 150, 200)


def red(pixels: np.ndarray) -> np.ndarray:
    return (pixels[:, :, 0] > 200) & (pixels[:, :, 1:] < 100).all(2)


def test_a_line_without_a_drawing():
    found = red(drawn(b"Line", b"/L[50 100 150 200]/Border[0 0 4]"))
    height, width = found.shape
    assert found[height // 2, width // 2]
    assert found[height * 9 // 10, width // 10]
    assert not found[height // 10, width // 10]
    assert found[height // 2].sum() == pytest.approx(4 * 2**0.5 * SCALE, abs=3)


def test_a_line_whose_width_pdfium_does_not_give_has_one_point():
    found = red(drawn(b"Line", b"/L[50 150 150 150]/BS<</W 4>>"))
    assert found[:, found.shape[1] // 2].sum() == pytest.approx(SCALE, abs=2)


def test_a_polygon_is_closed_and_filled_and_a_line_of_pieces_is_neither():
    corners = b"/Vertices[60 110 140 110 100 190]"
    polygon = drawn(b"Polygon", corners + b"/IC[0 0 1]/Border[0 0 2]")
    assert polygon[polygon.shape[0] // 2, polygon.shape[1] // 2].tolist() == [0, 0, 255]
    outline = red(drawn(b"Polygon", corners + b"/Border[0 0 2]"))
    pieces = red(drawn(b"PolyLine", corners + b"/Border[0 0 2]"))
    left_side = slice(None), slice(0, outline.shape[1] * 45 // 100)
    assert outline[left_side].sum() > 1.5 * pieces[left_side].sum() > 0


def test_a_line_is_as_transparent_as_it_says():
    found = drawn(b"Line", b"/L[50 150 150 150]/Border[0 0 20]/CA .5")
    assert found[found.shape[0] // 2, found.shape[1] // 2].tolist() == pytest.approx([255, 127, 127], abs=2)


@pytest.mark.parametrize("flags", [2, 32])
def test_a_hidden_line_is_hidden(flags):
    assert (drawn(b"Line", b"/L[50 100 150 200]", flags) == 255).all()


def test_a_line_with_a_drawing_is_drawn_once():
    green = stream(b"0 1 0 rg 0 0 10 10 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 10 10]")
    found = drawn(b"Line", b"/L[50 100 150 200]/AP<</N 6 0 R>>", others=(green,))
    assert not red(found).any()
    assert (found == [0, 255, 0]).all(2).any()


@pytest.mark.parametrize("entries", [b"", b"/L[1]", b"/L 7", b"/Vertices[1 2 3]", b"/Vertices 7"])
@pytest.mark.parametrize("kind", [b"Line", b"Polygon", b"PolyLine"])
def test_a_line_without_its_points_leaves_the_page_as_it_is(kind, entries):
    assert (drawn(kind, entries) == 255).all()
