"""Every kind of sample of a TIFF: read right, in both orders of bytes and as a BigTIFF, or refused by its name."""

from __future__ import annotations

import zlib
from io import BytesIO
from itertools import product

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from tiff_file import tiff

from munseo._data import decode, inspect
from munseo._data.decoder import decode_stored
from munseo._data.image_error import ProblemCode

LAYOUTS = [{"order": order, "big": big} for order, big in product("<>", (False, True))]
GREY, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 1, 2, 3, 5, 6, 8, 9
EXTRA, COLOURS, ORIENTATION, SUBSAMPLING, INK_SET, FORMAT, DEPTH = 338, 320, 274, 530, 332, 339, 32997
LZW, DEFLATE = (5, imagecodecs.lzw_encode), (8, zlib.compress)


@pytest.fixture
def grey(picture):
    return picture[:, :, :1]


def levels(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Return pixels as unsigned numbers of so many bits."""
    kind = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32
    return (pixels.astype(np.uint64) * (2**bits - 1) // 255).astype(kind)


def back(values: np.ndarray, bits: int) -> np.ndarray:
    return np.rint(values.astype(float) * 255 / (2**bits - 1))


def assert_read(data: bytes, expected: np.ndarray, most: float = 1) -> None:
    assert inspect(data).problem is None
    pixels = decode(data)
    expected = np.repeat(expected, 3, 2) if expected.shape[2] == 1 else expected
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected.astype(float)).max() <= most


@pytest.mark.parametrize("bits", [*range(1, 17), 32])
def test_grey_of_every_depth(grey, bits):
    values = levels(grey, bits)
    white_is_zero = (2**bits - 1 - values.astype(np.int64)).astype(values.dtype)
    for layout in LAYOUTS:
        for reverse, compress in product((False, True), (None, DEFLATE)):
            options = {**layout, "reverse": reverse, "compress": compress}
            assert_read(tiff(values, bits, GREY, **options), back(values, bits))
        assert_read(tiff(white_is_zero, bits, 0, **layout), back(values, bits))
        assert_read(
            tiff(values, bits, GREY, rows=5, compress=LZW if bits <= 16 else None, **layout), back(values, bits)
        )
        assert decode_stored(tiff(values, bits, GREY, **layout)).ndim == 2, "grey stays grey"


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 5, 8, 10, 12, 16, 32])
def test_colours_of_every_depth_also_in_planes(picture, bits, planar):
    values = levels(picture, bits)
    for layout in LAYOUTS:
        for reverse, (rows, compress) in product((False, True), ((None, None), (7, DEFLATE))):
            options = {**layout, "planar": planar, "reverse": reverse, "rows": rows, "compress": compress}
            assert_read(tiff(values, bits, RGB, **options), back(values, bits))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_transparency_lies_on_white_whatever_the_colours(picture, grey, bits, planar):
    alpha = np.full_like(grey, 255)
    alpha[:, :20] = 128
    inks = 255 - np.concatenate([picture, np.full_like(grey, 255)], 2)
    for layout in LAYOUTS:

        def write(photometric, *samples, kind, layout=layout):
            values = levels(np.concatenate(samples, 2), bits)
            return tiff(values, bits, photometric, planar=planar, tags=[(EXTRA, 3, [kind])], **layout)

        for photometric, colours in ((GREY, grey), (RGB, picture)):
            laid = np.rint(colours.astype(float) * alpha / 255 + 255 - alpha)
            covered = np.rint(colours.astype(float) * alpha / 255).astype(np.uint8)
            assert_read(write(photometric, colours, alpha, kind=2), laid, 2)
            assert_read(write(photometric, covered, alpha, kind=1), laid, 3)
            assert_read(write(photometric, colours, alpha, kind=0), colours, 1)
        assert_read(write(0, 255 - grey, alpha, kind=2), np.rint(grey.astype(float) * alpha / 255 + 255 - alpha), 2)
        assert_read(write(CMYK, inks, alpha, kind=2), np.rint(picture.astype(float) * alpha / 255 + 255 - alpha), 2)
        assert_read(tiff(levels(inks, bits), bits, CMYK, planar=planar, **layout), picture, 1)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("factor", [257, 1], ids=["16-bit table", "8-bit table"])
def test_palettes_with_both_kinds_of_table(bits, factor):
    table = np.random.default_rng(0).integers(0, 256, (3, 2**bits))
    places = (np.arange(24 * 40).reshape(24, 40, 1) % 2**bits).astype(np.uint8)
    tags = [(COLOURS, 3, (table * factor).ravel().tolist())]
    for layout, reverse in product(LAYOUTS, (False, True)):
        assert_read(tiff(places, bits, PALETTE, tags=tags, reverse=reverse, **layout), table.T[places[:, :, 0]], 0)


def test_a_palette_of_65536_colours():
    table = np.random.default_rng(0).integers(0, 65536, (3, 65536))
    places = (np.arange(960).reshape(24, 40, 1) * 60).astype(np.uint16)
    data = tiff(places, 16, PALETTE, tags=[(COLOURS, 3, table.ravel().tolist())])
    assert_read(data, (table >> 8).T[places[:, :, 0]], 0)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
def test_signed_numbers_from_zero_or_over_their_whole_range(grey, kind):
    bits = np.dtype(kind).itemsize * 8
    most = 2 ** (bits - 1) - 1
    for layout in LAYOUTS:
        from_zero = (grey.astype(np.int64) * most // 255).astype(kind)
        assert_read(tiff(from_zero, bits, GREY, **layout), grey, 2)
        whole = (grey.astype(np.int64) * (2 * most + 1) // 255 - most - 1).astype(kind)
        assert_read(tiff(whole, bits, GREY, **layout), grey, 1)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_of_every_size(picture, grey, kind):
    bits = np.dtype(kind).itemsize * 8
    for layout in LAYOUTS:
        assert_read(tiff((grey / 255).astype(kind), bits, GREY, **layout), grey)
        assert_read(tiff(grey.astype(kind), bits, GREY, **layout), grey)
        assert_read(tiff((1 - grey / 255).astype(kind), bits, 0, **layout), grey)
        for planar in (False, True):
            assert_read(tiff((picture / 255).astype(kind), bits, RGB, planar=planar, **layout), picture)


@pytest.mark.parametrize("planar", [False, True])
def test_lab_with_signed_and_with_shifted_colours(picture, planar):
    lab_profile, rgb_profile = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    lab = ImageCms.profileToProfile(Image.fromarray(picture), rgb_profile, lab_profile, outputMode="LAB")
    expected = np.asarray(ImageCms.profileToProfile(lab, lab_profile, rgb_profile, outputMode="RGB"))
    shifted = np.asarray(lab)
    signed = shifted ^ np.array([0, 128, 128], np.uint8)
    for layout in LAYOUTS:
        for photometric, values in ((CIELAB, signed), (ICCLAB, shifted)):
            assert_read(tiff(values, 8, photometric, planar=planar, **layout), expected, 2)
            assert_read(tiff(values.astype(np.uint16) * 256, 16, photometric, planar=planar, **layout), expected, 3)
    assert np.abs(expected.astype(int) - picture).max() < 60, "most of these colours can be shown on a screen"


def subsampled(picture: np.ndarray, across: int, down: int) -> bytes:
    """Return YCbCr data with fewer colours than pixels: blocks of Y, each followed by its Cb and Cr."""
    values = np.asarray(Image.fromarray(picture).convert("YCbCr"))
    height, width = values.shape[0] // down, values.shape[1] // across
    blocks = values.reshape(height, down, width, across, 3).swapaxes(1, 2)
    colours = blocks[..., 1:].mean((2, 3)).round().astype(np.uint8)
    return np.concatenate([blocks[..., 0].reshape(height, width, -1), colours], 2).tobytes()


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (1, 2)])
def test_ycbcr_with_fewer_colours_than_pixels(picture, across, down):
    content = subsampled(picture, across, down)
    for layout, (number, pack) in product(LAYOUTS, ((1, bytes), LZW, DEFLATE)):
        options = {**layout, "compress": (number, lambda _, pack=pack: pack(content))}
        values = np.zeros_like(picture)
        tags = [(SUBSAMPLING, 3, [across, down])]
        assert_read(tiff(values, 8, YCBCR, tags=tags, **options), picture, 16)
        lying = tiff(values, 8, YCBCR, tags=[*tags, (ORIENTATION, 3, [6])], **options)
        assert_read(lying, np.rot90(picture, -1), 16)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_unusual_page_is_turned_once(picture, orientation):
    turn = {
        1: lambda page: page,
        2: lambda page: page[:, ::-1],
        3: lambda page: page[::-1, ::-1],
        4: lambda page: page[::-1],
        5: lambda page: page.swapaxes(0, 1),
        6: lambda page: np.rot90(page, -1),
        7: lambda page: page[::-1, ::-1].swapaxes(0, 1),
        8: lambda page: np.rot90(page),
    }[orientation]
    for layout in LAYOUTS:
        data = tiff(levels(picture, 12), 12, RGB, tags=[(ORIENTATION, 3, [orientation])], **layout)
        assert_read(data, turn(picture))


def test_a_fax_in_an_unusual_file_has_its_true_shape(grey):
    tags = [(282, 5, [204, 1]), (283, 5, [98, 1])]
    for layout in LAYOUTS:
        found = inspect(tiff(levels(grey, 12), 12, GREY, tags=tags, **layout))
        assert (found.width, found.height, found.has_square_pixels) == (40, 50, False)


@pytest.mark.parametrize(
    ("photometric", "samples", "bits", "tags", "words"),
    [
        (4, 1, 8, [], "a mask of transparency"),
        (10, 3, 8, [], "ITU LAB"),
        (32803, 1, 16, [], "camera's raw picture"),
        (32844, 1, 16, [], "logarithms"),
        (77, 1, 8, [], "unknown meaning of its samples, 77"),
        (GREY, 1, 8, [(259, 3, [34661])], "JBIG"),
        (GREY, 1, 8, [(259, 3, [1234])], "1234"),
        (RGB, 12, 8, [], "12 samples a pixel"),
        (RGB, 2, 8, [], "2 samples a pixel"),
        (GREY, 1, 32, [(FORMAT, 3, [6])], "complex numbers"),
        (CMYK, 4, 8, [(INK_SET, 3, [2])], "inks other than"),
        (CIELAB, 3, 32, [], "LAB colours of 32 bits"),
        (PALETTE, 1, 8, [], "a palette without its colours"),
        (YCBCR, 3, 16, [], "YCbCr colours of 16 bits"),
        (RGB, 3, 8, [(258, 3, [8, 4, 8])], "samples of 8, 4, 8 bits"),
        (GREY, 1, 8, [(258, 3, [0])], "samples of 0 bits"),
        (GREY, 1, 8, [(DEPTH, 4, [5])], "several planes"),
    ],
)
def test_what_is_not_read_is_named_with_the_way_out(photometric, samples, bits, tags, words):
    kind = {8: np.uint8, 16: np.uint16, 32: np.uint32}[bits]
    problem = inspect(tiff(np.zeros((8, 8, samples), kind), bits, photometric, tags=tags)).problem
    assert problem.code == ProblemCode.TIFF_KIND
    assert words in str(problem)
    assert str(problem).endswith("save it as RGB or grey of 8 bits")


def test_jpeg_of_12_bits_within_a_tiff(grey):
    values = levels(grey, 12)
    content = imagecodecs.jpeg8_encode(np.ascontiguousarray(values[:, :, 0]), bitspersample=12, level=98)
    for layout in LAYOUTS:
        assert_read(tiff(values, 12, GREY, compress=(7, lambda _: content), **layout), grey, 6)


@pytest.mark.parametrize("compression", ["lzma", "zstd", "packbits", "webp", "jpeg2000", "jpegxl", "lerc"])
@pytest.mark.parametrize("tile", [None, (32, 48)], ids=["strips", "tiles"])
def test_other_compressions(picture, compression, tile):
    stream = BytesIO()
    page = np.tile(picture, (2, 2, 1))
    tifffile.imwrite(stream, page, photometric="rgb", compression=compression, tile=tile, metadata=None)
    assert_read(stream.getvalue(), page, 24 if compression in ("webp", "jpegxl", "jpeg2000") else 0)


def test_a_part_that_is_missing_is_said(picture):
    tags = [(SUBSAMPLING, 3, [2, 2])]
    content = subsampled(picture, 2, 2)
    deep = tiff(levels(picture, 12), 12, RGB, rows=6)
    colours = tiff(picture, 8, YCBCR, tags=tags, compress=(1, lambda _: content))
    for data, share in product((deep, colours), (0.2, 0.5, 0.95)):
        assert inspect(data[: int(len(data) * share)]).problem.code == ProblemCode.TRUNCATED
    few = tiff(picture, 8, YCBCR, tags=tags, compress=(1, lambda _: content[:100]))
    assert inspect(few).problem.code == ProblemCode.TRUNCATED, "there are fewer bytes than pixels need"
