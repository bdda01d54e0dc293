"""A stream of pages from whatever holds documents, for more files than memory has room for.

The way through: the files of a ``SourceList`` are walked once into a list on the disk (``list_sources``), of which
every shard keeps its own files; ``stream_pages`` decodes them ahead of the model.
"""

from munseo._data.stream.page_stream import StreamedPage, stream_pages
from munseo._data.stream.source_list import STDIN, Listing, SourceList, list_sources, read_sources

__all__ = [
    "STDIN",
    "Listing",
    "SourceList",
    "StreamedPage",
    "list_sources",
    "read_sources",
    "stream_pages",
]
