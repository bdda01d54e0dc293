"""The decoded cache: pages as they are after the resize, in memory-mapped files that all runs share.

``cache_pages`` finds or builds; ``square`` is how everything gets the pixels of a page, cached or not. Pages are kept
at the exact size of the letterbox, without its white: augmentation works on the letterboxed square, so there is no use
for a margin around it, and a run has the same bits with and without a cache.
"""

from munseo._data.cache.cache_fill import cache_pages
from munseo._data.cache.cached_page import square
from munseo._data.cache.pack_storage import cache_folder

__all__ = ["cache_folder", "cache_pages", "square"]
