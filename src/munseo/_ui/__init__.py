"""The local web page: runs, pages, reviews, trying and augmenting."""
