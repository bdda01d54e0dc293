"""Misread texts: a function of their key, from nearly right to nearly empty, never longer than they can be."""

import numpy as np

from munseo._text.reading_errors import misread

TEXT = "The quick brown fox jumps over the lazy dog while Hangul 문서 is read in 1999 " * 8


def test_a_copy_is_a_function_of_its_key_and_copies_differ():
    assert misread(TEXT, 0, 1, 2) == misread(TEXT, 0, 1, 2)
    assert len({misread(TEXT, 0, page, 0) for page in range(20)}) == 20


def test_copies_lose_words_and_characters_to_every_degree():
    words = TEXT.split()
    copies = [misread(TEXT, 3, page).split() for page in range(200)]
    kept = np.array([len(copy) / len(words) for copy in copies])
    assert kept.max() > 0.95
    assert kept.min() < 0.35
    wrong = np.array([np.mean([word not in words for word in copy]) if copy else 0 for copy in copies])
    assert wrong.min() == 0
    assert 0.1 < wrong.mean() < 0.4


def test_a_text_without_words_stays_one():
    assert misread("", 0, 0) == ""
    assert misread(" \n ", 0, 0) == ""
