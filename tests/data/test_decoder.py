from __future__ import annotations

import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageChops, PngImagePlugin

from munseo._data import decode, inspect
from munseo._data.decoder import count_pages, decode_pages, decode_stored

LOSSY = 12
"""Grey levels by which a JPEG or WebP of the smooth scene may differ from it."""


def assert_close(found: np.ndarray, expected: np.ndarray, levels: int) -> None:
    assert found.shape == expected.shape
    assert found.dtype == np.uint8
    assert found.flags.writeable
    assert found.flags.c_contiguous
    assert np.abs(found.astype(int) - expected).max() <= levels


@pytest.mark.parametrize(
    ("format", "options", "levels"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_deflate"}, 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, LOSSY),
        ("TIFF", {"big_tiff": True}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, LOSSY),
        ("JPEG", {"quality": 95}, LOSSY),
        ("JPEG", {"quality": 95, "progressive": True}, LOSSY),
        ("JPEG", {"quality": 95, "subsampling": 0}, LOSSY),
        ("JPEG", {"quality": 95, "keep_rgb": True}, LOSSY),
    ],
)
def test_every_format_in_colour(encoded, picture, format, options, levels):
    data = encoded(Image.fromarray(picture), format, **options)
    assert_close(decode(data), picture, levels)
    found = inspect(data)
    assert (found.width, found.height, found.format, found.num_pages, found.problem) == (40, 24, format, 1, None)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "JPEG", "GIF", "WEBP"])
def test_grey(encoded, picture, format):
    grey = picture[:, :, 0]
    data = encoded(Image.fromarray(grey), format, **({"lossless": True} if format == "WEBP" else {}))
    assert_close(decode(data), np.repeat(grey[:, :, None], 3, 2), LOSSY if format == "JPEG" else 1)


@pytest.mark.parametrize(
    ("mode", "format"), [("L", "JPEG"), ("L", "PNG"), ("1", "PNG"), ("I;16", "PNG"), ("L", "TIFF"), ("1", "TIFF")]
)
def test_grey_stays_in_one_channel_until_it_has_to_be_rgb(encoded, picture, mode, format):
    grey = Image.fromarray(picture[:, :, 0])
    image = Image.fromarray(picture[:, :, 0].astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    data = encoded(image, format)
    stored = decode_stored(data)
    assert stored.shape == picture.shape[:2]
    assert stored.flags.writeable
    assert np.array_equal(decode(data), np.repeat(stored[:, :, None], 3, 2))


def test_colour_and_transparency_are_rgb(encoded, picture):
    for image in (Image.fromarray(picture), Image.fromarray(picture).convert("LA")):
        assert decode_stored(encoded(image, "PNG")).shape == picture.shape


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_the_fast_way_gives_what_pillow_gives(encoded, mode, options):
    noise = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    image = Image.fromarray(cv2.GaussianBlur(noise, (5, 5), 0)).convert(mode)
    for data in (encoded(image, "JPEG", quality=80, **options), encoded(image, "PNG")):
        assert_close(decode(data), np.asarray(Image.open(BytesIO(data)).convert("RGB")), 3)


def test_multi_page_tiff_and_animated_gif_give_the_first(encoded, picture):
    first = Image.fromarray(picture)
    others = [Image.new("RGB", first.size, colour) for colour in ("red", "blue")]
    tiff = encoded(first, "TIFF", save_all=True, append_images=others)
    assert_close(decode(tiff), picture, 0)
    assert inspect(tiff).num_pages == 3
    gif = encoded(
        Image.new("RGB", (9, 5), "lime"), "GIF", save_all=True, append_images=[Image.new("RGB", (9, 5), "red")]
    )
    assert_close(decode(gif), np.full((5, 9, 3), [0, 255, 0], np.uint8), 0)
    webp = encoded(Image.new("RGB", (9, 5), "lime"), "WEBP", save_all=True, append_images=[others[0].resize((9, 5))])
    assert_close(decode(webp), np.full((5, 9, 3), [0, 255, 0], np.uint8), 3)
    apng = encoded(first, "PNG", save_all=True, append_images=others)
    assert_close(decode(apng), picture, 0)


def test_pdf_first_page_longest_side_1600(encoded, picture):
    page = Image.fromarray(picture).resize((400, 240))
    data = encoded(page, "PDF", save_all=True, append_images=[Image.new("RGB", (100, 300), "red")], resolution=72)
    found = decode(data)
    assert found.shape[1] == 1600
    assert abs(found.shape[0] - 960) <= 1
    assert_close(cv2.resize(found, (40, 24), interpolation=cv2.INTER_AREA), picture, LOSSY)
    assert inspect(data).num_pages == 2
    assert inspect(data).format == "PDF"


def test_palette_and_its_transparency(encoded):
    image = Image.new("P", (4, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30])
    image.putdata([0, 1, 2, 3])
    expected = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]])
    for format in ("PNG", "GIF", "TIFF", "BMP"):
        assert_close(decode(encoded(image, format)), expected, 0)
    expected[0, 1] = 255
    for format in ("PNG", "GIF"):
        assert_close(decode(encoded(image, format, transparency=1)), expected, 0)


