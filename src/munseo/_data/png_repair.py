"""PNG files whose pixels are all there, but whose other content stops the readers: such content is left out.

A page is not worth less because a program wrote megabytes of text next to it, got a checksum of a comment wrong, or
left out the end mark. What decides the pixels is never changed or guessed.
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT_BYTES = 2**16
"""Texts and colour profiles above this size are left out: readers refuse megabytes of them, packed or not."""

_CRITICAL = frozenset([b"IHDR", b"PLTE", b"IDAT", b"IEND"])
_NOT_PIXELS = frozenset([b"tEXt", b"zTXt", b"iTXt", b"iCCP"])
"""Chunks that never change the pixels that Munseo reads, and may be large. Small ones stay: an orientation may be in a
text."""
_END = b"\0\0\0\0IEND\xaeB`\x82"


def without_obstacles(data: bytes) -> tuple[bytes, bool]:
    """Return a PNG without the chunks that readers stumble over, and whether its end mark was missing.

    Left out are large texts and colour profiles, and chunks with a wrong checksum that are not critical (PNG 1.2,
    section 3.3). A missing end mark is added where the last chunk is whole; whether all pixels are there is for the
    reader to say. A file without any of this is returned as it is, without a copy.
    """
    view = memoryview(data)
    position, is_changed, ended = len(SIGNATURE), False, False
    kept = [view[: len(SIGNATURE)]]
    while position + 12 <= len(data) and not ended:
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return data, False
        ended = kind == b"IEND"
        if _is_obstacle(view[position:end], kind):
            is_changed = True
        else:
            kept.append(view[position:end])
        position = end
    if ended and not is_changed:
        return data, False
    return b"".join([*kept, b"" if ended else _END]), not ended


def _is_obstacle(chunk: memoryview, kind: bytes) -> bool:
    if kind in _CRITICAL:
        return False
    if kind in _NOT_PIXELS and len(chunk) > MAX_TEXT_BYTES:
        return True
    packed = _packed(bytes(chunk[8:-4]), kind) if kind in _NOT_PIXELS else b""
    if packed and _unpacks_beyond(packed):
        return True
    checksum: int = struct.unpack(">I", chunk[-4:])[0]
    return zlib.crc32(chunk[4:-4]) != checksum


def _packed(content: bytes, kind: bytes) -> bytes:
    """Return the packed part of a text or a colour profile; empty if nothing is packed."""
    rest = content.partition(b"\0")[2]
    if kind == b"iTXt":  # a flag, the method, and the language and the name in that language, each ended by a zero
        return rest[2:].partition(b"\0")[2].partition(b"\0")[2] if rest[:1] == b"\1" else b""
    return b"" if kind == b"tEXt" else rest[1:]


def _unpacks_beyond(packed: bytes) -> bool:
    try:
        return len(zlib.decompressobj().decompress(packed, MAX_TEXT_BYTES + 1)) > MAX_TEXT_BYTES
    except zlib.error:
        return True
