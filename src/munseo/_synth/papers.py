"""Documents that are neither medical nor cards: résumé, vehicle registration certificate."""

from __future__ import annotations

from datetime import date

import numpy as np

from munseo._synth import marks
from munseo._synth.form import Cell, Form, FormRow, fields, grid, head
from munseo._synth.people import Person, address, day, format_date, person, plate
from munseo._synth.random_draws import Rng, between, chance, digits, pick, some, whole
from munseo._synth.vocabulary import word, words


def resume(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a résumé: the photograph next to the personal table, then school, work and certificates."""
    form, writer = Form(rng, longest_px, landscape=0.0), person(rng, born=(1975, 1990))
    form.heading(("이력서", "이 력 서", "이력서", "입사 지원서"))
    top, right_side, photo_width = form.y, chance(rng, 0.4), 112.0
    part = (photo_width + 10) / form.width
    rows = [
        fields(("성명", writer.name), ("생년월일", format_date(writer.birth, whole(rng, 0, 2)))),
        fields(("연락처", writer.phone), ("이메일", f"sample{digits(rng, 3)}@example.com")),
        fields(("주소", writer.address)),
        fields(("병역", word(rng, "services")), ("희망 부서", word(rng, "teams"))),
    ]
    form.table(rows, reserve=520, across=(0.0, 1 - part) if right_side else (part, 1.0))
    height = form.y - top - 8
    x = form.right - photo_width if right_side else form.left
    marks.portrait(rng, form.canvas, x, top, photo_width, max(130.0, height), writer.female)
    form.canvas.box(x, top, x + photo_width, top + max(130.0, height), None, form.style.rule, form.style.stroke)
    form.y = max(form.y, top + 142)
    _history(rng, form, writer)
    y = min(form.y + 24, form.bottom - 60)
    form.write(form.middle, y, "위의 기재사항은 사실과 다름이 없습니다.", scale=1.1)
    form.write(form.middle, y + 28, format_date(day(rng, 2019, 2024), 0))
    form.write(form.right, y + 56, f"지원자   {writer.name}   (인)", "rm")
    if chance(rng, 0.5):
        form.seal(form.right - 12, y + 54, between(rng, 30, 44), writer.name, is_round=True)
    return form.finish()


def _history(rng: Rng, form: Form, writer: Person) -> None:
    """Draw school, work and certificates, as three tables or as one long table."""
    start, shares = writer.birth.year + 19, (0.28, 0.36, 0.2, 0.16)
    schools = [
        (f"{start - 3 + 4 * n}.03 ~ {start + 4 * n}.02", name, word(rng, "majors"), "졸업")
        for n, name in enumerate(some(rng, words("schools"), whole(rng, 2, 3)))
    ]
    works = []
    for n, name in enumerate(some(rng, words("companies"), whole(rng, 1, 4))):
        span = f"{start + 5 + 2 * n}.{whole(rng, 1, 9):02} ~ {start + 7 + 2 * n}.{whole(rng, 10, 12)}"
        works.append((span, name, word(rng, "positions"), "퇴사"))
    papers = [
        (f"{start + n}.{whole(rng, 1, 12):02}", name, "한국견본협회", "취득")
        for n, name in enumerate(some(rng, words("licences"), whole(rng, 1, 4)))
    ]
    names = (("학력사항", "경력사항", "자격사항"), ("학   력", "경   력", "자격증 / 면허"))[whole(rng, 0, 1)]
    columns = (
        ("기간", "학교명", "전공", "구분"),
        ("근무기간", "회사명", "직위", "비고"),
        ("취득일", "자격명", "발급기관", "비고"),
    )
    tables = []
    for name, column, lines in zip(names, columns, (schools, works, papers), strict=True):
        rows = [FormRow((head(name, 1.0),)), grid(column, shares, is_head=True)]
        blank = [("", "", "", "")] * whole(rng, 0, 3)
        tables.append(rows + [grid(line, shares) for line in [*lines, *blank]])
    if chance(rng, 0.4):
        tables = [[row for rows in tables for row in rows]]
    form.stack(tables, reserve=100)


def vehicle_registration(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a vehicle registration certificate: numbered cells, then blocks for dimensions, plates and inspections."""
    form, owner = Form(rng, longest_px, landscape=0.2), person(rng)
    first, style = day(rng, 2005, 2023), whole(rng, 0, 2)
    form.heading(
        ("자동차등록증", "자 동 차 등 록 증", "자동차 등록증"),
        notes=(f"제 000{digits(rng, 3)}-{digits(rng, 6)} 호", f"최초등록일 : {format_date(first, style)}"),
    )
    top = [
        _numbered(
            ("① 자동차등록번호", plate(rng)),
            ("② 차종", word(rng, "car_kinds")),
            ("③ 용도", pick(rng, ("자가용", "영업용"))),
        ),
        _numbered(("④ 차명", word(rng, "cars")), ("⑤ 형식 및 연식", f"XX-{digits(rng, 4)}  {first.year}")),
        _numbered(
            ("⑥ 차대번호", f"XX0{digits(rng, 3)}SPECIMEN{digits(rng, 3)}"), ("⑦ 원동기형식", f"G4{digits(rng, 2)}")
        ),
        fields(("⑧ 사용본거지", address(rng)), label_share=0.17),
        _numbered(("⑨ 성명(명칭)", owner.name), ("⑩ 주민(법인)등록번호", owner.id_number)),
        fields(("⑪ 주소", owner.address), label_share=0.17),
    ]
    form.table(top, reserve=form.bottom - form.y - (form.bottom - form.y) * 0.38)
    form.write(form.middle, form.y + 14, "「자동차관리법」 제8조에 따라 위와 같이 등록하였음을 증명합니다.")
    office = f"{word(rng, 'cities').split()[0]}장"
    form.write(form.left + form.width * 0.3, form.y + 48, format_date(first, 0))
    x = form.left + form.width * 0.68
    form.canvas.text(x, form.y + 48, office, 24, form.style.ink, "bold", "mm")
    form.seal(x + 86, form.y + 46, between(rng, 50, 70), office + "인", is_round=False)
    form.y += 84
    _blocks(rng, form, first)
    return form.finish()


def _numbered(*pairs: tuple[str, str]) -> FormRow:
    return fields(*pairs, label_share=0.17 if len(pairs) == 2 else 0.14)


def _blocks(rng: Rng, form: Form, first: date) -> None:
    """Draw the lower half: two columns of small tables."""
    sizes = [
        FormRow((head("1. 제원", 1.0),)),
        fields(("⑫ 형식승인번호", f"A00-1-{digits(rng, 5)}"), label_share=0.45),
        fields(
            ("⑬ 길이", f"{whole(rng, 3600, 5100):,} mm"), ("⑭ 너비", f"{whole(rng, 1600, 1950):,} mm"), label_share=0.2
        ),
        fields(
            ("⑮ 높이", f"{whole(rng, 1400, 1900):,} mm"),
            ("⑯ 총중량", f"{whole(rng, 1100, 2900):,} kg"),
            label_share=0.2,
        ),
        fields(
            ("⑰ 배기량", f"{pick(rng, (998, 1598, 1999, 2497)):,} cc"),
            ("⑱ 정격출력", f"{whole(rng, 70, 290)} ps"),
            label_share=0.2,
        ),
        fields(("⑲ 승차정원", f"{pick(rng, (4, 5, 7, 11))} 명"), ("⑳ 연료", word(rng, "fuels")), label_share=0.2),
        FormRow((head("2. 등록번호판 교부 및 봉인", 1.0),)),
        grid(("구분", "교부일", "봉인일", "교부대행자"), (1, 1, 1, 1), is_head=True),
        grid(("신규", f"{first:%y.%m.%d}", f"{first:%y.%m.%d}", "인"), (1, 1, 1, 1)),
        FormRow((Cell(""), Cell(""), Cell(""), Cell(""))),
    ]
    checks = [
        FormRow((head("4. 검사 유효기간", 1.0),)),
        grid(("연월일부터", "연월일까지", "시행장소", "확인"), (1, 1, 1, 0.7), is_head=True),
    ]
    num_checks = whole(rng, 1, 4)
    for number in range(7):
        filled = number < num_checks
        year = first.year + 2 * number
        span = (f"{year % 100:02}.{first:%m.%d}", f"{(year + 2) % 100:02}.{first:%m.%d}") if filled else ("", "")
        checks.append(grid((*span, "견본" if filled else "", ""), (1, 1, 1, 0.7)))
    checks.append(FormRow((Cell("※ 주의사항 : 등록증은 항상 차 안에 두어야 합니다.", 1.0),)))
    top, split = form.y, between(rng, 0.46, 0.56)
    form.table(sizes, across=(0.0, split - 0.01))
    form.y = top
    form.table(checks, across=(split + 0.01, 1.0))