def test_alpha_lies_on_white(encoded):
    rgba = np.array([[[200, 0, 0, 0], [200, 0, 0, 128], [200, 0, 0, 255]]], np.uint8)
    expected = np.array([[[255, 255, 255], [227, 127, 127], [200, 0, 0]]])
    for format, options in [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]:
        assert_close(decode(encoded(Image.fromarray(rgba), format, **options)), expected, 1)
    grey = Image.fromarray(rgba[:, :, [0, 3]], "LA")
    assert_close(decode(encoded(grey, "PNG")), np.array([[[255] * 3, [227] * 3, [200] * 3]]), 1)


def test_transparent_colour_of_grey_and_rgb_png(encoded):
    grey = Image.fromarray(np.array([[0, 50]], np.uint8))
    assert_close(decode(encoded(grey, "PNG", transparency=0)), np.array([[[255] * 3, [50] * 3]]), 0)
    colour = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert_close(decode(encoded(colour, "PNG", transparency=(1, 2, 3))), np.array([[[255] * 3, [4, 5, 6]]]), 0)


@pytest.mark.parametrize(
    ("format", "options"), [("PNG", {}), ("BMP", {}), ("GIF", {}), ("TIFF", {"compression": "group4"})]
)
def test_one_bit(encoded, format, options):
    bits = np.zeros((8, 16), bool)
    bits[2:5, 3:9] = True
    data = encoded(Image.fromarray(bits), format, **options)
    assert_close(decode(data), np.repeat(bits[:, :, None] * 255, 3, 2), 0)


def test_cmyk_jpeg_and_tiff(encoded):
    colours = np.array([[255, 255, 255], [255, 0, 0], [0, 0, 255], [40, 80, 120]], np.uint8)
    picture = np.repeat(np.repeat(colours[None], 16, 0), 16, 1)
    cmyk = Image.fromarray(picture).convert("CMYK")
    assert_close(decode(encoded(cmyk, "TIFF")), picture, 1)
    adobe = encoded(cmyk, "JPEG", quality=100)
    assert b"Adobe" in adobe, "Pillow writes it as Adobe does, inverted"
    assert_close(decode(adobe), picture, LOSSY)
    straight = encoded(ImageChops.invert(cmyk), "JPEG", quality=100)
    start = straight.index(b"\xff\xee")
    length = int.from_bytes(straight[start + 2 : start + 4], "big")
    assert_close(decode(straight[:start] + straight[start + 2 + length :]), picture, LOSSY)


def ramp16(channels: int) -> np.ndarray:
    values = np.linspace(0, 65535, 4096).astype(np.uint16).reshape(32, 128)
    return values if channels == 1 else np.stack([values, values[::-1], values[:, ::-1]][:channels], 2)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("format", ["png", "tiff", "tiff big endian", "tiff deflate"])
def test_sixteen_bits_are_scaled(channels, format):
    values = ramp16(channels)
    if format == "png":
        data = cv2.imencode(".png", values[..., ::-1] if channels == 3 else values)[1].tobytes()
    else:
        stream = BytesIO()
        tifffile.imwrite(
            stream,
            values,
            photometric="rgb" if channels == 3 else "minisblack",
            byteorder=">" if "big" in format else "<",
            compression="zlib" if "deflate" in format else None,
        )
        data = stream.getvalue()
    expected = values / 257 if channels == 3 else np.repeat(np.rint(values / 257)[:, :, None], 3, 2)
    assert_close(decode(data), expected, 1 if channels == 3 else 0)


def test_sixteen_bit_tiff_with_white_as_zero():
    stream = BytesIO()
    tifffile.imwrite(stream, ramp16(1), photometric="miniswhite")
    assert_close(decode(stream.getvalue()), np.repeat(255 - np.rint(ramp16(1) / 257)[:, :, None], 3, 2), 0)


def test_twelve_bit_tiff_is_scaled_by_its_own_white():
    entries = [
        (256, 4, 2),
        (257, 4, 1),
        (258, 3, 12),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 200),
        (277, 3, 1),
        (279, 4, 3),
    ]
    header = b"II*\0" + struct.pack("<IH", 8, len(entries))
    ifd = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries) + bytes(4)
    pixels = bytes([0xFF, 0xF8, 0x00])  # 4095 and 2048
    data = (header + ifd).ljust(200, b"\0") + pixels
    assert decode(data)[0, :, 0].tolist() == [255, 128]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 0.5, 1.25]], np.float32), [0, 102, 255]),
        (np.array([[0, 100, 255]], np.float32), [0, 100, 255]),
        (np.array([[0, 257, 65535]], np.int32), [0, 1, 255]),
        (np.array([[-100, 0, 100]], np.int32), [0, 128, 255]),
        (np.array([[0, 1_000_000, 2_000_000]], np.int32), [0, 128, 255]),
        (np.array([[np.nan, np.inf, 0, 0.5]], np.float32), [0, 255, 0, 255]),
    ],
)
def test_numbers_without_a_fixed_white_go_by_their_range(values, expected):
    stream = BytesIO()
    tifffile.imwrite(stream, values)
    found = decode(stream.getvalue())[0, :, 0].tolist()
    if np.isfinite(values).all():
        assert np.abs(np.array(found) - expected).max() <= 1
    else:
        assert found[0] == 0, "NaN is black"
        assert found[1] == 255, "infinity is white"


