"""Documents with a portrait: driver's licence, national identity card, passport; scanned, copied or photographed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from munseo._synth import marks
from munseo._synth.canvas import Canvas
from munseo._synth.people import Person, day, format_date, person
from munseo._synth.photo import laid, surface
from munseo._synth.random_draws import RGB, Rng, between, chance, digits, mix, near, pick, whole
from munseo._synth.vocabulary import colour, word, words

INK: RGB = (38, 38, 46)


def driver_license(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a driver's licence: the portrait on the left, the number of the licence above the name."""
    card, holder = _card(rng, longest_px), person(rng)
    kind = pick(rng, ("1종보통", "2종보통", "1종대형", "2종소형", "2종보통\n(자동)"))
    _title(rng, card, "자동차운전면허증", "(Driver's License)", left=between(rng, 20, 40))
    marks.portrait(rng, card, 34, 150, 210, 270, holder.female)
    card.box(34, 440, 150, 500, None, INK, 1.5)
    card.text_in((38, 442, 146, 498), kind, 26, (170, 30, 50), "bold", "middle")
    issued = day(rng, 2008, 2023)
    x, style = between(rng, 275, 300), whole(rng, 0, 2)
    # Region code 00 is never assigned.
    number = f"00-{issued:%y}-{digits(rng, 6)}-{digits(rng, 2)}"
    card.text(x, 170, number, between(rng, 38, 44), (30, 60, 130), "bold")
    card.text(x, 224, holder.name, 36, INK, "bold")
    card.text(x, 270, holder.id_number, 30, INK)
    card.text_in((x, 292, 838, 358), holder.address, 23, INK, "regular", "left")
    until = issued + timedelta(days=3650)
    term = f"{format_date(issued, style)} ~ {format_date(until, style)}"
    for row, line in enumerate(("적성검사 기간", term, f"조건 : {pick(rng, ('A', '없음', 'B'))}")):
        card.text(x, 378 + row * 32, line, 22, (160, 40, 50) if row < 2 else INK, fit=500)
    _issuer(rng, card, x, format_date(issued, 1), word(rng, "plate_regions") + "지방경찰청장")
    if chance(rng, 0.5):
        marks.portrait(rng, card, 744, 352, 84, 108, holder.female)
    return _photographed(rng, card, longest_px)


