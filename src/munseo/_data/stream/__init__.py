"""A stream of pages from whatever holds documents, for more files than memory has room for.

The way through: ``Inputs`` are walked once into a list on the disk (``list_sources``), of which every shard keeps its
own files; ``stream_pages`` decodes them ahead of the model; ``PartsFolder`` keeps what was predicted, part by part, and
``join_parts`` makes one table of it.
"""

from munseo._data.stream.joined_parts import join_parts, missing_shards, refuse_strangers
from munseo._data.stream.page_stream import StreamedPage, stream_pages
from munseo._data.stream.parts_folder import ERROR, PLACE, PartsFolder, differences, shards_begun
from munseo._data.stream.shard import Shard, launched_shard, parse_shard
from munseo._data.stream.source_list import STDIN, Inputs, Listing, list_sources, read_sources

__all__ = [
    "ERROR",
    "PLACE",
    "STDIN",
    "Inputs",
    "Listing",
    "PartsFolder",
    "Shard",
    "StreamedPage",
    "differences",
    "join_parts",
    "launched_shard",
    "list_sources",
    "missing_shards",
    "parse_shard",
    "read_sources",
    "refuse_strangers",
    "shards_begun",
    "stream_pages",
]
