"""Medical forms with several blocks: the prescription, and the application for the expenses of a pregnancy."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from munseo._synth import marks
from munseo._synth.form import Cell, Form, FormRow, fields, grid, head
from munseo._synth.form_footer import issuer_seal
from munseo._synth.people import account_number, address, day, drug, format_date, hospital, person, pharmacy, won
from munseo._synth.random_draws import Rng, between, chance, digits, pick, some, whole
from munseo._synth.vocabulary import pairs, word


def prescription(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a prescription: the hospital and the patient, a table of medicines, and the block of the pharmacy."""
    form, patient, issuer = Form(rng, longest_px, landscape=0.0), person(rng), hospital(rng)
    form.heading(("처방전", "처 방 전", "원외 처방전", "처방전 (환자보관용)"), word(rng, "insurances"))
    moment, style = day(rng), whole(rng, 0, 2)
    codes = [code.replace(".", "") for _, code in some(rng, pairs("diseases"), whole(rng, 1, 3))]
    rows = [
        fields(("교부번호", f"{format_date(moment, style)}  제 0{digits(rng, 4)} 호"), ("요양기관기호", issuer.code)),
        fields(("환자 성명", patient.name), ("의료기관 명칭", issuer.name)),
        fields(("주민등록번호", patient.id_number), ("전화번호", issuer.phone)),
        fields(("질병분류기호", "  ".join(codes)), ("처방 의료인", f"{issuer.doctor}    (서명 또는 인)")),
    ]
    if chance(rng, 0.5):
        rows.append(fields(("면허종별", "의사"), ("면허번호", issuer.licence)))
    shares = (0.46, 0.14, 0.14, 0.12, 0.14)
    titles = ("처방 의약품의 명칭", "1회\n투약량", "1일 투여\n횟수", "총 투약\n일수", "용법")
    table = [FormRow(grid(titles, shares, is_head=True).cells, 1.5)]
    days, rows_in_all = pick(rng, (3, 5, 7, 14, 30)), whole(rng, 8, 13)
    for number in range(rows_in_all):
        filled = number < min(rows_in_all, len(codes) * 2 + 2)
        doses = (str(whole(rng, 1, 2)), str(whole(rng, 1, 3)), str(days), pick(rng, ("식후 30분", "식전", "취침 전")))
        name = f"{digits(rng, 9)}  {drug(rng)}"
        texts = (name, *doses) if filled else ("이하 여백" if number == len(codes) * 2 + 2 else "", "", "", "", "")
        table.append(grid(texts, shares))
    table.append(FormRow((head("주사제 처방명세 ( [ ]원내조제  [ ]원외처방 )", 0.6), head("조제 시 참고사항", 0.4))))
    table.append(FormRow((Cell("", 0.6), Cell("", 0.4)), 1.6))
    period = f"교부일부터 ( {pick(rng, (3, 5, 7))} )일간"
    top = form.y
    block = [fields(("사용기간", period), ("사용기간 내에", "약국에 제출하여야 합니다"))]
    form.stack([rows, table, block, _dispensing(rng)])
    square = not chance(rng, 0.5)
    place = form.left + form.width * between(rng, 0.86, 0.95), top + form.style.row * between(rng, 2.6, 3.6)
    issuer_seal(form, issuer, *place, between(rng, 42, 70), square=square)
    return form.finish()


def _dispensing(rng: Rng) -> list[FormRow]:
    """Return the block of the pharmacy at the foot of a prescription; most are empty."""
    shop, filled = pharmacy(rng), chance(rng, 0.35)
    return [
        FormRow((head("의약품 조제 명세", 1.0),)),
        fields(("조제기관의 명칭", shop.name if filled else ""), ("처방의 변경·확인 등", "")),
        fields(("조제약사", f"{shop.doctor}  (인)" if filled else "성명             (인)"), ("조제량(조제일수)", "")),
        fields(("조제 연월일", ""), ("그 밖의 사항", "")),
    ]


