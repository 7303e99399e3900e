"""Scenes of the sample that fill the picture: patterns, mountains and the sea."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tests.data.sample_paint import blend, box, cover, noise, scaled, stripe
from tests.data.sample_settings import heaven, meadow, sand, table

if TYPE_CHECKING:
    from tests.data.sample_paint import Canvas, Dice, Field


def zebra(canvas: Canvas, dice: Dice) -> None:
    """The flank of a zebra: wavy stripes, with its surroundings above or below in most scenes."""
    light = dice.tint(dice.pick([(232, 226, 214), (216, 206, 190), (224, 224, 226)]))
    dark = dice.tint(dice.pick([(40, 36, 36), (62, 48, 42), (46, 50, 60)]))
    u, _ = canvas.local((canvas.width / 2, canvas.height / 2), dice.between(-0.6, 0.6))
    period = canvas.short * dice.between(0.11, 0.16)
    bends = 2.6 * noise(dice, canvas, canvas.short / 2.5)
    bends += 0.5 * noise(dice, canvas, canvas.short / 8)
    bands = stripe(u / period + bends, dice.between(0.42, 0.56), 1.5 / period + 0.05)
    pixels = np.asarray(light) + (np.asarray(dark) - np.asarray(light)) * bands[..., None]
    pixels = pixels * (1.08 - 0.3 * (canvas.y / canvas.height))[..., None]
    dice.pick((sand, meadow))(canvas, dice)
    bulge = canvas.short * 0.12 * ((canvas.x / canvas.width - 0.5) * 2) ** 2
    sway = canvas.short * 0.06 * noise(dice, canvas, canvas.short / 2)
    above = dice.between(-0.3, 0.24) * canvas.height + bulge + sway - canvas.y
    below = canvas.y - dice.between(0.8, 1.3) * canvas.height + bulge
    canvas.shape(np.maximum(above, below), pixels)


def chain_fence(canvas: Canvas, dice: Dice) -> None:
    """A wire mesh before a blurred view."""
    heaven(canvas, dice)
    period = canvas.short * dice.between(0.16, 0.23)
    lean, squeeze = dice.between(-0.1, 0.1), dice.between(0.85, 1.1)
    u, v = canvas.local((canvas.width / 2, canvas.height / 2), lean)
    sag = 0.35 * noise(dice, canvas, canvas.short / 2)
    one, two = (u + v * squeeze) / period + sag, (u - v * squeeze) / period - sag
    wire = dice.tint(dice.pick([(84, 90, 98), (52, 86, 66), (64, 60, 62)]))
    thick = dice.between(0.16, 0.22)
    for phase in (one, two):
        canvas.paint(stripe(phase, thick, 0.05), wire)
        canvas.paint(stripe(phase + 0.02, thick * 0.3, 0.05), scaled(wire, 1.25), 0.6)
    if dice.chance(0.4):
        post = canvas.x - canvas.width * dice.between(0.1, 0.9)
        canvas.shape(np.abs(post) - canvas.short * 0.025, scaled(wire, 0.8))


def honeycomb(canvas: Canvas, dice: Dice) -> None:
    """Hexagonal cells, some of them closed."""
    side = canvas.short * dice.between(0.15, 0.2)
    u, v = canvas.local((dice.between(0, 90), dice.between(0, 90)), dice.between(-0.3, 0.3))
    warp = 0.25 * (noise(dice, canvas, canvas.short / 3) - 0.5)
    u, v = u / side + warp + 40, v / side + 40
    height = math.sqrt(3.0)
    near = (np.floor(u) + 0.5, (np.floor(v / height) + 0.5) * height)
    other = (np.rint(u), np.rint(v / height) * height)
    first = (u - near[0]) ** 2 + (v - near[1]) ** 2 < (u - other[0]) ** 2 + (v - other[1]) ** 2
    centre_u, centre_v = np.where(first, near[0], other[0]), np.where(first, near[1], other[1])
    du, dv = u - centre_u, v - centre_v
    far = np.maximum(np.abs(du), np.abs(du) / 2 + np.abs(dv) * height / 2)
    wax = dice.tint(dice.pick([(226, 176, 84), (206, 150, 70), (220, 196, 140), (176, 136, 90)]))
    deep = scaled(wax, dice.between(0.35, 0.55))
    cells = (
        np.rint(centre_u * 2).astype(int) * 7 + np.rint(centre_v / height * 2).astype(int) * 13
    ) % 53
    closed = dice.table(53)[cells] < dice.between(0.05, 0.35)
    canvas.fill(wax)
    hole = cover((far - 0.41) * side)
    canvas.paint(hole * ~closed, deep)
    canvas.paint(hole * ~closed * np.clip(0.4 + du - dv, 0, 1), scaled(wax, 0.8), 0.75)
    canvas.paint(hole * closed, scaled(wax, 1.16), 0.8)


def stone_wall(canvas: Canvas, dice: Dice) -> None:
    """Courses of stones of varied length, with mortar between them."""
    base = dice.tint(dice.pick([(158, 124, 108), (164, 104, 82), (142, 134, 126)]))
    canvas.fill(scaled(base, dice.between(0.3, 0.45)))
    u, v = canvas.local((0.0, 0.0), dice.between(-0.07, 0.07))
    wobble = canvas.short * 0.035
    u = u + wobble * (noise(dice, canvas, canvas.short / 7) - 0.5)
    v = v + wobble * (noise(dice, canvas, canvas.short / 7) - 0.5)
    course = canvas.short * dice.between(0.13, 0.17)
    rows = np.floor(v / course).astype(int) % 31
    length = course * dice.between(1.7, 2.4) * (0.8 + 0.5 * dice.table(31))[rows]
    along = u / length + (0.5 * np.arange(31) + 0.4 * dice.table(31))[rows] + 50
    stone = np.floor(along).astype(int) % 29
    gap_u = (0.5 - np.abs(along - np.floor(along) - 0.5)) * length
    gap_v = (0.5 - np.abs(v / course - np.floor(v / course) - 0.5)) * course
    shade = 0.78 + 0.44 * dice.table(31, 29)[rows, stone]
    warmth = (dice.table(31, 29)[rows, stone] - 0.5)[..., None] * np.array([26, 4, -22])
    joint = canvas.short * dice.between(0.011, 0.017)
    face = box(
        length / 2 - gap_u, course / 2 - gap_v, length / 2 - joint, course / 2 - joint, joint * 2.2
    )
    rough = 1 + 0.2 * (noise(dice, canvas, canvas.short / 18) - 0.5)
    canvas.shape(face, np.asarray(base) * (shade * rough)[..., None] + warmth)


def crossword(canvas: Canvas, dice: Dice) -> None:
    """A puzzle on paper, lying on a table, more or less close."""
    table(canvas, dice)
    u, v = canvas.local((canvas.width / 2, canvas.height / 2), dice.between(-0.3, 0.3))
    count = dice.whole(7, 9)
    cell = canvas.short * dice.between(0.8, 1.25) / count
    paper = dice.tint(dice.pick([(240, 236, 224), (226, 218, 198), (232, 236, 240)]), 8)
    ink = dice.tint(dice.pick([(34, 34, 38), (54, 44, 44), (36, 44, 72)]), 8)
    half = cell * count / 2
    canvas.shape(box(u + 4, v - 5, half * 1.06, half * 1.06), (40, 36, 30), 0.4)
    canvas.shape(box(u, v, half * 1.06, half * 1.06), paper)
    columns = np.clip(np.floor(u / cell + count / 2).astype(int), 0, count - 1)
    rows = np.clip(np.floor(v / cell + count / 2).astype(int), 0, count - 1)
    draw = dice.table(count, count)
    black = (draw + draw[::-1, ::-1]) / 2 < dice.between(0.33, 0.42)
    inside = box(u, v, half, half)
    canvas.paint(cover(inside) * black[rows, columns], ink)
    lines = np.maximum(
        stripe(u / cell + count / 2 + 0.5, 0.09, 0.08),
        stripe(v / cell + count / 2 + 0.5, 0.09, 0.08),
    )
    canvas.paint(cover(inside - 1) * lines, ink)


def alp(canvas: Canvas, dice: Dice) -> None:
    """Three ranges of mountains, the far ones with snow."""
    heaven(canvas, dice)
    rock = dice.tint(dice.pick([(92, 96, 116), (110, 100, 96), (80, 96, 104)]))
    haze = dice.tint((190, 200, 214))
    level = dice.between(0.2, 0.38)
    for layer in range(3):
        ridge = _ridge(canvas, dice, canvas.short / (2.2 + layer))
        top = canvas.height * (level + 0.2 * layer) + canvas.short * (0.3 - 0.07 * layer) * ridge
        depth = canvas.y - top
        colour = blend(haze, rock, (0.55, 0.8, 1.0)[layer])
        if layer == 2:
            colour = dice.tint(dice.pick([(62, 84, 60), (84, 96, 66), (60, 66, 78)]))
        canvas.shape(-depth, colour)
        faces = noise(dice, canvas, canvas.short / 12, 0.6)
        lit = cover(-depth) * np.clip(faces * 4 - 2, 0, 1)
        canvas.paint(lit, scaled(colour, 0.62), 0.7)
        if layer < 2:
            line = canvas.short * (dice.between(0.08, 0.2) - 0.04 * layer)
            snow = cover(-depth) * np.clip((line * (0.4 + 1.2 * faces) - depth) / 3, 0, 1)
            canvas.paint(snow, (244, 246, 250), 0.95)


def _ridge(canvas: Canvas, dice: Dice, width: float) -> Field:
    """Peaks and valleys along x, 0 at the highest peak and 1 at the lowest valley."""
    line: Field = np.zeros(canvas.width)
    for octave in range(4):
        steps = np.arange(canvas.width) / (width / 2**octave)
        heights = dice.table(int(steps[-1]) + 2)
        line += 0.5**octave * np.interp(steps, np.arange(len(heights)), heights)
    return np.broadcast_to((line - line.min()) / (line.max() - line.min()), canvas.y.shape)


def seashore(canvas: Canvas, dice: Dice) -> None:
    """Sky, rows of waves that grow towards the viewer, foam, and a strip of sand."""
    heaven(canvas, dice)
    horizon = canvas.height * dice.between(0.15, 0.36)
    shore = canvas.height * dice.between(0.76, 0.98)
    sea = dice.tint(dice.pick([(46, 104, 138), (58, 128, 132), (72, 96, 126), (90, 120, 140)]))
    near = np.clip((canvas.y - horizon) / canvas.height, 0, 1)
    sway = noise(dice, canvas, canvas.short / 7, 4.0)
    phase = 9.5 * np.sqrt(near + 0.004) + 0.9 * sway + dice.between(0, 1)
    body = np.asarray(blend(sea, (190, 214, 214), 0.3)) * (1.1 - 0.5 * near)[..., None]
    canvas.shape(horizon - canvas.y, body)
    water = cover(horizon - canvas.y)
    canvas.paint(water * stripe(phase, 0.5, 0.5), scaled(sea, 0.62), 0.75)
    crest = stripe(phase + 0.42, 0.16, 0.2) * np.clip(near * 5, 0, 1)
    canvas.paint(water * crest, (236, 242, 240), dice.between(0.6, 0.95))
    bank = shore + canvas.short * 0.08 * noise(dice, canvas, canvas.short / 2.5) - canvas.y
    beach = dice.tint(dice.pick([(214, 190, 146), (190, 166, 130), (226, 210, 180)]))
    canvas.shape(bank - canvas.short * 0.03, (240, 242, 236), 0.9)
    canvas.shape(bank, beach)
