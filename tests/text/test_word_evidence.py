"""What words say: the parts sum to the whole, and the words of a class are those that only it has."""

import numpy as np
from drawn_texts import CLASSES, WORDS, draw_texts

from munseo._text.word_evidence import class_words, evidence_of_words


def test_the_evidence_of_all_words_is_the_logit_beside_the_mean(trained):
    texts, _ = draw_texts(4, 9)
    for text in [*texts, "Dear, DEAR sir; dear-madam!! 1999 설탕을 넣고"]:
        logits = (trained.features([text]) @ trained.coefficients.T)[0].astype(np.float64)
        for label in range(len(CLASSES)):
            told = evidence_of_words(trained, text.split(), label)
            assert np.isclose(told.sum(), logits[label] - logits.mean(), atol=1e-4)


def test_a_word_of_the_class_speaks_for_it_and_one_of_another_class_against_it(trained):
    told = evidence_of_words(trained, ["sincerely", "oven", "qqqq"], CLASSES.index("letter"))
    assert told[0] > 0 > told[1]
    assert abs(told[2]) < 0.02


def test_each_class_is_described_by_its_own_words_and_by_no_name(trained):
    texts, labels = draw_texts(45, 1)
    listed = class_words(trained, [text.split() for text in texts], labels, min_pages=4)
    for name, words in zip(CLASSES, listed, strict=True):
        assert {word.word for word in words[:4]} <= set(WORDS[name])
        assert all(word.evidence > 0 and word.num_pages >= 4 for word in words)
        assert not [word for word in words if word.word.startswith("person")]


def test_pages_without_words_say_nothing(trained):
    assert evidence_of_words(trained, [], 0).shape == (0,)
    assert class_words(trained, [[], []], [0, 1], 1) == [(), (), ()]
