"""Coverage-guided fuzzing of PDFs: ``python fuzz/pdf_pages.py -max_total_time=300``.

Flags are those of libFuzzer. The coverage of Munseo's code guides the fuzzer; PDFium runs too, and a crash there is
found. Inputs are changed as PDF, values by others and objects by others: changed bytes alone would seldom reach what
stands in them.
"""

from __future__ import annotations

import random
import re

import atheris

with atheris.instrument_imports(include=["munseo._data"]):
    from harness import fuzz
    from opened_image import image_decoder
    from pdf_file import HELVETICA, font_of_two_bytes, pdf, stream, text

    from munseo._data import pdf_pages as drawing

LONGEST_SIDE_PX = 80
"""The size of a page while fuzzing: at the real size a page takes ten times as long."""

VALUES = (
    *(b"0", b"-1", b"1", b"7", b"255", b"65536", b"2147483648", b"-1e38", b"1e38", b".0001", b"true", b"null"),
    *(b"()", b"(\\300)", b"<>", b"<0003>", b"<FEFF AC00>", b"[]", b"[0 0 0 0]", b"[1 0 0]", b"<<>>"),
    *(b"1 0 R", b"3 0 R", b"4 0 R", b"5 0 R", b"9 0 R", b"/Off", b"/Helvetica", b"/Widget", b"/Line", b"/Polygon"),
    *(b"/Ink", b"/Popup", b"/Catalog", b"/XRef", b"/Identity-H"),
)
"""What is put in the place of numbers, names, texts, arrays and references."""

_VALUE = re.compile(rb"\d+ 0 R|/[A-Za-z0-9-]+|-?\d+\.?\d*|\([^()]*\)|<[0-9A-F ]*>|\[[^\[\]]*\]")
_OBJECT = re.compile(rb"\d+ 0 obj.*?endobj\n?", re.DOTALL)


def seeds() -> dict[str, bytes]:
    """Return a tiny file for each way that a page can take."""
    words, drawing = text(b"(Form)"), stream(b"1 0 0 rg 0 0 9 9 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(b)/Rect[50 200 150 240]/F 4/AP<</N 6 0 R>>>>"
    points = b"/L[50 100 150 200]/Vertices[1 2 3 4 5 6]"
    line = b"<</Type/Annot/Subtype/%s/Rect[50 100 150 200]/F 4/C[1 0 0]/IC[0 1 0]" + points + b">>"
    files = b"/Collection<</View/T>>/Names<</EmbeddedFiles<</Names[(a) 5 0 R]>>>>"
    korean = font_of_two_bytes(b"Batang", b"UniKS-UCS2-H", b"Korea1")
    mapped = font_of_two_bytes(b"HYGothic", b"Identity-H", b"Identity", b"1 beginbfchar <0003> <AC00> endbfchar")
    return {
        "words": pdf(words),
        "korean": pdf(text(b"<AC00B098>"), korean),
        "mapped": pdf(text(b"<00030003>"), mapped),
        "undrawn": pdf(b"1 g " + words),
        "field": pdf(words, annotations=[field], others=[drawing]),
        "form": pdf(words, annotations=[field], others=[drawing], catalogue=b"/AcroForm<</Fields[5 0 R]>>"),
        "dynamic": pdf(words, catalogue=b"/AcroForm<</Fields[]/XFA[(template) 3 0 R]>>/NeedsRendering true"),
        "portfolio": pdf(words, catalogue=files, others=[b"<</Type/Filespec/F(a)/EF<</F 6 0 R>>>>", drawing]),
        "lines": pdf(words, [HELVETICA], [line % kind for kind in (b"Line", b"Polygon", b"PolyLine")]),
        "pages": pdf(words, num_pages=3),
        "no-mark": pdf(words)[:-20],
        "half-a-table": pdf(words)[:-150],
        "half": pdf(words)[:400],
    }


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a value, or leave out, repeat or exchange an object; sometimes let libFuzzer change the bytes."""
    chance = random.Random(seed)
    kind = chance.random()
    values, objects = list(_VALUE.finditer(data)), list(_OBJECT.finditer(data))
    if kind < 0.55 and values:
        for found in sorted(
            chance.sample(values, min(len(values), chance.randint(1, 3))), key=lambda found: -found.start()
        ):
            data = data[: found.start()] + chance.choice(VALUES) + data[found.end() :]
    elif kind < 0.75 and len(objects) > 1:
        one, other = chance.sample(objects, 2)
        data = data[: one.start()] + chance.choice((b"", other[0], one[0] * 2)) + data[one.end() :]
    else:
        return atheris.Mutate(data, max_size)
    return data[:max_size]


if __name__ == "__main__":
    drawing.LONGEST_SIDE_PX = LONGEST_SIDE_PX
    fuzz("pdf_pages", image_decoder, seeds(), mutate)
