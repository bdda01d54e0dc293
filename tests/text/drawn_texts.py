"""Texts of three kinds of pages, drawn from a few words each."""

import numpy as np

CLASSES = ("invoice", "letter", "recipe")
WORDS = {
    "invoice": ["total", "amount", "due", "invoice", "tax", "payment", "bank", "account", "청구서", "금액"],
    "letter": ["dear", "sincerely", "yours", "madam", "regards", "kind", "thank", "you", "안녕하세요", "드림"],
    "recipe": ["flour", "sugar", "butter", "oven", "stir", "bake", "minutes", "spoon", "설탕", "소금"],
}
COMMON = ["the", "of", "and", "to", "in", "page", "date", "2024", "for", "is"]


def draw_texts(num_pages, seed):
    """Texts and labels; each page has words of its kind, common words and one name that stands nowhere else."""
    rng = np.random.default_rng(seed)
    labels = [number % len(CLASSES) for number in range(num_pages)]
    texts = []
    for number, label in enumerate(labels):
        own = rng.choice(WORDS[CLASSES[label]], 6)
        words = [*own, *rng.choice(COMMON, 8), f"Person{''.join(chr(97 + int(d)) for d in str(number))}zq"]
        texts.append(" ".join(rng.permutation(words)))
    return texts, labels
