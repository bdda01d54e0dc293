"""Typed letters as pages, as squares, and as a data folder."""

import cv2
import numpy as np
import pytest
from letters import draw_letter

from munseo._data import letterbox
from munseo._randomness import generator


@pytest.fixture(scope="session")
def letter():
    """One page, 320 × 240 px."""
    return draw_letter(0)


@pytest.fixture(scope="session")
def squares():
    """120 letterboxed pages of 192 px."""
    return [letterbox(draw_letter(index), 192) for index in range(120)]


@pytest.fixture(scope="session")
def letters_folder(tmp_path_factory):
    """A data folder of 24 train pages of two classes, and 24 test pages that are noisy and turned."""
    folder = tmp_path_factory.mktemp("letters") / "letters"
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    rows = ["ID,target"]
    for index in range(24):
        cv2.imwrite(str(folder / "train" / f"{index}.jpg"), draw_letter(index), [cv2.IMWRITE_JPEG_QUALITY, 95])
        rows.append(f"{index}.jpg,{index % 2}")
        page = np.rot90(draw_letter(100 + index)).astype(np.float32)
        noisy = np.clip(page + generator(1, "noise", index).normal(0, 15, page.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / "test" / f"t{index}.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 40])
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    return folder
