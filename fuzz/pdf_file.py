"""PDFs for tests, written object by object: no library that the tests may use writes what these need."""

from __future__ import annotations

from collections.abc import Sequence

HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return an object that is a stream."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def written(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Return a file of these objects, numbered from 1; the first of them is the catalogue."""
    data, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end


def pdf(
    content: bytes = b"",
    font: Sequence[bytes] = (HELVETICA,),
    annotations: Sequence[bytes] = (),
    catalogue: bytes = b"",
    others: Sequence[bytes] = (),
    num_pages: int = 1,
) -> bytes:
    """Return a PDF whose pages of 200 × 300 points all show the same.

    The objects 1 to 3 are the catalogue, the pages and their content. The objects of ``font`` follow from 4 on, the
    first of which is ``/F`` on the page; then those of ``annotations``, which are on the page, and ``others``.
    """
    first = 4 + len(font)
    notes = b" ".join(b"%d 0 R" % (first + number) for number in range(len(annotations)))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>/Annots[%s]>>"
    before = first + len(annotations) + len(others)
    kids = b" ".join(b"%d 0 R" % (before + number) for number in range(num_pages))
    return written(
        [
            b"<</Type/Catalog/Pages 2 0 R%s>>" % catalogue,
            b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, num_pages),
            stream(content),
            *font,
            *annotations,
            *others,
            *[page % notes] * num_pages,
        ]
    )


def text(shown: bytes, size: int = 24) -> bytes:
    """Return the content of a page with one line at its middle; ``shown`` is a string of PDF, with its brackets."""
    return b"BT /F %d Tf 20 150 Td %s Tj ET" % (size, shown)


def font_of_two_bytes(name: bytes, encoding: bytes, ordering: bytes, unicode: bytes = b"") -> list[bytes]:
    """Return a font that is not in the file, for ``pdf``; ``unicode`` are the lines of a map from codes to letters."""
    start = b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/%s/DescendantFonts[5 0 R]/ToUnicode 7 0 R>>"
    system = b"/CIDSystemInfo<</Registry(Adobe)/Ordering(%s)/Supplement 0>>" % ordering
    letters = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n%s\nendcmap end end" % unicode
    )
    return [
        (start if unicode else start.replace(b"/ToUnicode 7 0 R", b"")) % (name, encoding),
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%s%s/DW 1000/FontDescriptor 6 0 R>>" % (name, system),
        descriptor(name, 4),
        stream(letters),
    ]


def descriptor(name: bytes, flags: int = 32) -> bytes:
    """Return what a PDF says of a font that it does not hold."""
    return (
        b"<</Type/FontDescriptor/FontName/%s/Flags %d/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 700/StemV 80"
        b"/FontBBox[0 -200 1000 900]>>" % (name, flags)
    )
