"""Bank accounts: a photographed bank book, or the bank's copy of its first page."""

from __future__ import annotations

import numpy as np

from munseo._synth import marks
from munseo._synth.canvas import Canvas
from munseo._synth.form import Form, fields
from munseo._synth.people import account_number, day, format_date, person
from munseo._synth.photo import laid, surface
from munseo._synth.random_draws import Rng, between, chance, digits, mix, near, pick, whole
from munseo._synth.vocabulary import colour, word, words


def account(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw an account number: the first page of a bank book, or the bank's copy of it as a form."""
    return _bank_book(rng, longest_px) if chance(rng, 0.65) else _bank_copy(rng, longest_px)


def _bank_book(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw the open book: account, holder and seal on the upper page, the machine's entries on the lower page."""
    height = pick(rng, (620.0, 1180.0))
    tint = near(rng, colour(rng, "bank_books"), 6)
    book = Canvas(880, height, longest_px * 1.1 / max(880.0, height), tint)
    accent = near(rng, pick(rng, ((30, 90, 160), (20, 120, 90), (170, 60, 50), (90, 70, 140), (200, 130, 30))), 15)
    bank, holder, style = word(rng, "banks"), person(rng), whole(rng, 0, 2)
    band = chance(rng, 0.6)
    if band:
        book.box(0, 0, 880, 92, fill=accent)
    book.text(50, 48, bank, 40, (250, 250, 250) if band else accent, "black")
    product = pick(rng, ("저축예금", "보통예금", "자유입출금통장", "급여통장", "주택청약저축"))
    book.text(830, 50, product, 28, (240, 240, 240) if band else mix(accent, (0, 0, 0), 0.5), "bold", "rm", fit=330)
    ink, x, y = (35, 35, 42), between(rng, 60, 110), between(rng, 150, 190)
    book.text(x, y, "계좌번호", 25, accent)
    book.text(x + 150, y, account_number(rng), between(rng, 38, 46), ink, "bold", fit=560)
    book.text(x, y + 78, pick(rng, ("예금주", "예 금 주", "성   명")), 25, accent)
    book.text(x + 150, y + 78, f"{holder.name} 님", 36, ink, "bold")
    opened = day(rng, 2005, 2023)
    branch = f"{word(rng, 'districts')[:-1]}지점 (TEL 0000-{digits(rng, 4)})"
    for number, (name, text) in enumerate((("개설일", format_date(opened, style)), ("개설점", branch))):
        book.text(x, y + 140 + number * 46, name, 22, accent)
        book.text(x + 150, y + 140 + number * 46, text, 23, ink, fit=420)
    small = "이 통장은 견본이며 예금자보호법의 보호를 받지 않습니다.\n통장과 카드는 다른 사람에게 맡기지 마십시오."
    book.text_in((x, y + 250, 840, y + 320), small, 18, mix(ink, tint, 0.25))
    place = between(rng, 690, 780), y + between(rng, 150, 190)
    marks.seal(rng, book, *place, between(rng, 90, 120), bank[:4] + "장인", (200, 45, 45), False)
    if chance(rng, 0.5):
        marks.seal(rng, book, between(rng, 560, 620), y + 165, 66, holder.name, (190, 50, 60), True)
    book.text(50, 590, f"통장번호 {digits(rng, 3)}-{digits(rng, 6)}", 20, ink)
    if height > 1000:
        _lower_page(rng, book, accent)
    elif chance(rng, 0.5):
        marks.barcode(rng, book, 600, 560, 220, 30, ink)
    marks.specimen(rng, book, margins=False)
    shorter = round(longest_px / between(rng, 1.25, 1.5))
    ground = surface(rng, *((shorter, longest_px) if height > 1000 else (longest_px, shorter)))
    return laid(rng, book.pixels(), ground, between(rng, 0.8, 1.0), 16 * book.px_per_unit, tilt_deg=4)


def _lower_page(rng: Rng, book: Canvas, accent: tuple[int, int, int]) -> None:
    book.line([(0, 622), (880, 622)], mix(accent, (255, 255, 255), 0.5), 4)
    if chance(rng, 0.5):
        book.box(0, 1010, 880, 1085, fill=(52, 42, 40))  # magnetic strip
        book.text(440, 760, "Magnetic Stripe · 구기거나 접지 마십시오", 24, accent, "regular", "mm", fit=800)
        return
    book.box(40, 660, 840, 710, fill=mix((255, 255, 255), accent, 0.25))
    columns = (("년월일", 110), ("적요", 260), ("찾으신 금액", 420), ("맡기신 금액", 580), ("남은 금액", 750))
    for name, x in columns:
        book.text(x, 685, name, 20, (40, 40, 46), "bold", "mm")
    balance = whole(rng, 10_000, 900_000)
    for number in range(whole(rng, 3, 10)):
        y, amount, into = 735 + number * 40, whole(rng, 1_000, 90_000), chance(rng, 0.5)
        balance += amount if into else -amount // 2
        moment = f"{whole(rng, 17, 23)}-{whole(rng, 1, 12):02}-{whole(rng, 1, 28):02}"
        purpose = pick(rng, ("이체", "급여", "카드", "이자"))
        sums = ("", f"{amount:,}") if into else (f"{amount // 2:,}", "")
        for (_, x), text in zip(columns, (moment, purpose, *sums, f"{balance:,}"), strict=True):
            book.text(x, y, text, 20, (40, 40, 46), "regular", "mm")
        book.line([(40, y + 20), (840, y + 20)], mix((255, 255, 255), accent, 0.3), 1)


def _bank_copy(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw the bank's certified copy, which is a form like any other."""
    form, holder, bank = Form(rng, longest_px, landscape=0.2), person(rng), word(rng, "banks")
    form.heading(words("bank_copy_titles"), notes=pick(rng, ((), (bank, "인터넷뱅킹 발급"))))
    opened, style = day(rng, 2008, 2023), whole(rng, 0, 3)
    rows = [
        fields(("은행명", bank), ("예금 종류", pick(rng, ("저축예금", "보통예금", "자유입출금"))), height=1.3),
        fields(("계좌번호", account_number(rng)), height=1.5),
        fields(("예금주", holder.name), ("생년월일", format_date(holder.birth, style)), height=1.3),
        fields(("개설일", format_date(opened, style)), ("관리점", f"{word(rng, 'districts')[:-1]}지점"), height=1.3),
    ]
    if chance(rng, 0.5):
        rows.append(fields(("용도", word(rng, "uses")), ("통화", "KRW (원)")))
    form.table(rows, reserve=200)
    form.paragraph("위 계좌는 당행에 개설되어 있음을 확인합니다. 이 사본은 견본이며 법적 효력이 없습니다.", 46)
    y, name = form.y + between(rng, 50, 90), f"{bank}장"
    form.write(form.middle, y, format_date(day(rng), 0), scale=1.1, weight="regular")
    form.canvas.text(form.middle, y + 44, name, 28, form.style.ink, "bold", "mm")
    form.seal(form.middle + 90, y + 40, between(rng, 56, 80), bank[:4] + "장인", is_round=False)
    return form.finish()
