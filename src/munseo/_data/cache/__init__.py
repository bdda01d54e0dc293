"""The cache of decoded pages: pages after the resize, in memory-mapped files that all runs share.

``cache_pages`` finds pages in the cache or decodes them into it; ``square`` returns the pixels of a page, cached or
not. Pages are stored at the exact size of the letterbox, without its white padding: augmentation works on the
letterboxed square, so no margin around it is needed, and a run has the same bits with and without a cache.
"""

from munseo._data.cache.cache_fill import cache_pages
from munseo._data.cache.cached_page import square
from munseo._data.cache.checked_files import CheckedFiles
from munseo._data.cache.pack_storage import cache_folder

__all__ = ["CheckedFiles", "cache_folder", "cache_pages", "square"]
