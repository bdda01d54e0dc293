"""Photographs of cars: the dashboard, and the number plate on the bumper."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from munseo._synth.canvas import Canvas
from munseo._synth.people import plate
from munseo._synth.photo import aslant
from munseo._synth.random_draws import RGB, Rng, between, chance, digits, mix, near, pick, whole
from munseo._synth.vocabulary import colour, word

SMOOTHING = 2
"""Scenes are drawn this many times larger and then reduced, which smooths round edges."""


@dataclass(frozen=True)
class Panel:
    """Colours of a dashboard."""

    ground: RGB
    face: RGB
    light: RGB
    needle: RGB
    ring: RGB


def dashboard(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a dashboard: dials, a display with the odometer, warning lights, the rim of the steering wheel."""
    height = 900 / between(rng, 1.3, 1.75)
    light: RGB = pick(rng, ((235, 240, 245), (120, 200, 250), (250, 120, 90), (150, 240, 180), (255, 230, 190)))
    ground = near(rng, pick(rng, ((18, 18, 22), (34, 34, 38), (58, 56, 54), (84, 82, 80))), 6)
    face = mix(ground, (0, 0, 0), between(rng, 0.3, 0.8))
    if chance(rng, 0.12):  # light dials with dark figures
        face, light = near(rng, (225, 222, 214), 8), (40, 40, 44)
    panel = Panel(ground, face, light, near(rng, (235, 60, 40), 20), mix(light, ground, between(rng, 0.3, 0.8)))
    scene = Canvas(900, height, longest_px / 900 * SMOOTHING, ground)
    middle = height * between(rng, 0.44, 0.52)
    scene.ellipse(-30, middle - height * 0.56, 930, middle + height * 0.56, fill=mix(ground, (0, 0, 0), 0.35))
    if chance(rng, 0.65):
        radius = min(height * 0.36, 195)
        _dial(rng, scene, panel, 235, middle, radius, whole(rng, 6, 8), 1, "x1000rpm")
        _dial(rng, scene, panel, 665, middle, radius, pick(rng, (11, 12, 13)), 20, "km/h")
        _display(rng, scene, panel, 450, middle + height * between(rng, -0.02, 0.1), 150)
    else:
        radius = height * 0.42
        _dial(rng, scene, panel, 450, middle, radius, pick(rng, (9, 10, 11)), 20, "km/h")
        _display(rng, scene, panel, 450, middle + radius * 0.48, 130)
        for x, name in ((130, "E   F"), (770, "C   H")):
            _dial(rng, scene, panel, x, middle + height * 0.08, radius * 0.46, 4, 1, name)
    _lamps(rng, scene, middle + height * 0.4)
    if chance(rng, 0.6):
        _wheel(rng, scene, height)
    _label(rng, scene, pick(rng, (150, 450, 750)), height * pick(rng, (0.12, 0.88)))
    pixels = _glossy(rng, np.asarray(scene.image.reduce(SMOOTHING)))
    return aslant(rng, pixels, 0.07)