def national_id_card(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a resident registration card: title, name, number and address on the left, the portrait on the right."""
    card, holder = _card(rng, longest_px), person(rng)
    _title(rng, card, "주민등록증", "", left=between(rng, 60, 150), spaced=True)
    x = between(rng, 44, 70)
    hanja = "".join(pick(rng, ("見", "本", "金", "李", "朴", "美", "民", "水")) for _ in range(3))
    card.text(x, 185, f"{holder.name}({hanja})", between(rng, 38, 44), INK, "bold")
    card.text(x, 248, holder.id_number, between(rng, 36, 42), INK, "bold")
    card.text_in((x, 286, 560, 400), holder.address.replace(", ", "\n"), 27, INK, "regular", "left", top=True)
    marks.portrait(rng, card, between(rng, 585, 600), between(rng, 110, 150), 220, 285, holder.female)
    issued = day(rng, 2000, 2023)
    card.text(x + 110, 432, format_date(issued, 2), 27, INK)
    office = f"{word(rng, 'cities').split()[0]} {word(rng, 'districts')}청장"
    _issuer(rng, card, x + 30, "", office)
    return _photographed(rng, card, longest_px)


def passport(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw the data page of a passport with its machine-readable lines; sometimes the page above it is open, too."""
    both = chance(rng, 0.45)
    height, top = (1210.0, 610.0) if both else (610.0, 0.0)
    page = Canvas(880, height, longest_px * 1.1 / max(880, height), near(rng, colour(rng, "plastics"), 5))
    _waves(rng, page, 0, height)
    holder = person(rng)
    if both:
        _upper_page(rng, page)
    _data_page(rng, page, holder, top)
    _machine_lines(rng, page, holder, top + 505)
    return _photographed(rng, page, longest_px, round_units=14)


def _data_page(rng: Rng, page: Canvas, holder: Person, top: float) -> None:
    page.text(40, top + 42, "대한민국", 26, INK, "bold")
    page.text(170, top + 42, "REPUBLIC OF KOREA", 20, INK)
    page.text(470, top + 42, pick(rng, ("여권 PASSPORT", "여권  PASSPORT (견본)")), 24, (150, 40, 60), "bold", fit=380)
    marks.portrait(rng, page, 40, top + 110, 220, 290, holder.female)
    issued = day(rng, 2014, 2023)
    until = issued + timedelta(days=3650)
    rows = (
        (("종류/Type", "PM"), ("발행국/Country", "KOR"), ("여권번호/Passport No.", f"M000{digits(rng, 5)}")),
        (("성/Surname", holder.roman_surname),),
        (("이름/Given names", holder.roman_given),),
        (("국적/Nationality", "REPUBLIC OF KOREA"), ("한글성명/Name", holder.name)),
        (("생년월일/Date of birth", f"{holder.birth:%d %m %Y}"), ("성별/Sex", "F" if holder.female else "M")),
        (("발급일/Date of issue", f"{issued:%d %m %Y}"), ("기간만료일/Date of expiry", f"{until:%d %m %Y}")),
        (("발행관청/Authority", "MINISTRY OF SPECIMENS"),),
    )
    label = mix(INK, (60, 90, 150), between(rng, 0.3, 0.9))
    for number, row in enumerate(rows):
        for column, (name, text) in enumerate(row):
            x, y = 290 + column * 560 / len(row), top + 92 + number * 57
            page.text(x, y, name, 13, label, fit=540 / len(row))
            page.text(x, y + 23, text, 23, INK, "bold", fit=540 / len(row))


def _machine_lines(rng: Rng, page: Canvas, holder: Person, y: float) -> None:
    first = f"PMKOR{holder.roman_surname}<<{holder.roman_given}".ljust(44, "<")
    sex = "F" if holder.female else "M"
    second = f"M000{digits(rng, 5)}0KOR{holder.birth:%y%m%d}0{sex}{digits(rng, 6)}0".ljust(43, "<") + "0"
    page.box(0, y - 18, page.width, y + 105, fill=mix((255, 255, 255), (225, 228, 232), between(rng, 0, 1)))
    for number, line in enumerate((first, second)):
        # Letter by letter, because the letters of machine-readable lines have equal width.
        for place, letter in enumerate(line[:44]):
            page.text(40 + (place + 0.5) * 800 / 44, y + 20 + number * 42, letter, 25, INK, "regular", "mm")


def _upper_page(rng: Rng, page: Canvas) -> None:
    for number, line in enumerate(words("passport_lines")):
        page.text(440, 210 + number * 44, line, 22, INK, "regular", "mm", fit=800)
    page.text(440, 420, f"M000{digits(rng, 5)}", 34, mix(INK, (255, 255, 255), 0.4), "light", "mm")
    page.line([(0, 607), (880, 607)], mix(INK, (255, 255, 255), between(rng, 0.2, 0.6)), 5)


def _card(rng: Rng, longest_px: int) -> Canvas:
    """Return an empty card with the fine waves that make copying hard."""
    card = Canvas(860, 540, longest_px * 1.1 / 860, near(rng, colour(rng, "plastics"), 5))
    _waves(rng, card, 0, 540)
    return card


def _waves(rng: Rng, canvas: Canvas, top: float, bottom: float) -> None:
    tint = mix((255, 255, 255), near(rng, colour(rng, "waves"), 20), 0.3)
    xs = np.linspace(0, canvas.width, 40)
    phase, length, height = between(rng, 0, 6), between(rng, 60, 190), between(rng, 6, 26)
    for y in np.arange(top, bottom, between(rng, 14, 26)):
        wave = y + height * np.sin(xs / length + phase + y / 90)
        canvas.line(list(zip(xs.tolist(), wave.tolist(), strict=True)), tint, 1.2)


def _title(rng: Rng, card: Canvas, text: str, small: str, left: float, spaced: bool = False) -> None:
    band = chance(rng, 0.4)
    ink = near(rng, pick(rng, ((30, 60, 120), (40, 40, 48), (120, 40, 60), (30, 100, 90))), 12)
    if band:
        card.box(0, 0, card.width, 106, fill=ink)
        ink = (245, 245, 245)
    title = "  ".join(text) if spaced and chance(rng, 0.6) else text
    size = between(rng, 50, 60)
    card.text(left, 60, title, size, ink, "black", fit=620)
    if small:
        length = min(620.0, card.length(title, size, "black"))
        card.text(left + length + 14, 68, small, 25, ink, fit=card.width - left - length - 30)


def _issuer(rng: Rng, card: Canvas, x: float, moment: str, office: str) -> None:
    size = between(rng, 30, 36)
    card.text(x, 500, f"{moment}  {office}".strip(), size, INK, "bold", fit=420)
    length = min(420.0, card.length(f"{moment}  {office}".strip(), size, "bold"))
    marks.seal(rng, card, x + length + 26, 488, 66, office[-5:] + "인", near(rng, (200, 40, 40), 20), False)


def _photographed(rng: Rng, card: Canvas, longest_px: int, round_units: float = 26) -> np.ndarray:
    """Return the card as it is seen: on a scan, on a desk, or copied onto a sheet of A4."""
    marks.specimen(rng, card, margins=False)
    copied = chance(rng, 0.2)
    share = between(rng, 0.6, 0.85) if copied else between(rng, 0.78, 1.0)
    short_px = round(longest_px / (1.41 if copied else between(rng, 1.2, 1.7)))
    upright = copied or card.height > card.width
    ground = surface(rng, *((short_px, longest_px) if upright else (longest_px, short_px)))
    return laid(rng, card.pixels(), ground, share, round_units * card.px_per_unit, tilt_deg=4)
