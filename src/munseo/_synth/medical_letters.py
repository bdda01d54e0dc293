"""The four letters that a hospital writes about a patient: admission, diagnosis, outpatient visits, opinion.

They share paper, heading, the patient's table and the end; only the title and a few rows differ.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from munseo._synth.form import Cell, Form, FormRow, fields, grid, head
from munseo._synth.form_footer import CLOSING_HEIGHT, close, serial
from munseo._synth.people import Hospital, Person, day, format_date, hospital, person
from munseo._synth.random_draws import Rng, chance, digits, pick, some, whole
from munseo._synth.vocabulary import pairs, word, words


def admission(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a confirmation of admission and discharge."""
    form, patient, issuer = Form(rng, longest_px), person(rng), hospital(rng)
    form.heading(("입퇴원확인서", "입·퇴원 확인서", "입퇴원 사실 확인서", "입원 및 퇴원 확인서"), notes=numbers(rng))
    first, style = day(rng), whole(rng, 0, 3)
    stay = whole(rng, 2, 30)
    last = first + timedelta(days=stay)
    rows = [*patient_rows(rng, patient), *disease_rows(rng, whole(rng, 1, 2))]
    if chance(rng, 0.5):
        rows += [fields(("입원일", format_date(first, style)), ("퇴원일", format_date(last, style)))]
        rows += [fields(("입원 일수", f"총 {stay} 일간"), ("진료과", issuer.department))]
    else:
        span = f"{format_date(first, style)} 부터  ~  {format_date(last, style)} 까지  ( {stay} 일간 )"
        rows += [fields(("입원 기간", span), height=1.4)]
        rows += [fields(("진료과", issuer.department), ("병실", f"{whole(rng, 3, 9)}{digits(rng, 2)}호"))]
    if chance(rng, 0.5):
        rows.append(fields(("수술명", word(rng, "surgeries")), height=whole(rng, 1, 2)))
    rows += ending_rows(rng, issuer, remark=chance(rng, 0.7))
    form.table(rows, CLOSING_HEIGHT)
    close(form, "위와 같이 입원 및 퇴원하였음을 확인합니다.", last, issuer)
    return form.finish()


