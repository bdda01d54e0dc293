"""Korean: remarks. English ones are sentences where they are made."""

from __future__ import annotations

REMARKS: dict[str, str] = {
    "less_sure": "변형 레시피를 적용한 검증 문서보다 이 문서들에 대한 모델의 확신이 낮습니다. "
    "레시피에 없는 손상이 있을 수 있으며, 실제 점수가 구간을 벗어날 수 있습니다.",
    "other_mix": "확신도가 같은 검증 문서와 비교해 예측된 클래스 비율이 다릅니다. 클래스 비율 자체가 다르거나, "
    "손상이 특정 답을 유도하는 것일 수 있습니다. 실제 점수가 구간을 벗어날 수 있습니다.",
    "few_validation_pages": "검증 문서가 {pages}장뿐이므로 보정의 근거가 약합니다.",
    "few_pages": "문서가 {pages}장뿐이므로 실제 점수는 우연만으로도 크게 움직입니다.",
    "other_shift": "실행들이 같은 변형 조건에서 검증되지 않아 원본 문서로 판정합니다. 변형된 문서로 판정하려면 "
    "레시피와 shifted_draws를 같게 하여 학습하십시오.",
    "not_held_out": "{run}: 검증 문서 {pages}장 중 {count}장은 다른 실행에서 검증에 쓰이지 않아 제외했습니다.",
    "copies": "{pages}장 중 {count}장({shown})은 같은 이미지가 구성 모델의 학습에 쓰여 제외했습니다.",
}
