"""What was found, in a few plain sentences."""

from __future__ import annotations

import numpy as np

from munseo._augment.recipe import Entry
from munseo._shift.measured_shift import Shift
from munseo._shift.measures import SKEWED_DEG

WORTH_SAYING = 0.05
FAR_DEG = 30.0
"""Pages that lie in any direction are skewed by more than this in one case of three; nobody feeds paper like that."""
LYING = ("mirror", "quarter_turn", "rotation")
"""Damages that the first sentence tells of, from the pages themselves."""
WORDS = {
    "bend": "bent paper",
    "perspective": "an oblique view",
    "table": "a table around the page",
    "gradient": "light that falls off",
    "shadow": "a shadow",
    "focus_blur": "blur",
    "motion_blur": "motion blur",
    "darkness": "underexposure",
    "brightness": "overexposure",
    "contrast": "low contrast",
    "noise": "noise",
    "occlusion": "boxes",
    "jpeg": "coarse JPEG",
}


def summarise(found: Shift) -> list[str]:
    """One to three sentences: how test pages lie, what the recipe does, how near simulated pages come.

    Args:
        found: What was measured.
    """
    sentences = [_lying(found), _damages(found.fit.recipe.damages)]
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        sentences = ["Test pages measure like train pages: no damage is common enough to tell."]
    near = f"{found.fit.after:.2f} under the recipe, {found.fit.before:.2f} without (0 is the same, 2 the most)"
    return [*sentences, f"Mean distance of train pages to test pages: {near}."]


def _lying(found: Shift) -> str:
    skewed = float(np.mean(np.abs(found.test["skew"]) > SKEWED_DEG))
    usual = float(np.mean(np.abs(found.train["skew"]) > SKEWED_DEG))
    far = float(np.mean(np.abs(found.test["skew"]) > FAR_DEG))
    how = f", {_percent(far)} by more than {FAR_DEG:.0f}°: over the whole circle" if far >= WORTH_SAYING else ""
    parts = []
    if found.mirrored >= WORTH_SAYING:
        parts.append(f"{_percent(found.mirrored)} are mirrored")
    if found.turned >= WORTH_SAYING:
        parts.append(f"{_percent(found.turned)} lie on their side or upside down")
    if skewed - usual >= WORTH_SAYING:
        parts.append(f"{_percent(skewed)} are skewed ({_percent(usual)} of the train pages){how}")
    return f"Of the test pages about {_joined(parts)}." if parts else ""


def _damages(damages: tuple[Entry, ...]) -> str:
    others = [entry for entry in damages if entry[0] not in LYING and entry[1] >= WORTH_SAYING]
    others.sort(key=lambda entry: -entry[1])
    parts = [f"{WORDS[name]} on {_percent(probability)}" for name, probability, *_ in others]
    return f"The recipe that makes train pages look like them puts {_joined(parts)}." if parts else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
