"""Named sets of policies, for those who do not want to choose one by one."""

from __future__ import annotations

LEVELS: dict[str, dict[str, bool]] = {
    "none": {},
    "minimal": {"eda": True},
    "moderate": {"eda": True, "dilation": True, "erosion": True},
    "strong": {"eda": True, "dilation": True, "erosion": True, "document": True, "mixup": True, "cutmix": True},
}