def _dial(
    rng: Rng, scene: Canvas, panel: Panel, x: float, y: float, radius: float, count: int, step: int, unit: str
) -> None:
    """Draw a dial with ``count`` marked intervals of ``step``, from lower left over the top to lower right."""
    scene.ellipse(x - radius, y - radius, x + radius, y + radius, panel.face, panel.ring, radius * 0.035)
    start, sweep = 135.0, 270.0
    size = min(radius * 0.17, radius * 1.5 / count)
    for tick in range(count * 4 + 1):
        angle = math.radians(start + sweep * tick / (count * 4))
        dx, dy = math.cos(angle), math.sin(angle)
        inner = 0.82 if tick % 4 == 0 else 0.88
        ends = [(x + dx * radius * inner, y + dy * radius * inner), (x + dx * radius * 0.93, y + dy * radius * 0.93)]
        scene.line(ends, panel.light, radius * (0.022 if tick % 4 == 0 else 0.011))
        if tick % 4 == 0 and radius > 110:
            place = (x + dx * radius * 0.66, y + dy * radius * 0.66)
            scene.text(*place, str(tick // 4 * step), size, panel.light, "bold", "mm")
    scene.text(x, y - radius * 0.3, unit, radius * 0.12, panel.light, "regular", "mm")
    angle = math.radians(start + sweep * between(rng, 0.0, 0.75))
    dx, dy = math.cos(angle), math.sin(angle)
    tip, side = radius * 0.84, radius * 0.03
    needle = [(x - dy * side, y + dx * side), (x + dy * side, y - dx * side), (x + dx * tip, y + dy * tip)]
    scene.polygon(needle, panel.needle)
    hub = radius * 0.12
    scene.ellipse(x - hub, y - hub, x + hub, y + hub, mix(panel.face, panel.light, 0.2), panel.ring, 2)


def _display(rng: Rng, scene: Canvas, panel: Panel, x: float, y: float, width: float) -> None:
    """Draw the small display: odometer, trip, outside temperature, gear."""
    height = width * between(rng, 0.7, 1.0)
    glow = pick(rng, ((10, 20, 34), (30, 12, 8), (14, 30, 18), (200, 214, 196)))
    ink: RGB = (25, 35, 30) if sum(glow) > 400 else mix(panel.light, (255, 255, 255), 0.3)
    scene.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2, glow, panel.ring, 1.5, radius=8)
    lines = [f"ODO {whole(rng, 120, 289_999):06} km", f"TRIP {whole(rng, 0, 999)}.{digits(rng, 1)}"]
    lines.append(f"{whole(rng, -8, 34)}°C")
    lines.append(pick(rng, ("P  R  N  D", "D", "P", f"{whole(rng, 1, 12)}:{whole(rng, 10, 59)}")))
    if chance(rng, 0.4):
        lines[1] = f"주행가능 {whole(rng, 30, 700)} km"
    for number, line in enumerate(lines):
        place = y - height / 2 + height * (number + 0.75) / (len(lines) + 0.5)
        scene.text(x, place, line, width * 0.12, ink, "bold" if number == 0 else "regular", "mm", fit=width * 0.9)


def _lamps(rng: Rng, scene: Canvas, y: float) -> None:
    """Draw warning lights, some of them lit."""
    lit: tuple[RGB, ...] = ((235, 60, 45), (250, 180, 30), (60, 200, 90), (70, 140, 240))
    for x in np.linspace(330, 570, whole(rng, 5, 8)):
        lamp = pick(rng, lit) if chance(rng, 0.5) else (62, 62, 66)
        place, shape = float(x), whole(rng, 0, 2)
        if shape == 0:
            scene.ellipse(place - 9, y - 9, place + 9, y + 9, None, lamp, 3)
            scene.text(place, y, "!", 13, lamp, "bold", "mm")
        elif shape == 1:
            scene.polygon([(place - 11, y + 9), (place + 11, y + 9), (place, y - 10)], lamp)
        else:
            scene.box(place - 11, y - 7, place + 11, y + 7, None, lamp, 3, radius=3)


def _wheel(rng: Rng, scene: Canvas, height: float) -> None:
    """Draw the rim of the steering wheel at the lower edge."""
    rim = near(rng, (30, 30, 32), 8)
    top, width = height * between(rng, 0.86, 0.95), between(rng, 40, 60)
    scene.ellipse(450 - 560, top, 450 + 560, top + 1120, None, rim, width)
    scene.ellipse(450 - 556, top + 4, 450 + 556, top + 1116, None, mix(rim, (255, 255, 255), 0.15), 3)


def license_plate(rng: Rng, longest_px: int) -> np.ndarray:
    """Draw a number plate on the bumper of a car, seen from the front or from behind."""
    height = 900 / between(rng, 1.15, 1.7)
    body = near(rng, colour(rng, "cars"), 10)
    scene = Canvas(900, height, longest_px / 900 * SMOOTHING, body)
    dark, line = mix(body, (0, 0, 0), 0.82), mix(body, (0, 0, 0), 0.45)
    scene.box(0, height * 0.86, 900, height, fill=near(rng, (96, 94, 92), 14))  # the road
    scene.box(0, height * 0.76, 900, height * 0.88, fill=dark)
    if chance(rng, 0.55):  # from the front: a grille and headlights
        scene.box(230, height * 0.06, 670, height * 0.28, dark, line, 5, radius=24)
        for y in np.linspace(height * 0.09, height * 0.25, 5):
            scene.line([(245, float(y)), (655, float(y))], mix(dark, (255, 255, 255), 0.3), 3)
        lamp: RGB = (226, 232, 238)
    else:  # from behind: the lid's edge and rear lights
        scene.line([(60, height * 0.34), (840, height * 0.34)], line, 4)
        scene.box(0, 0, 900, height * 0.12, fill=mix((60, 70, 80), body, 0.25))
        lamp = (170, 24, 28)
    for x0, x1 in ((-20.0, 180.0), (720.0, 920.0)):
        scene.box(x0, height * 0.1, x1, height * 0.28, lamp, mix(lamp, (0, 0, 0), 0.5), 4, radius=22)
    scene.line([(0, height * 0.4), (900, height * 0.41)], line, 3)
    _plate(rng, scene, 450 + between(rng, -50, 50), height * between(rng, 0.5, 0.58))
    pixels = _glossy(rng, np.asarray(scene.image.reduce(SMOOTHING)))
    return aslant(rng, pixels, between(rng, 0.05, 0.16))


def _plate(rng: Rng, scene: Canvas, x: float, y: float) -> None:
    """Draw the plate: long and white, blue or yellow, or the old green one with two lines."""
    plates: tuple[tuple[RGB, RGB], ...] = (
        ((244, 244, 242), (20, 20, 24)), ((244, 244, 242), (20, 20, 24)), ((120, 180, 225), (20, 20, 24)),
        ((240, 196, 50), (20, 20, 24)), ((24, 96, 62), (240, 240, 235)),
    )  # fmt: skip
    (ground, ink), number = pick(rng, plates), plate(rng)
    old = ground[1] < 120 or chance(rng, 0.2)
    half_width, half_height = (210.0, 104.0) if old else (between(rng, 270, 330), between(rng, 60, 72))
    x0, y0, x1, y1 = x - half_width, y - half_height, x + half_width, y + half_height
    scene.box(x0 - 10, y0 - 10, x1 + 10, y1 + 10, (24, 24, 26), radius=8)
    scene.box(x0, y0, x1, y1, ground, ink, 4, radius=12)
    front, back = number.split()
    if old:
        region = f"{word(rng, 'plate_regions')} {front[:2]}"
        scene.text(x, y - half_height * 0.56, region, half_height * 0.62, ink, "bold", "mm", fit=half_width * 1.4)
        below = y + half_height * 0.32
        scene.text(x, below, f"{front[-1]} {back}", half_height, ink, "bold", "mm", fit=half_width * 1.8)
    else:
        left = 0.0
        if chance(rng, 0.35):  # the blue strip of newer plates
            left = 40.0
            scene.box(x0 + 4, y0 + 4, x0 + 44, y1 - 4, fill=(40, 80, 170), radius=8)
            scene.text(x0 + 24, y + half_height * 0.5, "견본", 15, (255, 255, 255), "bold", "mm")
        size = half_height * 1.5
        scene.text(x + left / 2, y, f"{front} {back}", size, ink, "bold", "mm", fit=half_width * 1.84 - left)
    for bolt in (x + half_width * -0.62, x + half_width * 0.62):
        scene.ellipse(bolt - 7, y0 + 6, bolt + 7, y0 + 20, (150, 150, 152))
    _label(rng, scene, x, y + half_height + between(rng, 34, 60))


def _label(rng: Rng, scene: Canvas, x: float, y: float) -> None:
    """Draw a sticker that marks the scene as a specimen."""
    scene.box(x - 100, y - 18, x + 100, y + 18, (232, 232, 228), (200, 40, 40), 2)
    scene.text(x, y, pick(rng, ("견본 SPECIMEN", "견 본", "SPECIMEN")), 23, (200, 40, 40), "bold", "mm", fit=185)


def _glossy(rng: Rng, pixels: np.ndarray) -> np.ndarray:
    """Light a scene unevenly, sometimes with a reflection; uint8 RGB of the same shape."""
    height, width = pixels.shape[:2]
    coarse = 1 + rng.normal(0, 0.16, (4, 5)).astype(np.float32)
    light = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[:, :, None]
    out = pixels * light + between(rng, 0, 14)
    if chance(rng, 0.4):
        mask = np.zeros((height, width), np.float32)
        x, w = between(rng, 0, width), width * between(rng, 0.08, 0.25)
        corners = np.array([[x, 0], [x + w, 0], [x + w - height * 0.4, height], [x - height * 0.4, height]])
        cv2.fillPoly(mask, [corners.astype(np.int32)], between(rng, 12, 40))
        out += cv2.blur(mask, (max(3, width // 40),) * 2)[:, :, None]
    clipped: np.ndarray = np.clip(out, 0, 255)
    return clipped.astype(np.uint8)
