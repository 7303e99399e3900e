"""Scenes of the sample that show things: fish, snails, stars, balloons and toy windmills."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tests.data.sample_paint import (
    blend,
    box,
    cover,
    disc,
    hsv,
    noise,
    oval,
    polygon,
    rod,
    scaled,
    stripe,
)
from tests.data.sample_settings import heaven, meadow, sand, wall, water

if TYPE_CHECKING:
    from tests.data.sample_paint import Canvas, Colour, Dice, Point


TURN = 2 * math.pi


def _places(canvas: Canvas, dice: Dice, count: int, spread: float) -> list[Point]:
    """Points about the middle, which a centre crop keeps, spread over a share of the short side."""
    reach = canvas.short * spread
    first = dice.between(0, TURN)
    places = []
    for index in range(count):
        angle = first + TURN * index / count + dice.between(-0.4, 0.4)
        far = reach * dice.between(0.7, 1.0) if count > 1 else reach * dice.between(0, 0.5)
        x, y = canvas.width / 2, canvas.height / 2
        places.append((x + far * math.cos(angle), y + far * math.sin(angle)))
    return places


def goldfish(canvas: Canvas, dice: Dice) -> None:
    """One to three fish in water, all swimming about the same way."""
    water(canvas, dice)
    count = dice.whole(1, 3)
    turn, flip = dice.between(-0.35, 0.35), dice.pick([-1, 1])
    colour = dice.tint(dice.pick([(236, 132, 40), (224, 92, 44), (238, 168, 60)]))
    for place in _places(canvas, dice, count, 0.28 if count > 1 else 0.2):
        size = canvas.short * dice.between(0.19, 0.25) * (1.25 if count == 1 else 0.9)
        _fish(canvas, dice, place, size, turn + dice.between(-0.15, 0.15), flip, colour)
    for _ in range(dice.whole(2, 7)):
        place = (dice.between(0, canvas.width), dice.between(0, canvas.height))
        u, v = canvas.local(place)
        bubble = np.abs(disc(u, v, canvas.short * dice.between(0.01, 0.025))) - 1
        canvas.shape(bubble, (226, 238, 240), 0.8)


def _fish(
    canvas: Canvas, dice: Dice, place: Point, size: float, turn: float, flip: int, colour: Colour
) -> None:
    part = canvas.around(place, 2.2 * size)
    u, v = part.local(place, turn)
    u = u * flip / size
    v = v / size
    fin = scaled(colour, 0.84)
    part.shape(size * polygon(u, v, [(-0.7, 0), (-1.7, 0.62), (-1.45, 0), (-1.7, -0.62)]), fin)
    part.shape(size * polygon(u, v, [(-0.75, -0.06), (-1.75, -0.75), (-1.5, 0.05)][::-1]), fin)
    part.shape(size * polygon(u, v, [(-0.75, 0.06), (-1.75, 0.75), (-1.5, -0.05)]), fin)
    part.shape(size * polygon(u, v, [(0.35, -0.35), (-0.1, -0.85), (-0.55, -0.3)][::-1]), fin)
    body = size * oval(u, v, 1.0, 0.52)
    part.shape(body, colour)
    part.paint(cover(body) * np.clip(v * 1.6, 0, 0.8), (250, 236, 214))
    scales = stripe(u * 5 + 0.25 * np.cos(v * 14), 0.3, 0.5)
    part.paint(cover(body) * scales * (u < 0.45), scaled(colour, 0.7), 0.45)
    part.shape(size * disc(u - 0.62, v + 0.12, 0.12), (248, 246, 240))
    part.shape(size * disc(u - 0.64, v + 0.12, 0.07), (24, 24, 28))


def snail(canvas: Canvas, dice: Dice) -> None:
    """One large snail, or two, with a spiral shell."""
    dice.pick((meadow, meadow, sand))(canvas, dice)
    count = dice.whole(1, 2)
    for place in _places(canvas, dice, count, 0.27):
        radius = canvas.short * dice.between(0.2, 0.26) * (1.1 if count == 1 else 0.8)
        _snail(canvas, dice, place, radius)


def _snail(canvas: Canvas, dice: Dice, place: Point, radius: float) -> None:
    part = canvas.around(place, 2.4 * radius)
    flip = dice.pick([-1, 1])
    u, v = part.local(place, dice.between(-0.2, 0.2))
    u, v = u * flip / radius, v / radius
    flesh = dice.tint(dice.pick([(196, 170, 130), (150, 128, 104), (110, 100, 92)]))
    part.shape(radius * oval(u, v - 1.1, 1.7, 0.12), (60, 56, 44), 0.35)
    part.shape(radius * rod(u, v, (-1.3, 0.98), (1.2, 0.95), 0.16), flesh)
    part.shape(radius * rod(u, v, (1.1, 0.9), (1.55, 0.35), 0.2), flesh)
    for tip in ((1.5, -0.2), (1.85, -0.1)):
        part.shape(radius * rod(u, v, (1.55, 0.35), tip, 0.045), flesh)
        part.shape(radius * disc(u - tip[0], v - tip[1], 0.085), (40, 36, 34))
    light = dice.tint(dice.pick([(222, 190, 140), (206, 160, 110), (228, 214, 190)]))
    dark = dice.tint(dice.pick([(124, 78, 44), (96, 70, 54), (150, 90, 60)]))
    far = np.sqrt(u * u + v * v) + 1e-6
    phase = np.arctan2(v, u) / TURN + dice.between(2.4, 3.2) * far**0.8
    shell = radius * disc(u, v, 1.0)
    part.shape(shell, light)
    part.paint(cover(shell) * stripe(phase, 0.42, 0.12), dark)
    part.paint(cover(shell) * np.clip(far - 0.55, 0, 1), dark, 0.7)
    part.paint(cover(radius * disc(u + 0.35, v + 0.4, 0.45)) * 0.25, (255, 250, 236))


def starfish(canvas: Canvas, dice: Dice) -> None:
    """One to four five-armed stars on the beach or in the water."""
    dice.pick((sand, sand, wall))(canvas, dice)
    count = dice.whole(1, 4)
    hue = dice.pick([0.02, 0.05, 0.98])
    for place in _places(canvas, dice, count, 0.28):
        radius = canvas.short * dice.between(0.3, 0.4) * (1.0, 0.8, 0.7, 0.62)[count - 1]
        colour = hsv(
            hue + dice.between(-0.02, 0.02), dice.between(0.5, 0.8), dice.between(0.65, 0.9)
        )
        _star(canvas, dice, place, radius, colour)


def _star(canvas: Canvas, dice: Dice, place: Point, radius: float, colour: Colour) -> None:
    part = canvas.around(place, 1.15 * radius)
    u, v = part.local(place, dice.between(0, TURN))
    far = np.sqrt(u * u + v * v) / radius
    arm = np.arctan2(v, u) * 5 / TURN
    off = np.abs(arm - np.rint(arm)) * 2  # 0 on an arm's axis, 1 between two arms
    outline = far - (0.34 + 0.66 * (1 - off) ** 1.7)
    shadow = (
        radius
        * 0.6
        * (np.sqrt((u + 4) ** 2 + (v + 4) ** 2) / radius - 0.36 - 0.6 * (1 - off) ** 1.7)
    )
    part.shape(shadow, (70, 60, 50), 0.3)
    star = cover(radius * 0.6 * outline)
    part.paint(star, colour)
    part.paint(star * np.clip(1 - 3.5 * off * far, 0, 1), scaled(colour, 1.25), 0.7)
    bumps = stripe(far * dice.whole(7, 9), 0.45, 0.3) * np.clip(1 - 9 * off * far, 0, 1)
    part.paint(star * bumps, blend(colour, (255, 244, 224), 0.75))


def balloon(canvas: Canvas, dice: Dice) -> None:
    """Hot-air balloons in the sky."""
    heaven(canvas, dice)
    if dice.chance(0.4):
        hill = canvas.height * dice.between(0.8, 0.95) + 0.1 * canvas.short * noise(
            dice, canvas, 90
        )
        canvas.shape(hill - canvas.y, dice.tint((70, 92, 66)))
    count = dice.whole(1, 5)
    for place in _places(canvas, dice, count, 0.3):
        radius = canvas.short * dice.between(0.2, 0.27) * (1.15, 0.8, 0.68, 0.6, 0.55)[count - 1]
        _balloon(canvas, dice, place, radius)


def _balloon(canvas: Canvas, dice: Dice, place: Point, radius: float) -> None:
    part = canvas.around(place, 2.1 * radius)
    u, v = part.local(place, dice.between(-0.06, 0.06))
    u, v = u / radius, (v + 0.3 * radius) / radius
    hue = dice.between(0, 1)
    first = hsv(hue, dice.between(0.55, 0.8), dice.between(0.7, 0.9))
    second = dice.pick([(238, 232, 214), hsv(hue + 0.45, 0.6, 0.8), hsv(hue + 0.12, 0.6, 0.9)])
    tip = polygon(u, v, [(-0.83, 0.56), (0.83, 0.56), (0.22, 1.32), (-0.22, 1.32)])
    skin = radius * np.minimum(disc(u, v, 1.0), tip)
    for side in (-0.17, 0.17):
        part.shape(radius * rod(u, v, (side, 1.3), (side * 0.8, 1.6), 0.02), (70, 60, 50))
    part.shape(radius * box(u, v - 1.68, 0.19, 0.13, 0.03), (120, 84, 50))
    part.shape(skin, first)
    width = np.sqrt(np.clip(1 - np.clip(v, -0.99, 0.75) ** 2, 0.02, 1)) * np.clip(1.9 - v, 0.3, 1)
    gore = np.arcsin(np.clip(u / width, -1, 1)) / np.pi * dice.whole(4, 6)
    part.paint(cover(skin) * stripe(gore, 0.5, 0.12), second)
    part.paint(cover(skin) * np.clip(0.5 * u + 0.1, 0, 0.5), (20, 20, 40), 0.8)


def pinwheel(canvas: Canvas, dice: Dice) -> None:
    """Toy windmills on sticks: bent blades in two colours about a hub."""
    wall(canvas, dice)
    count = dice.whole(2, 4)
    for place in _places(canvas, dice, count, 0.3):
        radius = canvas.short * dice.between(0.3, 0.36)
        _wheel(canvas, dice, place, radius)


def _wheel(canvas: Canvas, dice: Dice, place: Point, radius: float) -> None:
    u, v = canvas.local(place)
    stick = rod(
        u, v, (0, 0), (dice.between(-0.1, 0.1) * radius, canvas.height * 1.0), radius * 0.035
    )
    canvas.shape(stick, dice.tint((176, 150, 112)))
    part = canvas.around(place, radius)
    u, v = part.local(place, dice.between(0, TURN))
    far = np.sqrt(u * u + v * v) / radius
    blades = dice.whole(6, 9)
    phase = np.arctan2(v, u) / TURN * blades + dice.pick([-1, 1]) * dice.between(0.4, 0.8) * far
    share = phase - np.floor(phase)
    hue = dice.between(0.65, 1.05)
    first = hsv(hue, dice.between(0.6, 0.8), dice.between(0.7, 0.9))
    second = dice.pick([hsv(hue + 0.2, 0.6, 0.85), (240, 236, 226)])
    rim = cover((far - 0.62 - 0.38 * (1 - share)) * radius * 0.7)
    part.paint(rim, first)
    part.paint(rim * stripe(phase + 0.25, 0.5, 0.06), second)
    part.paint(rim * np.clip(share - 0.55, 0, 0.5), (30, 30, 40), 0.8)
    part.shape(radius * (far - 0.09), (236, 226, 200))
    part.shape(radius * (far - 0.04), (90, 80, 70))
