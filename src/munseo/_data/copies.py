"""Copies among pages: which of them show the same picture, turned, mirrored or saved again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from munseo._cores import num_cores
from munseo._data.container.contained_file import ImageFile
from munseo._data.decoder import decode
from munseo._data.near_duplicates import LEAST_FINE_LIKENESS, SamePicture, fine_likeness, fine_square, same_pictures


def pairs_of_copies(paths: Sequence[ImageFile], thumbnails: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Return the pairs of pages that show the same picture, by their indices.

    Thumbnails find the candidates; these few pages are read again to make sure.

    Args:
        paths: The files of N pages.
        thumbnails: The ``near_duplicates.thumbnail`` of each.
    """
    threads = num_cores()
    pairs = same_pictures(thumbnails, threads)

    def likeness(pair: SamePicture) -> float:
        first, second = (fine_square(decode(paths[index])) for index in (pair.first, pair.second))
        return fine_likeness(first, second, pair.turn)

    with ThreadPoolExecutor(threads) as pool:
        likenesses = pool.map(likeness, pairs)
        same = [pair for pair, value in zip(pairs, likenesses, strict=True) if value >= LEAST_FINE_LIKENESS]
    return [(pair.first, pair.second) for pair in same]
