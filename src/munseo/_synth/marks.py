"""Marks on a finished page: seals, signatures, codes, portraits, and the word "specimen"."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from munseo._synth.canvas import Canvas, font
from munseo._synth.random_draws import RGB, Rng, between, chance, digits, near, pick, whole
from munseo._synth.vocabulary import word

SPECIMEN_WORDS = ("견본", "견본", "SPECIMEN", "견 본", "견본 SPECIMEN")


def seal(rng: Rng, canvas: Canvas, x: float, y: float, size: float, text: str, colour: RGB, is_round: bool) -> None:
    """Stamp a seal with its middle at (x, y), slightly rotated: a name in up to three rows within a frame."""
    edge = canvas.px(size) * 2
    mask = Image.new("L", (edge, edge), 0)
    pen = ImageDraw.Draw(mask)
    width = max(2, edge // whole(rng, 16, 28))
    frame = (width, width, edge - width, edge - width)
    if is_round:
        pen.ellipse(frame, outline=255, width=width)
        if chance(rng, 0.6):
            inner = edge * between(rng, 0.1, 0.16)
            pen.ellipse((inner, inner, edge - inner, edge - inner), outline=255, width=max(1, width // 2))
    else:
        pen.rectangle(frame, outline=255, width=width)
    letters = text.replace(" ", "")[:9]
    per_row = 2 if len(letters) <= 4 else 3
    rows = [letters[start : start + per_row] for start in range(0, len(letters), per_row)]
    letter = int(edge * (0.62 if is_round else 0.8) / max(len(rows), per_row))
    for number, row in enumerate(rows):
        place = (edge / 2, edge / 2 + (number - (len(rows) - 1) / 2) * letter * 1.02)
        pen.text(place, row, fill=255, font=font("bold", max(1, letter)), anchor="mm")
    turned = mask.rotate(between(rng, -14, 14), Image.Resampling.BILINEAR)
    canvas.print_mask(turned.reduce(2), x, y, colour, between(rng, 0.55, 0.92))


def signature(rng: Rng, canvas: Canvas, x: float, y: float, width: float) -> None:
    """Draw a signature, a scrawl that starts at (x, y)."""
    steps = whole(rng, 9, 16)
    across = np.cumsum(rng.uniform(-0.35, 1.0, steps))
    across = across / max(1.0, across[-1]) * width
    up = rng.uniform(-0.28, 0.28, steps) * width * 0.6
    fine = np.linspace(0, steps - 1, steps * 6)
    xs, ys = np.interp(fine, np.arange(steps), across), np.interp(fine, np.arange(steps), up)
    smooth = np.array([0.15, 0.2, 0.3, 0.2, 0.15])
    xs, ys = np.convolve(xs, smooth, "valid"), np.convolve(ys, smooth, "valid")
    ink = pick(rng, ((20, 20, 25), (25, 40, 120), (40, 40, 60)))
    points = [(x + dx, y + dy) for dx, dy in zip(xs.tolist(), ys.tolist(), strict=True)]
    canvas.line(points, ink, between(rng, 1.2, 2.4))


def barcode(rng: Rng, canvas: Canvas, x: float, y: float, width: float, height: float, ink: RGB) -> None:
    """Draw a bar code with its number below; its top left corner is at (x, y)."""
    left = x
    while left < x + width:
        bar = between(rng, 1.0, 3.6)
        canvas.box(left, y, min(left + bar, x + width), y + height, fill=ink)
        left += bar + between(rng, 1.4, 4.2)
    canvas.text(x + width / 2, y + height + 8, digits(rng, 12), 9, ink, anchor="mm", fit=width)


def square_code(rng: Rng, canvas: Canvas, x: float, y: float, size: float, ink: RGB) -> None:
    """Draw a two-dimensional code without content; its top left corner is at (x, y)."""
    count = whole(rng, 21, 27)
    cells = rng.random((count, count)) < 0.48
    finder = np.zeros((8, 8), dtype=bool)
    finder[:7, :7] = True
    finder[1:6, 1:6] = False
    finder[2:5, 2:5] = True
    cells[:8, :8], cells[:8, -8:], cells[-8:, :8] = finder, finder[:, ::-1], finder[::-1]
    mask = Image.fromarray((cells * 255).astype(np.uint8)).resize((canvas.px(size),) * 2, Image.Resampling.NEAREST)
    canvas.print_mask(mask, x + size / 2, y + size / 2, ink, 1.0)


def portrait(rng: Rng, canvas: Canvas, x: float, y: float, width: float, height: float, female: bool) -> None:
    """Draw a portrait of nobody, a silhouette; its top left corner is at (x, y)."""
    ground = near(rng, pick(rng, ((205, 215, 228), (230, 230, 230), (190, 205, 215), (240, 238, 232))), 10)
    skin = near(rng, (222, 188, 162), 14)
    hair, coat = near(rng, (42, 36, 34), 16), near(rng, pick(rng, ((45, 50, 70), (60, 60, 60), (120, 60, 70))), 20)
    # Drawn on a separate canvas, so that the shoulders end at the frame.
    photo = Canvas(width, height, canvas.px_per_unit, ground)
    middle, head = width * between(rng, 0.47, 0.53), width * between(rng, 0.2, 0.24)
    chin = height * between(rng, 0.58, 0.64)
    crown = chin - head * 2.7
    if female:
        long = chin + head * between(rng, 0.1, 1.1)
        photo.box(middle - head * 1.25, crown + head, middle + head * 1.25, long, fill=hair, radius=head * 0.5)
    photo.ellipse(middle - head * 2.3, chin + head * 0.35, middle + head * 2.3, chin + head * 5, fill=coat)
    photo.polygon(
        [
            (middle - head * 0.6, chin + head * 0.4),
            (middle + head * 0.6, chin + head * 0.4),
            (middle, chin + head * 1.7),
        ],
        (240, 240, 240),
    )
    photo.box(middle - head * 0.45, chin - head * 0.5, middle + head * 0.45, chin + head * 0.6, fill=skin)
    photo.ellipse(middle - head * 1.15, crown - head * 0.15, middle + head * 1.15, chin - head * 0.5, fill=hair)
    photo.ellipse(middle - head, crown + head * 0.35, middle + head, chin + head * 0.1, fill=skin)
    fringe = head * between(rng, 0.75, 1.05)
    corners = (middle - head, crown, middle + head, crown + fringe * 2)
    photo.pen.chord(tuple(canvas.px_per_unit * v for v in corners), 180, 360, hair)
    canvas.image.paste(photo.image, (round(x * canvas.px_per_unit), round(y * canvas.px_per_unit)))


def specimen(rng: Rng, canvas: Canvas, *, margins: bool = True) -> None:
    """Print the word "specimen" over the canvas, as on every page.

    Where the canvas has ``margins``, empty edges, it may be a line in them.
    """
    colour = near(rng, pick(rng, ((200, 40, 40), (120, 120, 125), (50, 70, 160), (90, 90, 90))), 15)
    mark = pick(rng, SPECIMEN_WORDS)
    variant = whole(rng, 0, 3 if margins else 2)
    short = min(canvas.width, canvas.height)
    if variant == 0:  # once, large and oblique
        size = min(short * 0.9 / len(mark), short * 0.3)
        mask = _word_mask(canvas, mark, size, between(rng, 20, 50) * pick(rng, (1, 1, -1)))
        place = canvas.width * between(rng, 0.42, 0.58), canvas.height * between(rng, 0.42, 0.6)
        canvas.print_mask(mask, *place, colour, between(rng, 0.16, 0.3))
    elif variant == 1:  # many, small
        mask = _word_mask(canvas, mark, short * 0.055, between(rng, 10, 40))
        opacity = between(rng, 0.16, 0.3)
        for row in range(4):
            for column in range(3):
                x = canvas.width * (column + 0.5 + 0.25 * (row % 2) - 0.12) / 3
                canvas.print_mask(mask, x, canvas.height * (row + 0.5) / 4, colour, opacity)
    elif variant == 2:  # a framed stamp near a corner
        mask = _word_mask(canvas, mark, short * between(rng, 0.05, 0.075), between(rng, -18, 18), framed=True)
        # Not where titles are.
        y = canvas.height * pick(rng, (0.035, 0.88, 0.93) if margins else (0.88, 0.93))
        canvas.print_mask(mask, canvas.width * pick(rng, (0.16, 0.5, 0.84)), y, colour, between(rng, 0.6, 0.9))
    else:  # a band along an edge
        text = word(rng, "specimen_lines")
        y = pick(rng, (0.018, 0.982)) * canvas.height
        size = short * between(rng, 0.024, 0.034)
        canvas.text(canvas.width / 2, y, text, size, colour, "bold", "mm", fit=canvas.width * 0.9)


def _word_mask(canvas: Canvas, text: str, size: float, angle_deg: float, framed: bool = False) -> Image.Image:
    letters = font("bold", canvas.px(size))
    # At least 8 px, so that a frame fits in.
    width = max(8, round(letters.getlength(text) + size * canvas.px_per_unit))
    height = max(8, round(size * canvas.px_per_unit * 1.7))
    mask = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(mask)
    pen.text((width / 2, height / 2), text, fill=255, font=letters, anchor="mm")
    if framed:
        pen.rectangle((2, 2, width - 3, height - 3), outline=255, width=max(2, height // 14))
    return mask.rotate(angle_deg, Image.Resampling.BILINEAR, expand=True)
