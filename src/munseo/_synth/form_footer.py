"""The end of a form: the sentence that certifies it, the date, the issuer, the seal."""

from __future__ import annotations

from datetime import date

from munseo._synth import marks
from munseo._synth.form import Form, fields
from munseo._synth.people import Hospital, format_date
from munseo._synth.random_draws import Rng, between, chance, pick, whole

CLOSING_HEIGHT = 205.0
"""Space that a form must keep free for its end, in units."""


def close(form: Form, sentence: str, issued: date, issuer: Hospital, signer: str = "의사") -> None:
    """End a form, in one of four ways that all kinds share, by a sentence that certifies it, its date and its issuer.

    The cursor must be at least ``CLOSING_HEIGHT`` above the lower margin; ``signer`` is the title of who signs.
    """
    write_end = pick(form.rng, (_in_lines, _in_table, _name_large, _at_right))
    slack = form.bottom - form.y - CLOSING_HEIGHT
    form.y += max(0.0, slack) * between(form.rng, 0.1, 0.9)
    write_end(form, sentence, format_date(issued, whole(form.rng, 0, 3)), issuer, signer)


def _in_lines(form: Form, sentence: str, day: str, issuer: Hospital, signer: str) -> None:
    middle, size = form.middle, form.style.text
    form.write(middle, form.y + 16, sentence, scale=1.1)
    form.write(middle, form.y + 46, day, scale=1.05)
    lines = [
        f"의료기관 명칭 : {issuer.name}",
        f"주      소 : {issuer.address}",
        f"전 화 번 호 : {issuer.phone}",
        f"{signer} 성명 : {issuer.doctor}   (인)",
    ]
    if chance(form.rng, 0.5):
        lines.insert(3, f"면 허 번 호 : {issuer.licence}")
    x = form.left + form.width * between(form.rng, 0.02, 0.3)
    for number, line in enumerate(lines):
        form.write(x, form.y + 78 + number * 24, line, "lm", fit=form.right - x)
    end = x + form.canvas.length(lines[-1], size, form.style.body)
    _sign(form, min(end - 8, form.right - 40), form.y + 78 + (len(lines) - 1) * 24, issuer)
    form.y += CLOSING_HEIGHT


def _in_table(form: Form, sentence: str, day: str, issuer: Hospital, signer: str) -> None:
    form.write(form.middle, form.y + 14, sentence, scale=1.05)
    form.y += 34
    rows = [
        fields(("발행일", day), ("전화번호", issuer.phone)),
        fields(("기관 명칭", issuer.name), ("기관 기호", issuer.code)),
        fields(("주소", issuer.address)),
        fields((f"{signer} 성명", f"{issuer.doctor}      (서명 또는 인)"), ("면허번호", issuer.licence)),
    ]
    form.table(rows, reserve=max(0.0, form.bottom - form.y - 165))
    _sign(form, form.left + form.width * 0.41, form.y - 26, issuer)


def _name_large(form: Form, sentence: str, day: str, issuer: Hospital, signer: str) -> None:
    middle = form.middle
    form.write(middle, form.y + 14, sentence, scale=1.1)
    form.write(middle, form.y + 44, day, scale=1.1)
    form.write(middle, form.y + 74, f"{signer} : {issuer.doctor}    면허 {issuer.licence}")
    name = f"{issuer.name}장" if chance(form.rng, 0.6) else issuer.name
    large = form.canvas.fitting(name, between(form.rng, 24, 32), "bold", form.width * 0.7)
    form.canvas.text(middle, form.y + 120, name, large, form.style.ink, "bold", "mm")
    _sign(form, middle + form.canvas.length(name, large, "bold") / 2 + 12, form.y + 120, issuer)
    form.write(middle, form.y + 164, f"{issuer.address}  TEL {issuer.phone}", scale=0.85)
    form.y += CLOSING_HEIGHT


def _at_right(form: Form, sentence: str, day: str, issuer: Hospital, signer: str) -> None:
    size, x = form.style.text, form.right - 30
    form.write(form.left, form.y + 14, f"※ {sentence}", "lm", scale=1.05)
    form.write(x, form.y + 52, day, "rm", scale=1.05)
    form.write(x, form.y + 84, issuer.name, "rm", scale=1.35)
    signed = f"{signer}  {issuer.doctor}  (인)"
    form.write(x, form.y + 112, signed, "rm")
    form.write(x, form.y + 138, f"{issuer.address} / {issuer.phone}", "rm", scale=0.85, fit=form.width * 0.8)
    if chance(form.rng, 0.5):
        start = x - form.canvas.length(signed, size, form.style.body) - 80
        marks.signature(form.rng, form.canvas, start, form.y + 112, 64)
    _sign(form, x - 6, form.y + 98, issuer)
    form.y += CLOSING_HEIGHT


def _sign(form: Form, x: float, y: float, issuer: Hospital) -> None:
    """Stamp the issuer's seal near (x, y); a stamp never quite hits its place."""
    if chance(form.rng, 0.08):
        return
    size = between(form.rng, 42, 78)
    square = chance(form.rng, 0.55)
    dx, dy = form.rng.normal(0, 9), form.rng.normal(0, 5)
    place = min(x + dx, form.canvas.width - size / 2), min(y + dy, form.canvas.height - size / 2)
    issuer_seal(form, issuer, *place, size, square=square)


def issuer_seal(form: Form, issuer: Hospital, x: float, y: float, size: float, *, square: bool) -> None:
    """Stamp the square seal of an institution, or the round one of its doctor."""
    form.seal(x, y, size, issuer.name[:6] + "의인" if square else issuer.doctor + "인", is_round=not square)


def serial(rng: Rng) -> str:
    """Return the serial number of a document."""
    return f"{whole(rng, 2017, 2024)}-{whole(rng, 1, 99999):05}"
