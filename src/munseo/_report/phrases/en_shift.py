"""English: damaged pages, confidence, views."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    # headline
    "macro_f1_shifted": "Shifted validation macro-F1",
    "macro_f1_clean": "Clean validation macro-F1",
    "macro_f1_expected": "Expected macro-F1 on the test part",
    "ratio_of_clean": "{ratio} of clean",
    "interval_of_90": "90% interval {low}–{high}",
    "estimates.label": "Macro-F1 with its interval",
    "estimates.clean": "clean validation",
    "estimates.shifted": "shifted validation",
    "estimates.expected": "expected on the test part (90%)",
    "estimates.server": "server score ({part})",
    "summary.shifted": "On the same pages, damaged by the recipe `{recipe}`, macro-F1 is {shifted}{interval} instead "
    "of {clean}: {ratio} of clean.",
    "summary.shifted_interval": " (95% interval {low}–{high})",
    "summary.expected": "On the {pages} pages of the test part, a macro-F1 of {value} is to be expected{interval}.",
    "summary.expected_unknown": "On the test part, a macro-F1 of {value} is to be expected{interval}.",
    "summary.expected_interval": " (90% interval {low}–{high})",
    "curves.shifted": "“Shifted” is the same validation pages, damaged by the recipe.",
    # shifted validation
    "shift": "Damaged pages",
    "shift.compare": "Clean and shifted validation",
    "shift.how": "Every validation page was damaged {draws} times by the recipe `{recipe}` (`shift.yaml`), with the "
    "same damage in every run. The intervals are 95% intervals by bootstrap over the {pages} pages.",
    "shift.how_once": "Every validation page was damaged once by the recipe `{recipe}` (`shift.yaml`), with the same "
    "damage in every run. The intervals are 95% intervals by bootstrap over the {pages} pages.",
    "part.clean": "Clean",
    "part.shifted": "Shifted",
    "shift.ratio": "Shifted / clean",
    "shift.classes": "Which classes suffer",
    "f1_clean": "F1 clean",
    "f1_shifted": "F1 shifted",
    "change": "Change",
    "robustness": "Robustness profile",
    "robustness.caption": "Macro-F1 against severity, one damage at a time, on {pages} validation pages; the most "
    "harmful first. Dashed: clean pages. Beside each name: what the damage costs where it costs most.",
    "robustness.pages": "Pages that break it: right when clean, wrong under one damage (in brackets: its severity). "
    "True class → predicted class, and how sure the model was.",
    "robustness.page": "{damage} ({severity}): {true} → {predicted}, {confidence}",
    "robustness.page_ungraded": "{damage}: {true} → {predicted}, {confidence}",
    "robustness.more": "{count} more pages are in `robustness/`.",
    "expected": "What to expect on the test part",
    "expected.value": "Expected macro-F1",
    "expected.interval": "90% interval",
    "expected.pages": "Pages",
    "expected.confidence": "Mean confidence on them",
    "expected.note": "Computed from the shifted validation, and corrected for what the predictions on the test part "
    "themselves show: calibrated confidence, and how often each class is predicted. No label of a test page is known.",
    "expected.mix": "How often each class is predicted on the test part, and how often it occurs in validation:",
    "expected.share": "Predicted share",
    "expected.share_val": "Validation share",
    "expected.points": "Difference, points",
    "damage.ink_fade": "Ink fade",
    "damage.show_through": "Show-through",
    "damage.stain": "Stains",
    "damage.overlay": "Second page laid over",
    "damage.mirror": "Mirrored",
    "damage.quarter_turn": "Quarter turns",
    "damage.bend": "Bent paper",
    "damage.rotation": "Rotation",
    "damage.perspective": "Perspective",
    "damage.table": "On a table",
    "damage.gradient": "Light gradient",
    "damage.shadow": "Shadow",
    "damage.focus_blur": "Out of focus",
    "damage.motion_blur": "Motion blur",
    "damage.darkness": "Darkness",
    "damage.brightness": "Brightness",
    "damage.contrast": "Low contrast",
    "damage.noise": "Noise",
    "damage.rescale": "Low resolution",
    "damage.occlusion": "Covered parts",
    "damage.jpeg": "JPEG artefacts",
    # confidence
    "confidence": "Confidence",
    "calibration": "Calibration",
    "calibration.caption": "Reliability: how often an answer is right, against the confidence it was given with; on "
    "the dashed line both are equal, and a larger dot is more pages. Coverage: the precision of the answers when only "
    "the surest pages are answered.",
    "calibration.caption_short": "How often an answer is right, against the confidence it was given with; on the "
    "dashed line both are equal, and a larger dot is more pages.",
    "calibration.temperature": "Confidence is corrected with the temperature {temperature} (fitted on {part}).",
    "calibration.ece": "Expected calibration error on {part}: {before} before, {after} after.",
    "calibration.part_val": "clean validation",
    "calibration.part_shifted": "shifted validation",
    "coverage": "Pages without a person",
    "coverage.note": "Pages whose confidence is below the threshold go to a person. A threshold is given only where "
    "these pages can promise the precision (lower bound at 90%), so a high one needs many pages without a mistake. "
    "Measured on {part}.",
    "coverage.target": "Precision wanted",
    "coverage.threshold": "Confidence threshold",
    "coverage.share": "Pages without a person",
    "coverage.reached": "Precision reached",
    "coverage.never": "none reaches it",
    "coverage.use": "Say which pages need a person: the others are right with the precision asked for.",
    # views
    "views": "Views and second look",
    "views.views": "Views",
    "views.note": "Each view averaged with the page as it stands ({space}), on {part}; 90% intervals of the gain by "
    "bootstrap over pages.",
    "views.space_probability": "in probability",
    "views.space_logit": "in logits",
    "views.caption": "What each view adds to macro-F1. Blue: helps; orange: hurts; grey: these pages cannot tell.",
    "views.configured": "The configured views ({views}) give a macro-F1 of {value} together; the page as it stands "
    "gives {base} ({gain}).",
    "views.single": "The run predicts each page as it stands: macro-F1 {base}.",
    "views.hurt": "These views hurt: {views}.",
    "views.hurt_configured": "These views hurt: {views}. Configured for this run is {configured}; without it the "
    "predictions would probably be better.",
    "views.none_hurts": "No view clearly hurts.",
    "view": "View",
    "view.alone": "Alone",
    "view.with": "With the page as it stands",
    "view.gain": "Gain",
    "view.interval": "90% interval",
    "view.verdict": "Verdict",
    "verdict.helps": "helps",
    "verdict.hurts": "hurts",
    "verdict.unclear": "unclear",
    "second_look": "Second look",
    "second_look.text": "Pages with a confidence below {gate} ({share} of the pages) are predicted again with {views}, "
    "and the second answer counts for {blend}. That takes macro-F1 from {before} to {after}: a gain of "
    "{gain}{interval}, by cross-validation over pages.",
    "second_look.interval": " (interval {low} to {high})",
    "second_look.used": "It is used in prediction.",
    "second_look.unused_small": "The interval contains zero, and it is not used in prediction.",
    "second_look.unused_worse": "That is no gain, and it is not used in prediction.",
    "second_look.unused": "It is not used in prediction (`second_look: false`).",
    # analysis
    "topic.shift": "Damaged pages",
    "topic.confidence": "Confidence and views",
    "finding.shift_large": "Under the recipe macro-F1 falls from {clean:.4f} to {shifted:.4f}, {ratio:.1%} of clean. "
    "Clean validation alone would mislead: for pages like those of the recipe it promises {drop:.4f} too much.",
    "finding.shift_some": "Under the recipe macro-F1 falls from {clean:.4f} to {shifted:.4f}, {ratio:.1%} of clean.",
    "finding.shift_small": "Under the recipe macro-F1 hardly changes: {shifted:.4f} instead of {clean:.4f} "
    "({ratio:.1%}). Clean validation would not mislead here.",
    "finding.shift_classes": "Classes that suffer most, by F1 clean → shifted: {suffering}.",
    "finding.shift_class": "{name} {clean:.3f} → {shifted:.3f}",
    "finding.damages_break": "What breaks it, by macro-F1 lost at the worst severity: {harmful}.",
    "finding.damages_bear": "What it bears (less than {least:.2f} lost): {harmless}.",
    "finding.damage_cost": "{damage} ({cost})",
    "finding.shift_epoch": "Clean and shifted validation prefer different epochs: the chosen one ({epoch:,}) has a "
    "shifted macro-F1 of {at_chosen:.4f}, epoch {best:,} had {at_best:.4f}.",
    "finding.server_like_shifted": "The {part} server score, {score:.4f}, is nearer to shifted validation "
    "({shifted:.4f}) than to clean validation ({clean:.4f}): the server's pages are like the damaged ones.",
    "finding.server_like_clean": "The {part} server score, {score:.4f}, is nearer to clean validation ({clean:.4f}) "
    "than to shifted validation ({shifted:.4f}): the recipe is harsher than the server's pages.",
    "finding.expected_inside": "The {part} server score, {score:.4f}, lies within the 90% interval of the expected "
    "score ({low:.4f}–{high:.4f}).",
    "finding.expected_outside": "The {part} server score, {score:.4f}, lies outside the 90% interval of the expected "
    "score ({low:.4f}–{high:.4f}). That happens to one score in ten by chance; otherwise the recipe does not describe "
    "the server's pages.",
    "finding.too_sure": "The model is surer than it is right: temperature {temperature:.2f}; expected calibration "
    "error {before:.3f} before the correction and {after:.3f} after it.",
    "finding.too_cautious": "The model is less sure than it is right: temperature {temperature:.2f}; expected "
    "calibration error {before:.3f} before the correction and {after:.3f} after it.",
    "finding.routable": "{coverage:.0%} of the pages can do without a person at a precision of {target:.0%}, "
    "with a confidence of at least {threshold:.2f}.",
    "finding.not_routable": "On these pages no threshold can promise a precision of {target:.0%}.",
    "finding.views_hurt": "Views that hurt: {views}.",
    "finding.configured_view_hurts": "Views that hurt: {views}. Of these, {in_use} is configured.",
    # next steps
    "try.document_policy": "Under damage macro-F1 is {drop:.4f} lower; the `document` policy trains on such pages.",
    "try.shifted_monitor": "Chooses the epoch by shifted validation; its best macro-F1 was {best_f1:.4f}, the chosen "
    "epoch has {f1:.4f}.",
    # configuration
    "yaml.shift": "validation under shift",
    "yaml.other": "other settings",
    # files
    "file.shift.yaml": "the recipe of the shifted validation",
    "file.shifted_predictions.parquet": "probabilities of the damaged validation pages",
    "file.view_predictions.parquet": "probabilities of every view",
    "file.damage_predictions.parquet": "probabilities under each damage",
    "file.robustness": "pages that break it ({count} files)",
    "file.robustness.png": "robustness profile",
    "file.calibration.png": "reliability and coverage",
    "file.views.png": "what each view adds",
    # plots
    "plot.val_shifted": "shifted",
    "plot.severity_axes": "Across: severity. Up: macro-F1. Dashed: clean pages.",
    "plot.all_or_nothing": "all or nothing",
    "plot.reliability_val": "Reliability, clean",
    "plot.reliability_shifted": "Reliability, shifted",
    "plot.confidence": "confidence",
    "plot.right": "right answers",
    "plot.coverage_title": "Coverage and precision",
    "plot.coverage": "pages without a person",
    "plot.precision": "precision",
    "plot.views": "What each view adds",
    "plot.gain": "gain in macro-F1 over the page as it stands",
}
