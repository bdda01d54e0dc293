"""Medical bills: the receipt of a hospital, the confirmation of payments, the receipt of a pharmacy."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from munseo._synth.form import Cell, Form, FormRow, fields, grid, head
from munseo._synth.form_footer import CLOSING_HEIGHT, close, issuer_seal, serial
from munseo._synth.medical_letters import ending_rows, numbers, patient_rows
from munseo._synth.people import Hospital, day, drug, format_date, hospital, person, pharmacy, won
from munseo._synth.random_draws import Rng, between, chance, digits, pick, some, whole
from munseo._synth.vocabulary import word, words


def bill(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a receipt for medical treatment: a long table of items next to the sums."""
    form, patient, issuer = Form(rng, longest_px), person(rng), hospital(rng)
    form.heading(("진료비 계산서·영수증", "진료비 계산서 · 영수증", "진료비 영수증"), word(rng, "care_kinds"))
    seen, style = day(rng), whole(rng, 1, 2)
    shares = (0.2, 0.2, 0.36, 0.24)
    span = f"{format_date(seen, style)} ~ {format_date(seen + timedelta(days=whole(rng, 0, 9)), style)}"
    columns = grid(("환자등록번호", "환자 성명", "진료기간", "진료과목"), shares, is_head=True)
    form.table([columns, grid((digits(rng, 8), patient.name, span, issuer.department), shares)])
    top, reserve, height, split = form.y - 4, 190.0, whole(rng, 14, 19), between(rng, 0.6, 0.68)
    items, total, borne = _items(rng, height - 3)
    form.y = top
    form.table(items, reserve, across=(0.0, split))
    form.y = top
    form.table(_sums(rng, height, total, borne), reserve, across=(split, 1.0))
    _issuer(form, issuer, "[ ]의원급  [√]병원급  [ ]종합병원", format_date(seen, 0))
    return form.finish()


def _items(rng: Rng, count: int) -> tuple[list[FormRow], int, int]:
    """Return the table of items (its height is ``count`` + 3), the total, and the patient's part of it."""
    shares = (0.28, 0.19, 0.19, 0.16, 0.18)
    titles = ("항  목", "급여\n본인부담금", "급여\n공단부담금", "전액\n본인부담", "비급여")
    rows = [FormRow(grid(titles, shares, is_head=True).cells, 2.0)]
    sums = [0, 0, 0, 0]
    for name in words("bill_items")[:count]:
        used = chance(rng, 0.45)
        own = won(rng, 800, 30_000) if used else 0
        extra = [own, own * 2, 0, won(rng, 5_000, 90_000) if used and chance(rng, 0.3) else 0]
        sums = [a + b for a, b in zip(sums, extra, strict=True)]
        rows.append(_money_row(name, extra, shares))
    rows.append(_money_row("합  계", sums, shares))
    return rows, sum(sums), sums[0] + sums[2] + sums[3]


def _money_row(name: str, amounts: list[int], shares: tuple[float, ...]) -> FormRow:
    money = (Cell(f"{a:,}" if a else "", s, align="right") for a, s in zip(amounts, shares[1:], strict=True))
    return FormRow((Cell(name, shares[0], head=True, align="middle"), *money))


def _sums(rng: Rng, height: int, total: int, borne: int) -> list[FormRow]:
    """Return the table of sums next to the items; it is as high as the table of items."""
    paid_by = pick(rng, (("카드", "현금영수증", "현금"), ("현금", "카드", "현금영수증"), ("카드", "현금")))
    amounts = [("진료비 총액", total), ("공단부담 총액", total - borne), ("환자부담 총액", borne)]
    amounts += [("이미 납부한 금액", 0), ("납부할 금액", borne)]
    amounts += [(name, borne if n == 0 else 0) for n, name in enumerate(paid_by)]
    amounts.append(("납부한 금액 합계", borne))
    each = (height - 2.6) / (len(amounts) + 1)
    rows = [FormRow((head("금액산정 내용", 1.0),), 1.2)]
    rows += [FormRow((head(name, 0.5), Cell(f"{amount:,} 원", 0.5, align="right")), each) for name, amount in amounts]
    rows.append(FormRow((head("현금영수증 승인번호", 0.5), Cell(digits(rng, 9), 0.5, align="middle")), each))
    rows.append(FormRow((head(f"일련번호  {serial(rng)}", 1.0),), 1.4))
    return rows


