"""A page's class from its words: n-grams, a linear model, and what single words say."""