ORIENTATIONS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(
    ("format", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L")]
    + [("WEBP", "RGB"), ("TIFF", "RGB"), ("TIFF", "L")],
)
def test_exif_orientation(encoded, picture, format, mode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(picture).convert(mode)
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(image, format, exif=exif, **options)
    expected = ORIENTATIONS[orientation](np.asarray(image.convert("RGB")))
    assert_close(decode(data), expected, 24 if format == "JPEG" else 0)
    assert (inspect(data).height, inspect(data).width) == expected.shape[:2]


def test_orientation_of_a_compressed_tiff_and_of_16_bits(encoded, picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(picture), "TIFF", exif=exif, compression="tiff_lzw")
    assert_close(decode(data), np.rot90(picture, -1), 0)
    grey = picture[:, :, 0].astype(np.uint16) * 257
    for format in ("PNG", "TIFF"):
        data = encoded(Image.fromarray(grey), format, exif=exif)
        assert_close(decode(data), np.rot90(np.repeat(picture[:, :, :1], 3, 2), -1), 0)


def test_broken_exif_and_unknown_orientation_leave_the_picture(encoded, picture):
    exif = Image.Exif()
    exif[0x0112] = 9
    assert_close(decode(encoded(Image.fromarray(picture), "PNG", exif=exif)), picture, 0)
    assert_close(decode(encoded(Image.fromarray(picture), "PNG", exif=b"Exif\0\0nonsense")), picture, 0)
    assert_close(decode(encoded(Image.fromarray(picture), "JPEG", exif=b"Exif\0\0nonsense")), picture, 24)


def test_png_exif_behind_the_pixels_and_in_a_text_chunk(encoded, picture):
    exif = Image.Exif()
    exif[0x0112] = 3
    info = PngImagePlugin.PngInfo()
    raw = exif.tobytes().hex()
    info.add_text("Raw profile type exif", f"\nexif\n{len(raw) // 2:8}\n{raw}\n")
    data = encoded(Image.fromarray(picture), "PNG", pnginfo=info)
    assert_close(decode(data), picture[::-1, ::-1], 0)
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    plain = encoded(Image.fromarray(picture), "PNG")
    assert_close(decode(plain[:-12] + chunk + plain[-12:]), picture[::-1, ::-1], 0)


def test_harmless_png_chunks_and_trailing_bytes_change_nothing(encoded, picture):
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100000))
    info.add_text("Software", "a scanner")
    data = encoded(Image.fromarray(picture), "PNG", pnginfo=info, dpi=(300, 300))
    assert_close(decode(data + bytes(100)), picture, 0)
    jpeg = encoded(Image.fromarray(picture), "JPEG")
    assert_close(decode(jpeg + bytes(100)), decode(jpeg), 0)


def directories(*kinds):
    """Write a TIFF with a directory of each kind: its tags and the grey level of its page."""
    stream = BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for level, (subfile, extra) in enumerate(kinds):
            pixels = np.full((20, 30), 40 * level, np.uint8)
            if subfile == 4:  # a mask has one bit
                pixels = pixels > 0
            writer.write(pixels, photometric="minisblack", subfiletype=subfile, extratags=extra, metadata=None)
    return stream.getvalue()


OLD_REDUCED = [(255, 3, 1, 2, True)]
PAGE, REDUCED, MASK, OLD = (0, []), (1, []), (4, []), (0, OLD_REDUCED)


@pytest.mark.parametrize(
    ("kinds", "levels"),
    [
        ([REDUCED, PAGE], [40]),
        ([PAGE, REDUCED], [0]),
        ([PAGE, MASK, PAGE, OLD], [0, 80]),
        ([(2, []), (3, []), (2, [])], [0, 80]),  # bit 1 only says that there are more pages
        ([REDUCED], [0]),
    ],
)
def test_reduced_copies_and_masks_of_a_tiff_are_no_pages(kinds, levels):
    data = directories(*kinds)
    assert [int(page.pixels[0, 0].mean()) for page in decode_pages(data)] == levels
    assert [page.num_pages for page in decode_pages(data)] == [len(levels)] * len(levels)
    assert inspect(data).num_pages == count_pages(data, "x") == len(levels)
    assert int(decode(data)[0, 0, 0]) == levels[0]
