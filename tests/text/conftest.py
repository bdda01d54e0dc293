"""A text model that all tests share."""

import pytest
from drawn_texts import CLASSES, draw_texts

from munseo._text.text_model import TextModel


@pytest.fixture(scope="session")
def trained():
    texts, labels = draw_texts(45, 1)
    return TextModel.fit(texts, labels, CLASSES, min_pages=4)
