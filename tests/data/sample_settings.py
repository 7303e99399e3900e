"""Settings that the scenes of the sample stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.data.sample_paint import blend, noise, scaled

if TYPE_CHECKING:
    from tests.data.sample_paint import Canvas, Dice


def meadow(canvas: Canvas, dice: Dice) -> None:
    """Blades of grass, seen from above."""
    green = dice.tint(dice.pick([(96, 134, 62), (112, 140, 74), (84, 120, 62)]))
    canvas.gradient(blend(green, (210, 215, 170), 0.35), green)
    blades = noise(dice, canvas, canvas.short / 20, 0.5) - 0.5
    canvas.light(1 + 0.32 * blades)


def heaven(canvas: Canvas, dice: Dice) -> None:
    """A blue sky with clouds, paler towards the ground."""
    top = dice.tint(dice.pick([(84, 138, 200), (110, 152, 196), (70, 116, 176), (136, 130, 164)]))
    low = dice.tint(dice.pick([(214, 226, 234), (236, 220, 200), (200, 214, 226)]))
    canvas.gradient(top, low)
    clouds = noise(dice, canvas, canvas.short / 5, 2.0) * 0.65
    clouds += noise(dice, canvas, canvas.short / 11, 2.0) * 0.35
    canvas.paint(np.clip(clouds * 3 - 1.6, 0, 1), (246, 246, 244), 0.7)


def wall(canvas: Canvas, dice: Dice) -> None:
    """A light, nearly even wall."""
    colour = dice.tint(dice.pick([(196, 200, 206), (180, 186, 198), (206, 202, 200)]))
    canvas.gradient(scaled(colour, 1.08), scaled(colour, 0.9))
    canvas.light(1 + 0.1 * (noise(dice, canvas, canvas.short / 12) - 0.5))


def sand(canvas: Canvas, dice: Dice) -> None:
    """Ripples of dry sand."""
    colour = dice.tint(dice.pick([(214, 190, 146), (202, 178, 138), (220, 200, 164)]))
    canvas.gradient(scaled(colour, 1.06), scaled(colour, 0.94))
    canvas.light(1 + 0.22 * (noise(dice, canvas, canvas.short / 9, 2.5) - 0.5))
    canvas.light(1 + 0.14 * (noise(dice, canvas, canvas.short / 32) - 0.5))


def water(canvas: Canvas, dice: Dice) -> None:
    """Clear water with light that plays in it."""
    colour = dice.tint(dice.pick([(44, 112, 132), (44, 98, 138), (62, 124, 118)]))
    canvas.gradient(scaled(colour, 1.25), scaled(colour, 0.75))
    ripple = noise(dice, canvas, canvas.short / 8, 1.8) - 0.5
    canvas.light(1 + 0.3 * (0.5 - np.abs(ripple) * 2))


def table(canvas: Canvas, dice: Dice) -> None:
    """A table of brown wood."""
    colour = dice.tint(dice.pick([(122, 82, 52), (104, 70, 48), (140, 98, 64)]))
    canvas.fill(colour)
    canvas.light(1 + 0.3 * (noise(dice, canvas, canvas.short / 30, 16.0) - 0.5))