def pregnancy_application(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw an application for payment of the medical expenses of a pregnancy: blocks with boxes to tick."""
    form, mother = Form(rng, longest_px, landscape=0.0), person(rng, female=True)
    titles = ("임신·출산 진료비 지급 신청서", "임신·출산 진료비 지급신청 및 확인서", "임신ㆍ출산 진료비 지급 신청서")
    form.heading(titles, "※ 해당하는 곳에 √표를 하고, 어두운 칸은 적지 않습니다." if chance(rng, 0.6) else "")
    style, due, issuer = whole(rng, 0, 3), day(rng), hospital(rng)
    blocks = [_applicant(rng, mother.name, mother.id_number, mother.address, mother.phone)]
    pregnant = [
        fields(("임신 구분", pick(rng, ("[√]단태아   [ ]다태아 (    명)", "[ ]단태아   [√]다태아 ( 2 명)")))),
        fields(("분만 예정일", format_date(due, style)), ("임신 주수", f"{whole(rng, 6, 39)} 주")),
        fields(("출산 구분", "[√]출산  [ ]유산  [ ]사산"), ("확인일", format_date(due - timedelta(days=90), style))),
        fields(("요양기관", issuer.name), ("기관기호", issuer.code)),
        fields(("담당의사", f"{issuer.doctor}    (인)"), ("면허번호", issuer.licence)),
    ]
    account = [
        fields(("지급 방법", "[√]계좌 입금   [ ]이용권(바우처) 카드")),
        fields(("은행명", word(rng, "banks")), ("예금주", mother.name)),
        fields(("계좌번호", account_number(rng)), ("신청 금액", f"{won(rng, 200_000, 1_000_000):,} 원")),
    ]
    blocks.append((pick(rng, ("임신·출산 확인", "임신(출산) 사실", "임산부")), pregnant))
    blocks.append((pick(rng, ("지급 계좌", "진료비 지급", "수령 계좌")), account))
    heights = [len(rows) + 22 / form.style.row for _, rows in blocks]
    at_side = chance(rng, 0.5)
    for number, (name, rows) in enumerate(blocks):
        rest = form.bottom - form.y - 200
        reserve = 200 + rest * sum(heights[number + 1 :]) / sum(heights[number:])
        _block(form, name, rows, reserve, at_side)
    _application_end(form, mother.name, format_date(due - timedelta(days=60), style))
    return form.finish()


def _applicant(rng: Rng, name: str, id_number: str, home: str, phone: str) -> tuple[str, list[FormRow]]:
    rows = [
        fields(("성명", name), ("주민등록번호", id_number)),
        fields(("주소", home), height=1.2),
        fields(("전화번호", phone), ("관계", pick(rng, ("[√]본인  [ ]가족", "[ ]본인  [√]배우자")))),
    ]
    if chance(rng, 0.4):
        rows.insert(2, fields(("송달 주소", address(rng))))
    return pick(rng, ("신청인", "지급 신청인", "가입자(신청인)")), rows


def _block(form: Form, name: str, rows: list[FormRow], reserve: float, at_side: bool) -> None:
    """Draw a block with its name above it, or in a high cell on its left."""
    if not at_side:
        form.section(name)
        form.table(rows, reserve)
        return
    top = form.y
    form.table(rows, reserve, across=(0.09, 1.0))
    after = form.y
    form.y = top
    multiple = sum(row.height for row in rows)
    height = min(form.style.row, (form.bottom - reserve - top) / multiple) * multiple
    form.table([FormRow((head(name, 1.0),), height / form.style.row)], reserve, across=(0.0, 0.09))
    form.y = after


def _application_end(form: Form, name: str, moment: str) -> None:
    text = "「국민건강보험법」에 따라 위와 같이 임신·출산 진료비의 지급을 신청합니다."
    y = form.y + max(0.0, form.bottom - form.y - 190) * 0.5
    form.write(form.middle, y + 14, text)
    form.write(form.right, y + 44, moment, "rm")
    form.write(form.right, y + 74, f"신청인  {name}  (서명 또는 인)", "rm")
    if chance(form.rng, 0.6):
        marks.signature(form.rng, form.canvas, form.right - 110, y + 74, 70)
    else:
        form.seal(form.right - 24, y + 72, between(form.rng, 32, 44), name + "인", is_round=True)
    form.write(form.left, y + 108, "견본건강보험공단 이사장 귀하", "lm", scale=1.4, weight="bold")
    form.y = y + 126
    form.table([fields(("첨부서류", "1. 임신확인서 1부   2. 진료비 영수증 1부   3. 통장 사본 1부"), label_share=0.16)])
