"""The words of the doctor's page, in English and Korean."""

from __future__ import annotations

from munseo._remark import Remark
from munseo._report.phrases import Phrases

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "kicker": "Munseo doctor",
        "title": "Check of {name}",
        "subtitle": "{train} train, {val} validation, {test} test pages",
        "contents": "Contents",
        "footer": "Written by Munseo {version}",
        "summary": "What was found",
        "pages": "Pages looked at",
        "severity.high": "Mend first",
        "severity.medium": "Worth a look",
        "severity.low": "Good to know",
        "none": "Nothing was found. The pages can be read, no picture stands there twice, and no label looks wrong.",
        "finding": "Finding",
        "count": "Count",
        "more": "{count} more are in `issues.csv`.",
        "next": "What to do next",
        "next.1": "Look at the pages below, from the top: pages in two parts make a score better than it is.",
        "next.2": "Open `issues.csv` and write into the column `action`: `keep`, `relabel` (with the right class in "
        "`new_target`) or `drop`. Rows that are left empty change nothing.",
        "next.3": "`munseo doctor fix` then writes a corrected copy of the table; the original stays as it is.",
        "leak": "In two parts, the same pixels",
        "leak.about": "A page of the validation or test part also stands in an earlier part. The model has seen the "
        "answer, and the score is too good. Take one of the two out.",
        "near_leak": "In two parts, nearly the same picture",
        "near_leak.about": "A page of the validation or test part also stands in an earlier part: turned, mirrored, "
        "saved again or slightly askew. The score is too good. Take one of the two out.",
        "duplicate": "The same pixels twice",
        "duplicate.about": "A page stands twice in one part and counts double. Where labels differ, one is wrong.",
        "near_duplicate": "Nearly the same picture twice",
        "near_duplicate.about": "Turned, mirrored, saved again or slightly askew. Where labels differ, one is wrong.",
        "label_error": "Labels that are probably wrong",
        "label_error.about": "A model that has not seen these labels expects another class, the surest first. Look at "
        "each before changing it: some pages are only unusual.",
        "confused_classes": "Classes that are hard to tell apart",
        "confused_classes.about": "So many pages are taken for the other class. Classes that people confuse too may "
        "need a clearer definition, or should be one.",
        "unreadable": "Cannot be read",
        "unreadable.about": "Replace these files, or take them out of the table.",
        "truncated": "Cut short",
        "truncated.about": "The end of the file is missing, often after a broken download. Fetch it again.",
        "blank": "Blank pages",
        "blank.about": "Hardly any ink. A blank page has no class.",
        "wrong_extension": "Named as another format",
        "wrong_extension.about": "Munseo reads them all the same; other programs may not.",
        "tiny": "Very small",
        "tiny.about": "Print cannot be read at this size.",
        "huge": "Very large",
        "huge.about": "They cost time and memory and gain nothing: the model sees a small copy.",
        "odd": "Unlike all others",
        "odd.about": "Far from the pages of every class. Often a page of a class that is not among yours.",
        "changed": "Changed since the run",
        "changed.about": "Pages and labels that differ from what the run was trained on.",
        "classes": "The classes",
        "class": "Class",
        "num_train": "Train",
        "num_val": "Validation",
        "size": "Median size, px",
        "brightness": "Median brightness",
        "coloured": "In colour",
        "id": "Page",
        "part.train": "train",
        "part.val": "validation",
        "part.test": "test",
        "what": "What is wrong",
        "conflict": "labels differ",
    },
    "ko": {
        "kicker": "Munseo 데이터 진단",
        "title": "{name} 점검 결과",
        "subtitle": "학습 {train}장, 검증 {val}장, 테스트 {test}장",
        "contents": "목차",
        "footer": "Munseo {version}에서 작성",
        "summary": "점검 결과 요약",
        "pages": "살펴본 문서 수",
        "severity.high": "먼저 고칠 것",
        "severity.medium": "확인할 것",
        "severity.low": "참고할 것",
        "none": "문제를 찾지 못했습니다. 모든 문서를 읽을 수 있고, 중복된 그림이 없으며, 틀려 보이는 라벨도 없습니다.",
        "finding": "항목",
        "count": "건수",
        "more": "나머지 {count}건은 `issues.csv`에 있습니다.",
        "next": "다음에 할 일",
        "next.1": "아래 문서를 위에서부터 확인하세요. 두 데이터에 함께 들어 있는 문서는 점수를 실제보다 높게 만듭니다.",
        "next.2": "`issues.csv`의 `action` 칸에 `keep`(유지), `relabel`(라벨 변경, 올바른 클래스는 `new_target`에), "
        "`drop`(제외) 중 하나를 적으세요. 비워 둔 행은 아무것도 바꾸지 않습니다.",
        "next.3": "그다음 `munseo doctor fix`를 실행하면 고친 표의 사본이 만들어집니다. 원본은 그대로 남습니다.",
        "leak": "데이터 누출: 픽셀까지 같은 문서",
        "leak.about": "검증 또는 테스트 문서가 앞선 데이터에도 들어 있습니다. 모델이 정답을 미리 본 셈이어서 점수가 "
        "실제보다 높아집니다. 둘 중 하나를 빼세요.",
        "near_leak": "데이터 누출: 거의 같은 문서",
        "near_leak.about": "검증 또는 테스트 문서가 회전, 반전, 재저장되거나 조금 기울어진 채 앞선 데이터에도 들어 "
        "있습니다. 점수가 실제보다 높아지니 둘 중 하나를 빼세요.",
        "duplicate": "픽셀까지 같은 중복 문서",
        "duplicate.about": "같은 문서가 한 데이터에 두 번 들어 있어 두 배로 반영됩니다. 라벨이 다르면 하나는 틀린 "
        "것입니다.",
        "near_duplicate": "거의 같은 중복 문서",
        "near_duplicate.about": "회전, 반전, 재저장되었거나 조금 기울어진 문서입니다. 라벨이 다르면 하나는 틀린 "
        "것입니다.",
        "label_error": "틀린 것으로 보이는 라벨",
        "label_error.about": "이 라벨을 보지 않은 모델이 다른 클래스로 예측한 문서입니다. 의심이 큰 순서입니다. "
        "특이할 뿐 라벨은 맞는 문서도 있으니 하나씩 확인한 뒤 바꾸세요.",
        "confused_classes": "구별하기 어려운 클래스",
        "confused_classes.about": "서로 다른 클래스로 예측되는 문서의 비율입니다. 사람도 헷갈리는 클래스라면 정의를 "
        "분명히 하거나 합치는 것이 좋습니다.",
        "unreadable": "읽을 수 없는 파일",
        "unreadable.about": "파일을 바꾸거나 표에서 빼세요.",
        "truncated": "끝이 잘린 파일",
        "truncated.about": "파일의 끝부분이 없습니다. 내려받다가 끊긴 경우가 많으니 다시 받으세요.",
        "blank": "빈 문서",
        "blank.about": "내용이 거의 없습니다. 빈 문서에는 클래스가 없습니다.",
        "wrong_extension": "확장자와 형식이 다른 파일",
        "wrong_extension.about": "Munseo는 그대로 읽지만 다른 프로그램은 읽지 못할 수 있습니다.",
        "tiny": "너무 작은 그림",
        "tiny.about": "이 크기에서는 글자를 읽을 수 없습니다.",
        "huge": "너무 큰 그림",
        "huge.about": "시간과 메모리만 더 듭니다. 모델은 어차피 축소한 그림을 봅니다.",
        "odd": "다른 문서와 동떨어진 문서",
        "odd.about": "어느 클래스의 문서와도 닮지 않았습니다. 정의되지 않은 클래스의 문서인 경우가 많습니다.",
        "changed": "실행 이후 바뀐 것",
        "changed.about": "실행이 학습한 문서, 라벨과 달라진 것입니다.",
        "classes": "클래스",
        "class": "클래스",
        "num_train": "학습",
        "num_val": "검증",
        "size": "크기 중앙값(px)",
        "brightness": "밝기 중앙값",
        "coloured": "컬러 비율",
        "id": "문서",
        "part.train": "학습",
        "part.val": "검증",
        "part.test": "테스트",
        "what": "문제",
        "conflict": "라벨이 다름",
        "doctor.blank": "잉크가 있는 부분: {ink}",
        "doctor.tiny": "{width} × {height} px, 긴 변은 보통 {usual} px",
        "doctor.huge": "{width} × {height} px, 긴 변은 보통 {usual} px",
        "doctor.extension": "파일 확장자는 {suffix}, 실제 형식은 {format}",
        "doctor.exact": "픽셀까지 같음",
        "doctor.near": "같은 그림, 상관계수 {likeness}",
        "doctor.exact_conflict": "픽셀까지 같음, 라벨이 다름: {first}, {second}",
        "doctor.near_conflict": "같은 그림, 상관계수 {likeness}, 라벨이 다름: {first}, {second}",
        "doctor.label": "라벨은 {given} ({p_given}), 예측은 {best} ({p_best})",
        "doctor.confused": "{first}, {second}: 문서 {total}장 중 {count}장이 서로 바뀌어 예측됨",
        "doctor.odd": "보통 편차의 {score}배",
        "doctor.new": "실행 이후 새로 들어온 문서",
        "doctor.relabelled": "학습할 때는 {old}, 지금은 {new}",
        "doctor.replaced": "학습할 때와 다른 파일",
        "doctor.gone": "{id}: 실행에는 있었으나 지금은 없음",
        "doctor.not_judged": "라벨과 동떨어진 문서는 판정하지 않았습니다. 실행을 지정하거나 "
        "가중치 패키지를 설치하세요.",
        "doctor.general": "일반적인 ImageNet 가중치로 라벨을 판정했습니다. 이 문서를 학습한 k-fold 실행을 "
        "지정하면 더 정확합니다.",
        "doctor.biased": "이 라벨로 학습한 실행이 라벨을 판정했으므로 틀린 라벨을 놓칠 수 있습니다. 가중치 패키지를 "
        "설치하거나 k-fold 실행을 지정하세요.",
    },
}
"""Keys that begin with ``doctor.`` are remarks; in English they carry their own sentence."""


class Words(Phrases):
    """The catalogue above, used as ``Phrases`` is."""

    def __call__(self, key: str, **values: object) -> str:
        """The sentence with its values in place."""
        return WORDS[self.language][key].format(**values)

    def remark(self, remark: Remark) -> str:
        """What a finder remarked; in English, where the language has no sentence for it."""
        sentence = WORDS[self.language].get(remark.key)
        return str(remark) if sentence is None else sentence.format(**remark.values)
