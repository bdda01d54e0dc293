"""Korean: damaged pages, confidence, views."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    # headline
    "macro_f1_shifted": "변형 검증 Macro-F1",
    "macro_f1_clean": "원본 검증 Macro-F1",
    "macro_f1_expected": "테스트 데이터 예상 Macro-F1",
    "ratio_of_clean": "원본 대비 {ratio}",
    "interval_of_90": "90% 예측구간 {low}–{high}",
    "estimates.label": "Macro-F1과 구간",
    "estimates.clean": "원본 검증",
    "estimates.shifted": "변형 검증",
    "estimates.expected": "테스트 예상 (90%)",
    "estimates.server": "서버 점수 ({part})",
    "summary.shifted": "같은 문서를 `{recipe}` 레시피로 훼손하면 Macro-F1은 {clean} 대신 "
    "{shifted}{interval}입니다(원본 대비 {ratio}).",
    "summary.shifted_interval": "(95% 신뢰구간 {low}–{high})",
    "summary.expected": "테스트 데이터 {pages}장의 예상 Macro-F1은 {value}입니다{interval}.",
    "summary.expected_unknown": "테스트 데이터의 예상 Macro-F1은 {value}입니다{interval}.",
    "summary.expected_interval": "(90% 예측구간 {low}–{high})",
    "curves.shifted": "“변형 검증”은 같은 검증 문서를 레시피로 훼손해 측정한 값입니다.",
    # shifted validation
    "shift": "훼손된 문서에 대한 성능",
    "shift.compare": "원본 검증과 변형 검증",
    "shift.how": "모든 검증 문서를 `{recipe}` 레시피(`shift.yaml`)로 {draws}번씩 훼손해 평가했습니다. 같은 문서는 모든 "
    "실행에서 똑같이 훼손됩니다. 신뢰구간은 문서 {pages}장에 대한 95% 부트스트랩 구간입니다.",
    "shift.how_once": "모든 검증 문서를 `{recipe}` 레시피(`shift.yaml`)로 한 번씩 훼손해 평가했습니다. 같은 문서는 "
    "모든 실행에서 똑같이 훼손됩니다. 신뢰구간은 문서 {pages}장에 대한 95% 부트스트랩 구간입니다.",
    "part.clean": "원본",
    "part.shifted": "변형",
    "shift.ratio": "변형 / 원본",
    "shift.classes": "클래스별 성능 저하",
    "f1_clean": "원본 F1",
    "f1_shifted": "변형 F1",
    "change": "변화",
    "robustness": "강건성 프로파일",
    "robustness.caption": "검증 문서 {pages}장에 훼손을 한 종류씩 적용했을 때 강도에 따른 Macro-F1입니다. 성능 저하가 "
    "큰 순서로 표시합니다. 점선은 원본 문서의 값이고, 이름 옆의 수치는 가장 크게 떨어진 폭입니다.",
    "robustness.pages": "모델이 무너진 문서: 원본은 맞혔지만 훼손 한 가지(괄호 안은 강도)로 틀린 문서입니다. 실제 "
    "클래스 → 예측 클래스, 모델의 확신도.",
    "robustness.page": "{damage} ({severity}): {true} → {predicted}, {confidence}",
    "robustness.page_ungraded": "{damage}: {true} → {predicted}, {confidence}",
    "robustness.more": "나머지 {count}장은 `robustness/` 폴더에 있습니다.",
    "expected": "테스트 데이터의 예상 점수",
    "expected.value": "예상 Macro-F1",
    "expected.interval": "90% 예측구간",
    "expected.pages": "장수",
    "expected.confidence": "평균 확신도",
    "expected.note": "변형 검증 결과에서 출발해, 테스트 데이터에 대한 예측 자체가 보여 주는 것(보정된 확신도와 "
    "클래스별 예측 비율)으로 바로잡은 값입니다. 테스트 문서의 라벨은 사용하지 않았습니다.",
    "expected.mix": "테스트 데이터에서 각 클래스로 예측된 비율과 검증 데이터에서의 비율:",
    "expected.share": "예측 비율",
    "expected.share_val": "검증 비율",
    "expected.points": "차이(%p)",
    "damage.ink_fade": "잉크 바램",
    "damage.show_through": "뒷면 비침",
    "damage.stain": "얼룩",
    "damage.overlay": "다른 문서 겹침",
    "damage.mirror": "좌우 반전",
    "damage.quarter_turn": "90° 회전",
    "damage.bend": "종이 휨",
    "damage.rotation": "회전",
    "damage.perspective": "원근 왜곡",
    "damage.table": "책상 배경",
    "damage.gradient": "조명 기울기",
    "damage.shadow": "그림자",
    "damage.focus_blur": "초점 흐림",
    "damage.motion_blur": "흔들림",
    "damage.darkness": "어두움",
    "damage.brightness": "밝기",
    "damage.contrast": "낮은 대비",
    "damage.noise": "노이즈",
    "damage.rescale": "낮은 해상도",
    "damage.occlusion": "가려짐",
    "damage.jpeg": "JPEG 열화",
    # confidence
    "confidence": "확신도",
    "calibration": "확신도 보정",
    "calibration.caption": "신뢰도 그래프: 확신도에 따른 실제 정답 비율입니다. 점선 위에 있으면 둘이 같고, 점이 클수록 "
    "문서가 많습니다. 자동 처리 그래프: 확신도가 높은 문서부터 자동 처리할 때의 정밀도입니다.",
    "calibration.caption_short": "확신도에 따른 실제 정답 비율입니다. 점선 위에 있으면 둘이 같고, 점이 클수록 문서가 "
    "많습니다.",
    "calibration.temperature": "확신도는 온도 {temperature}로 보정합니다({part} 기준으로 추정).",
    "calibration.ece": "{part}의 기대 보정 오차(ECE): 보정 전 {before}, 보정 후 {after}.",
    "calibration.part_val": "원본 검증",
    "calibration.part_shifted": "변형 검증",
    "coverage": "사람 없이 처리할 수 있는 문서",
    "coverage.note": "확신도가 임계값보다 낮은 문서는 사람이 확인합니다. 임계값은 이 문서들로 해당 정밀도를 보장할 수 "
    "있을 때(90% 하한 기준)에만 제시하므로, 높은 정밀도에는 오류 없는 문서가 많이 필요합니다. {part}에서 "
    "측정했습니다.",
    "coverage.target": "목표 정밀도",
    "coverage.threshold": "확신도 임계값",
    "coverage.share": "사람 없이 처리되는 문서",
    "coverage.reached": "측정된 정밀도",
    "coverage.never": "도달하는 임계값 없음",
    "coverage.use": "사람이 확인할 문서를 표시합니다. 나머지는 지정한 정밀도로 맞습니다.",
    # views
    "views": "TTA 뷰와 재확인",
    "views.views": "뷰",
    "views.note": "각 뷰를 원래 화면과 {space} 평균한 결과입니다({part}). 향상 폭의 90% 구간은 문서에 대한 "
    "부트스트랩입니다.",
    "views.space_probability": "확률로",
    "views.space_logit": "로짓으로",
    "views.caption": "각 뷰가 Macro-F1에 더하는 값입니다. 파란색은 도움이 됨, 주황색은 해로움, 회색은 이 문서들로는 "
    "판단할 수 없음을 뜻합니다.",
    "views.configured": "설정된 뷰({views})를 함께 쓰면 Macro-F1은 {value}, 원래 화면만 쓰면 {base}입니다({gain}).",
    "views.single": "이 실행은 문서를 원래 화면 그대로 예측합니다: Macro-F1 {base}.",
    "views.hurt": "해로운 뷰: {views}.",
    "views.hurt_configured": "해로운 뷰: {views}. 이 가운데 {configured} 뷰가 이 실행에 설정되어 있으며, 빼는 편이 "
    "나을 가능성이 큽니다.",
    "views.none_hurts": "뚜렷하게 해로운 뷰는 없습니다.",
    "view": "뷰",
    "view.alone": "단독",
    "view.with": "원래 화면과 함께",
    "view.gain": "향상",
    "view.interval": "90% 구간",
    "view.verdict": "판정",
    "verdict.helps": "도움이 됨",
    "verdict.hurts": "해로움",
    "verdict.unclear": "불분명",
    "second_look": "재확인(second look)",
    "second_look.text": "확신도가 {gate} 미만인 문서(전체의 {share})를 {views} 뷰로 다시 예측하고, 두 번째 답을 "
    "{blend} 비중으로 섞습니다. Macro-F1은 {before}에서 {after}로 바뀌며, 문서 단위 교차 검증으로 잰 향상은 "
    "{gain}{interval}입니다.",
    "second_look.interval": "(구간 {low} ~ {high})",
    "second_look.used": "예측에 사용합니다.",
    "second_look.unused_small": "구간이 0을 포함하므로 예측에 사용하지 않습니다.",
    "second_look.unused_worse": "향상이 없으므로 예측에 사용하지 않습니다.",
    "second_look.unused": "예측에는 사용하지 않습니다(`second_look: false`).",
    # analysis
    "topic.shift": "훼손된 문서",
    "topic.confidence": "확신도와 뷰",
    "finding.shift_large": "레시피로 훼손하면 Macro-F1이 {clean:.4f}에서 {shifted:.4f}로 떨어집니다(원본 대비 "
    "{ratio:.1%}). 원본 검증만 보면 오판하게 됩니다. 이런 문서에 대해서는 {drop:.4f}만큼 높게 보입니다.",
    "finding.shift_some": "레시피로 훼손하면 Macro-F1이 {clean:.4f}에서 {shifted:.4f}로 낮아집니다(원본 대비 "
    "{ratio:.1%}).",
    "finding.shift_small": "레시피로 훼손해도 Macro-F1은 거의 그대로입니다: {clean:.4f} 대신 "
    "{shifted:.4f}({ratio:.1%}). 이 경우 원본 검증만 보아도 오판하지 않습니다.",
    "finding.shift_classes": "성능이 가장 크게 떨어지는 클래스(F1 원본 → 변형): {suffering}.",
    "finding.shift_class": "{name} {clean:.3f} → {shifted:.3f}",
    "finding.damages_break": "모델을 무너뜨리는 훼손(가장 심할 때의 Macro-F1 변화): {harmful}.",
    "finding.damages_bear": "견디는 훼손(저하 {least:.2f} 미만): {harmless}.",
    "finding.damage_cost": "{damage} ({cost})",
    "finding.shift_epoch": "원본 검증과 변형 검증이 서로 다른 에포크를 고릅니다. 선택된 {epoch:,}번째 에포크의 변형 "
    "Macro-F1은 {at_chosen:.4f}, {best:,}번째 에포크는 {at_best:.4f}였습니다.",
    "finding.server_like_shifted": "{part} 서버 점수({score:.4f})는 원본 검증({clean:.4f})보다 변형 검증"
    "({shifted:.4f})에 가깝습니다. 서버의 문서가 훼손된 문서와 비슷합니다.",
    "finding.server_like_clean": "{part} 서버 점수({score:.4f})는 변형 검증({shifted:.4f})보다 원본 검증"
    "({clean:.4f})에 가깝습니다. 레시피가 서버의 문서보다 가혹합니다.",
    "finding.expected_inside": "{part} 서버 점수({score:.4f})는 예상 점수의 90% 구간({low:.4f}–{high:.4f}) 안에 "
    "있습니다.",
    "finding.expected_outside": "{part} 서버 점수({score:.4f})는 예상 점수의 90% 구간({low:.4f}–{high:.4f})을 "
    "벗어났습니다. 열 번에 한 번은 우연히 그럴 수 있으며, 그렇지 않다면 레시피가 서버의 문서를 제대로 묘사하지 못한 "
    "것입니다.",
    "finding.too_sure": "모델이 실제 정답 비율보다 더 확신합니다: 온도 {temperature:.2f}, 기대 보정 오차는 보정 전 "
    "{before:.3f}, 보정 후 {after:.3f}.",
    "finding.too_cautious": "모델이 실제 정답 비율보다 덜 확신합니다: 온도 {temperature:.2f}, 기대 보정 오차는 보정 전 "
    "{before:.3f}, 보정 후 {after:.3f}.",
    "finding.routable": "정밀도 {target:.0%}에서 문서의 {coverage:.0%}를 사람 없이 처리할 수 있습니다(확신도 "
    "{threshold:.2f} 이상).",
    "finding.not_routable": "이 문서들로는 정밀도 {target:.0%}를 보장하는 임계값이 없습니다.",
    "finding.views_hurt": "해로운 뷰: {views}.",
    "finding.configured_view_hurts": "해로운 뷰: {views}. 이 가운데 설정된 뷰: {in_use}.",
    # next steps
    "try.document_policy": "훼손된 문서에서 Macro-F1이 {drop:.4f} 낮습니다. `document` 정책은 그런 문서로 학습합니다.",
    "try.shifted_monitor": "변형 검증으로 에포크를 고릅니다. 가장 높은 변형 Macro-F1은 {best_f1:.4f}, 선택된 에포크의 "
    "값은 {f1:.4f}입니다.",
    # configuration
    "yaml.shift": "변형 검증",
    "yaml.other": "그 밖의 설정",
    # files
    "file.shift.yaml": "변형 검증의 레시피",
    "file.shifted_predictions.parquet": "훼손된 검증 문서의 확률",
    "file.view_predictions.parquet": "뷰별 확률",
    "file.damage_predictions.parquet": "훼손 종류별 확률",
    "file.robustness": "모델이 무너진 문서 (파일 {count}개)",
    "file.robustness.png": "강건성 프로파일",
    "file.calibration.png": "신뢰도와 자동 처리 그래프",
    "file.views.png": "뷰별 향상",
    # plots
    "plot.val_shifted": "변형 검증",
    "plot.severity_axes": "가로: 훼손 강도. 세로: Macro-F1. 점선: 원본 문서.",
    "plot.all_or_nothing": "강도 구분 없음",
    "plot.reliability_val": "신뢰도, 원본",
    "plot.reliability_shifted": "신뢰도, 변형",
    "plot.confidence": "확신도",
    "plot.right": "정답 비율",
    "plot.coverage_title": "자동 처리 비율과 정밀도",
    "plot.coverage": "사람 없이 처리되는 문서",
    "plot.precision": "정밀도",
    "plot.views": "뷰별 향상",
    "plot.gain": "원래 화면 대비 Macro-F1 변화",
}