def _issuer(form: Form, issuer: Hospital, sorts: str, moment: str) -> None:
    """Draw the issuer's table, seal and small print at the foot of a receipt."""
    rng = form.rng
    rows = [
        fields(("요양기관 종류", sorts), ("사업자등록번호", f"000-00-{digits(rng, 5)}")),
        fields(("상호", issuer.name), ("전화번호", issuer.phone)),
        fields(("사업장 소재지", issuer.address), ("대표자", f"{issuer.doctor}   (인)")),
    ]
    form.table(rows, reserve=80)
    seal_y = form.y - 34
    form.write(form.middle, form.y + 10, moment, scale=1.1, weight="regular")
    form.y += 26
    form.paragraph("\n".join(words("receipt_notes")), min(62.0, form.bottom - form.y), scale=0.72)
    square = chance(rng, 0.6)
    place = form.left + form.width * between(rng, 0.8, 0.93), seal_y + between(rng, -8, 14)
    issuer_seal(form, issuer, *place, between(rng, 44, 72), square=square)


def payments(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a confirmation of payments: a table of days and sums."""
    form, patient, issuer = Form(rng, longest_px), person(rng), hospital(rng)
    form.heading(words("payment_titles"), notes=numbers(rng))
    rows, style = patient_rows(rng, patient), whole(rng, 1, 2)
    wide = chance(rng, 0.5)
    titles, shares = ["진료일자", "진료과", "총 진료비", "납입금액"], [0.28, 0.22, 0.25, 0.25]
    if wide:
        titles = ["진료일자", "구분", "진료비 총액", "공단부담금", "본인부담금", "납입금액"]
        shares = [0.2, 0.12, 0.17, 0.17, 0.17, 0.17]
    rows.append(grid(titles, shares, is_head=True))
    moment, total = day(rng), 0
    for _ in range(whole(rng, 3, 10)):
        all_of_it = won(rng, 12_000, 380_000)
        own = all_of_it * 3 // 100 * 10
        total += own
        sums = (all_of_it, all_of_it - own, own, own) if wide else (all_of_it, own)
        texts = (format_date(moment, style), "외래" if wide else issuer.department, *(f"{amount:,}" for amount in sums))
        rows.append(grid(texts, shares))
        moment += timedelta(days=whole(rng, 1, 30))
    rows.append(fields(("합  계", f"금 {total:,} 원 정"), height=1.2))
    rows += ending_rows(rng, issuer, remark=chance(rng, 0.4))
    form.table(rows, CLOSING_HEIGHT)
    close(form, "위와 같이 진료비를 납입하였음을 확인합니다.", moment, issuer, pick(rng, ("담당자", "대표자", "원장")))
    return form.finish()


def pharmacy_receipt(rng: Rng, longest_px: int) -> np.ndarray:
    """A pharmacy's receipt: the sums, and on most what was handed out."""
    form, patient, issuer = Form(rng, longest_px, landscape=0.1), person(rng), pharmacy(rng)
    form.heading(("약제비 계산서·영수증", "약제비 계산서 · 영수증", "약제비 영수증"))
    moment, days = day(rng), pick(rng, (3, 5, 7, 14, 30))
    total = won(rng, 6_000, 90_000)
    own = total * 3 // 100 * 10
    rows = [
        fields(("교부번호", f"{moment:%Y%m%d}-0{digits(rng, 4)}"), ("조제일자", format_date(moment, whole(rng, 0, 2)))),
        fields(("환자 성명", patient.name), ("투약일수", f"{days} 일")),
    ]
    sums = [("약제비 총액 (①+②+③)", total), ("본인부담금 ①", own), ("보험자부담금 ②", total - own)]
    sums += [("비급여(전액본인부담) ③", 0), ("총 수납금액", own), (pick(rng, ("카드", "현금", "현금영수증")), own)]
    rows += [FormRow((head(name, 0.45), Cell(f"{amount:,} 원", 0.55, align="right")), 1.1) for name, amount in sums]
    drugs = [drug(rng) for _ in range(whole(rng, 2, 6))]
    shares = (0.38, 0.13, 0.13, 0.36)
    guide = [grid(("약품명", "투약량", "횟수", "복약 안내"), shares, is_head=True)]
    guide += [grid((name, "1", str(whole(rng, 1, 3)), word(rng, "drug_notes")), shares) for name in drugs]
    parts = some(rng, (rows, guide), 2) if chance(rng, 0.7) else [rows]
    form.stack(parts, reserve=180)
    _issuer(form, issuer, "[√]약국  [ ]의약품센터", format_date(moment, 0))
    return form.finish()
