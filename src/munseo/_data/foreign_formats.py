"""Formats that Munseo recognises but does not read: their names, and how each is converted."""

from __future__ import annotations

import re

from munseo._locale import Remark

_XML = rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*)*"
_OFFICE = rb"(?s)PK\x03\x04.{0,900}?"

_STARTS = (
    # Drawings and texts
    ("svg", rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*|<!doctype svg.*?)*<svg"),
    ("html", _XML + rb"(<!doctype html|<html|<head|<body)"),
    ("postscript", rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("metafile", rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF"),
    ("dwg", rb"AC10\d\d"),
    ("rtf", rb"\{\\rtf"),
    ("xml", rb"(\xef\xbb\xbf)?\s*<\?xml"),
    # Pictures of other programs
    ("dicom", rb".{128}DICM"),
    ("jbig2", rb"\x97JB2\r\n\x1a\n"),
    ("pcx", rb"\x0a[\x00\x02-\x05]\x01[\x01\x02\x04\x08]"),
    ("dcx", rb"\xb1\x68\xde\x3a"),
    ("jpegxl", rb"\xff\x0a|\x00\x00\x00\x0cJXL "),
    ("jpegxr", rb"II\xbc"),
    ("jpegls", rb"\xff\xd8\xff[\xe8\xf7]"),
    ("photoshop", rb"8BPS"),
    ("gimp", rb"gimp xcf"),
    ("fits", rb"SIMPLE  ="),
    ("djvu", rb"AT&TFORM"),
    ("mdi", rb"EP\x2a\x00"),
    ("icon", rb"\x00\x00[\x01\x02]\x00"),
    ("sgi", rb"\x01\xda[\x00\x01][\x01\x02]"),
    ("sun", rb"\x59\xa6\x6a\x95"),
    ("pam", rb"P7\s|P[Ff]\s"),
    ("qoi", rb"qoif"),
    ("exr", rb"\x76\x2f\x31\x01"),
    ("hdr", rb"#\?(RADIANCE|RGBE)"),
    ("dds", rb"DDS "),
    ("iff", rb"FORM.{4}(ILBM|PBM )"),
    ("cals", rb"srcdocid:"),
    ("xbm", rb"#define \w+_width \d+|/\* XPM \*/"),
    ("mng", rb"[\x8a\x8b][MJ]NG\r\n\x1a\n"),
    ("raw", rb".{4}ftypcrx|FUJIFILMCCD-RAW|II\x55\x00|IIRO|\x00MRM"),
    ("video", rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI |\x00\x00\x01[\xba\xb3]"),
    # Office documents
    ("hwpx", _OFFICE + rb"mimetypeapplication/hwp"),
    ("opendocument", _OFFICE + rb"mimetypeapplication/vnd\.oasis"),
    ("epub", _OFFICE + rb"mimetypeapplication/epub"),
    ("docx", _OFFICE + rb"word/"),
    ("xlsx", _OFFICE + rb"xl/"),
    ("pptx", _OFFICE + rb"ppt/"),
    ("ooxml", _OFFICE + rb"(\[Content_Types\]\.xml|_rels/)"),
    ("ofd", _OFFICE + rb"OFD\.xml"),
    ("hwp", rb"HWP Document File"),
    ("ole", rb"\xd0\xcf\x11\xe0"),
    ("mail", rb"(From|Received|Return-Path|Delivered-To|MIME-Version|Date|Subject): "),
    # What programs that protect documents write under the name of the original: Fasoo, SoftCamp, NASCA
    ("drm", rb"\x9b ?DRMONE|SCDSA\d{3}|<## NASCA DRM FILE"),
    # Archives
    ("zip", rb"PK\x03\x04|PK\x05\x06"),
    ("rar", rb"Rar!\x1a\x07"),
    ("sevenzip", rb"7z\xbc\xaf\x27\x1c"),
    ("gzip", rb"\x1f\x8b"),
    ("bzip2", rb"BZh[1-9]1AY&SY"),
    ("xz", rb"\xfd7zXZ\x00"),
    ("zstd", rb"\x28\xb5\x2f\xfd"),
    ("tar", rb".{257}ustar"),
    ("alz", rb"ALZ\x01|EGGA"),
    # What is no picture at all
    ("lfs", rb"version https://git-lfs"),
    ("parquet", rb"PAR1"),
    ("program", rb"\x7fELF|MZ.{58}|\xcf\xfa\xed\xfe"),
)
"""How each starts. The name is the end of the key ``note.image.content.<name>`` in the catalogue of texts, which names
the format and says how to convert it."""


def content_of(head: bytes) -> Remark:
    """Return what a file holds that is none of the formats, given its first bytes."""
    for name, start in _STARTS:
        if re.match(start, head, re.DOTALL):
            return Remark(f"image.content.{name}")
    if not head.strip(b"\0"):
        return Remark("image.content.zeros")
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return Remark("image.content.text")
    return Remark("image.content.unknown", {"start": head[:8].hex(" ")})