def diagnosis(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a medical certificate that states a diagnosis."""
    form, patient, issuer = Form(rng, longest_px), person(rng), hospital(rng)
    form.heading(("진단서", "진단서", "진 단 서", "일반진단서"), notes=numbers(rng))
    onset, style = day(rng), whole(rng, 0, 3)
    diagnosed = onset + timedelta(days=whole(rng, 0, 20))
    rows = [*patient_rows(rng, patient), *disease_rows(rng, whole(rng, 1, 3), sure=True)]
    rows.append(fields(("발병 연월일", format_date(onset, style)), ("진단 연월일", format_date(diagnosed, style))))
    advice = pick(rng, ("향후 치료 의견", "치료 내용 및 향후 치료에 대한 소견", "향후 치료에 대한 의견"))
    cells = (head(advice, 0.19), Cell(opinion(rng, whole(rng, 2, 4)), 0.81, top=chance(rng, 0.6)))
    rows.append(FormRow(cells, whole(rng, 4, 7)))
    if chance(rng, 0.4):
        left = format_date(diagnosed + timedelta(days=5), style)
        rows.append(fields(("입원 연월일", format_date(diagnosed, style)), ("퇴원 연월일", left)))
    rows += ending_rows(rng, issuer, remark=chance(rng, 0.4))
    form.table(rows, CLOSING_HEIGHT)
    close(form, word(rng, "diagnosis_sentences"), diagnosed, issuer)
    return form.finish()


def outpatient(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a certificate of visits to an outpatient clinic."""
    form, patient, issuer = Form(rng, longest_px), person(rng), hospital(rng)
    form.heading(("통원확인서", "통원 진료 확인서", "외래 진료 확인서", "진료확인서"), notes=numbers(rng))
    rows = [*patient_rows(rng, patient), *disease_rows(rng, whole(rng, 1, 2))]
    first, style = day(rng), whole(rng, 0, 3)
    visits = [first + timedelta(days=int(d)) for d in np.cumsum(rng.integers(1, 12, whole(rng, 2, 12)))]
    rows.append(fields(("진료과", issuer.department), ("담당의사", issuer.doctor)))
    span = f"{format_date(visits[0], style)} ~ {format_date(visits[-1], style)} ( {len(visits)} 회 )"
    if chance(rng, 0.55):
        rows.append(fields(("통원 기간", span)))
        listed = ",  ".join(format_date(moment, 1 + style % 2) for moment in visits)
        rows.append(fields(("통원 일자", listed), height=whole(rng, 2, 5)))
    else:
        shares = (0.12, 0.3, 0.28, 0.3)
        rows.append(grid(("번호", "진료일자", "진료과", "비고"), shares, is_head=True))
        for number, moment in enumerate(visits[:7], 1):
            rows.append(grid((str(number), format_date(moment, style), issuer.department, "외래"), shares))
        rows.append(fields(("총 통원 일수", f"{len(visits)} 일")))
    rows += ending_rows(rng, issuer, remark=chance(rng, 0.5))
    form.table(rows, CLOSING_HEIGHT)
    close(form, "위와 같이 통원 치료하였음을 확인합니다.", visits[-1], issuer)
    return form.finish()


def statement(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a doctor's statement of opinion."""
    form, patient, issuer = Form(rng, longest_px), person(rng), hospital(rng)
    form.heading(("소견서", "의사 소견서", "진료 소견서", "소 견 서"), notes=numbers(rng))
    rows = [*patient_rows(rng, patient), *disease_rows(rng, whole(rng, 1, 2))]
    text = opinion(rng, whole(rng, 3, 7))
    height = whole(rng, 6, 11)
    if chance(rng, 0.5):
        rows.append(FormRow((head("소 견", 0.19), Cell(text, 0.81, top=chance(rng, 0.7))), height))
    else:
        title = pick(rng, ("소        견", "진료 소견 및 의견", "환자 상태 및 소견"))
        rows += [FormRow((head(title, 1.0),)), FormRow((Cell(text, top=chance(rng, 0.8)),), height - 1)]
    rows += ending_rows(rng, issuer, remark=chance(rng, 0.3))
    form.table(rows, CLOSING_HEIGHT)
    close(form, word(rng, "statement_sentences"), day(rng), issuer)
    return form.finish()


def numbers(rng: Rng) -> tuple[str, ...]:
    """Return the numbers above the table, as hospitals call them; some have none."""
    first = f"{pick(rng, ('등록번호', '환자번호', '차트번호', '병록번호'))} : {digits(rng, 8)}"
    second = f"{pick(rng, ('연번호', '발급번호', '문서번호'))} : {serial(rng)}"
    return pick(rng, ((), (first,), (first, second), (second, first)))


def patient_rows(rng: Rng, patient: Person) -> list[FormRow]:
    """Return the rows about the patient, in one of three layouts."""
    name = pick(rng, ("환자 성명", "성명", "환자의 성명", "수진자명"))
    sex = "여" if patient.female else "남"
    age = 2024 - patient.birth.year
    layout = whole(rng, 0, 2)
    if layout == 0:
        return [fields((name, patient.name), ("주민등록번호", patient.id_number)), fields(("주소", patient.address))]
    if layout == 1:
        return [
            fields((name, patient.name), ("성별 / 나이", f"{sex} / {age}세")),
            fields(("생년월일", format_date(patient.birth, whole(rng, 0, 3))), ("전화번호", patient.phone)),
            fields(("주소", patient.address)),
        ]
    shares = (0.14, 0.18, 0.1, 0.1, 0.2, 0.28)
    texts = (name, patient.name, "성별", sex, "주민등록번호", patient.id_number)
    cells = (Cell(t, s, i % 2 == 0, "middle") for i, (t, s) in enumerate(zip(texts, shares, strict=True)))
    return [FormRow(tuple(cells)), fields(("환자 주소", patient.address), height=1.2)]


def disease_rows(rng: Rng, count: int, *, sure: bool = False) -> list[FormRow]:
    """Return the rows with diseases and codes; if ``sure``, their label may call the diagnosis clinical or final."""
    diseases = some(rng, pairs("diseases"), count)
    label = pick(rng, ("병 명", "진단명", "상병명", "질병명"))
    if sure:
        label += pick(rng, ("", "\n[ ]임상적 추정 [√]최종", "\n(주상병·부상병)"))
    if chance(rng, 0.5):
        names, codes = "\n".join(name for name, _ in diseases), "\n".join(code for _, code in diseases)
        cells = (head(label, 0.19), Cell(names, 0.45), head("질병분류기호", 0.16), Cell(codes, 0.2, align="middle"))
        return [FormRow(cells, max(0.7 + count * 0.7, 1.6 if "\n" in label else 0.0))]
    shares = (0.1, 0.65, 0.25)
    rows = [grid(("구분", label.replace("\n", " "), "한국질병분류번호"), shares, is_head=True)]
    rows += [grid(("주" if n == 0 else "부", *disease), shares) for n, disease in enumerate(diseases)]
    return rows


def opinion(rng: Rng, count: int) -> str:
    """Return some sentences of a doctor, in one paragraph or one per line."""
    separator = pick(rng, (" ", "\n"))
    return separator.join(s.format(n=whole(rng, 1, 12)) for s in some(rng, words("opinions"), count))


def ending_rows(rng: Rng, issuer: Hospital, *, remark: bool) -> list[FormRow]:
    """Return the last rows: remarks, and the purpose of the document."""
    rows = []
    if remark:
        note = pick(rng, ("", "이하 여백", f"담당의 {issuer.doctor}", "- 이하 여백 -"))
        rows.append(fields((pick(rng, ("비고", "기타 사항", "참고 사항")), note), height=whole(rng, 1, 3)))
    if chance(rng, 0.75):
        rows.append(fields((pick(rng, ("용도", "사용 목적", "제출처")), word(rng, "uses"))))
    return rows
