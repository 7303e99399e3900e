"""Brushes of the sample renderer: a canvas, smooth noise, distance fields and seeded choices.

Shapes are distance fields (pixels, negative inside) that become coverage with a soft edge, so that
nothing depends on how a drawing library rounds an edge. Every choice comes from `Generator.random`
alone, the plainest stream that numpy has.
"""

from __future__ import annotations

import colorsys
import math
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Field: TypeAlias = NDArray[np.float64]

Colour: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]
T = TypeVar("T")


class Dice:
    """Seeded choices; the same seed words always give the same choices."""

    def __init__(self, *seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def between(self, low: float, high: float) -> float:
        """A number of [low, high)."""
        return low + (high - low) * float(self._rng.random())

    def whole(self, low: int, high: int) -> int:
        """An integer of low..high, both included."""
        return low + int(self._rng.random() * (high - low + 1))

    def pick(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[self.whole(0, len(values) - 1)]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return float(self._rng.random()) < probability

    def table(self, *shape: int) -> Field:
        """Numbers of [0, 1) in an array."""
        return self._rng.random(shape)

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """The values in another order."""
        order = np.argsort(self.table(len(values)), kind="stable")
        return [values[int(position)] for position in order]

    def tint(self, colour: Colour, amount: float = 11.0) -> Colour:
        """The colour, each channel moved by at most `amount`, brightness by twice as much."""
        light = self.between(-amount, amount)
        red, green, blue = (c + light + self.between(-amount, amount) for c in colour)
        return (red, green, blue)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """RGB 0-255 of a hue in turns, saturation and value 0-1."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return (255 * red, 255 * green, 255 * blue)


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` (0-1) of the way from the first to the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def scaled(colour: Colour, factor: float) -> Colour:
    """The colour, lighter or darker by a factor."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


class Canvas:
    """RGB pixels 0-255 as float64, with the coordinates of the pixel centres in `x` and `y`."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.short = float(min(width, height))
        self.pixels: Field = np.zeros((height, width, 3))
        self.y, self.x = np.mgrid[0:height, 0:width] + 0.5

    def around(self, centre: Point, radius: float) -> Canvas:
        """The same pixels within `radius` of a point, as a canvas that is cheaper to paint on."""
        (x, y), edge = centre, radius + 2
        rows = slice(max(0, int(y - edge)), max(0, int(y + edge) + 1))
        columns = slice(max(0, int(x - edge)), max(0, int(x + edge) + 1))
        part = Canvas.__new__(Canvas)
        part.pixels = self.pixels[rows, columns]
        part.x, part.y = self.x[rows, columns], self.y[rows, columns]
        part.height, part.width = part.x.shape
        part.short = self.short
        return part

    def fill(self, colour: Colour) -> None:
        """One colour everywhere."""
        self.pixels[:] = colour

    def gradient(self, top: Colour, bottom: Colour) -> None:
        """A colour run from the first row to the last."""
        share = (self.y / self.height)[..., None]
        self.pixels[:] = np.asarray(top) * (1 - share) + np.asarray(bottom) * share

    def paint(self, coverage: Field, colour: Colour | Field, opacity: float = 1.0) -> None:
        """Lay a colour (or a picture of the same size) over the pixels where they are covered."""
        share = (coverage * opacity)[..., None]
        self.pixels += share * (np.asarray(colour) - self.pixels)

    def shape(self, distance: Field, colour: Colour | Field, opacity: float = 1.0) -> None:
        """Paint the inside of a distance field."""
        self.paint(cover(distance), colour, opacity)

    def light(self, factor: Field) -> None:
        """Multiply the brightness, pixel by pixel."""
        self.pixels *= factor[..., None]

    def local(self, centre: Point, angle: float = 0.0) -> tuple[Field, Field]:
        """Coordinates about a point, turned by an angle in radians."""
        dx, dy = self.x - centre[0], self.y - centre[1]
        cos, sin = math.cos(angle), math.sin(angle)
        return dx * cos + dy * sin, dy * cos - dx * sin

    def bytes(self) -> NDArray[np.uint8]:
        """The picture as uint8, height x width x 3."""
        return np.clip(np.rint(self.pixels), 0, 255).astype(np.uint8)


def cover(distance: Field) -> Field:
    """Coverage 0-1 of a distance field in pixels, soft over two pixels as behind a plain lens."""
    return np.clip(0.5 - distance / 2, 0.0, 1.0)


def noise(dice: Dice, canvas: Canvas, cell: float, stretch: float = 1.0) -> Field:
    """Smooth noise 0-1 with lumps of `cell` pixels, `stretch` times as wide as high."""
    u, v = np.arange(canvas.width) / (cell * stretch), np.arange(canvas.height) / cell
    grid = dice.table(int(v[-1]) + 2, int(u[-1]) + 2)
    rows, columns = v.astype(int), u.astype(int)
    down = _ease(v - rows)[:, None]
    lines = grid[rows] * (1 - down) + grid[rows + 1] * down
    along = _ease(u - columns)[None, :]
    mixed: Field = lines[:, columns] * (1 - along) + lines[:, columns + 1] * along
    return mixed


def _ease(share: Field) -> Field:
    return share * share * (3 - 2 * share)


def disc(u: Field, v: Field, radius: float) -> Field:
    """Distance to a disc about the origin."""
    return np.sqrt(u * u + v * v) - radius


def oval(u: Field, v: Field, radius_u: float, radius_v: float) -> Field:
    """Approximate distance to an ellipse about the origin."""
    ratio: Field = np.sqrt((u / radius_u) ** 2 + (v / radius_v) ** 2)
    distance: Field = (ratio - 1) * min(radius_u, radius_v)
    return distance


def box(u: Field, v: Field, half_u: float, half_v: float, rounding: float = 0.0) -> Field:
    """Distance to a rectangle about the origin with rounded corners."""
    du, dv = np.abs(u) - half_u + rounding, np.abs(v) - half_v + rounding
    outside: Field = np.sqrt(np.maximum(du, 0) ** 2 + np.maximum(dv, 0) ** 2)
    return outside + np.minimum(np.maximum(du, dv), 0) - rounding


def rod(u: Field, v: Field, start: Point, end: Point, radius: float) -> Field:
    """Distance to a line of round ends."""
    along_u, along_v = end[0] - start[0], end[1] - start[1]
    length = max(along_u * along_u + along_v * along_v, 1e-9)
    share = np.clip(((u - start[0]) * along_u + (v - start[1]) * along_v) / length, 0, 1)
    return disc(u - start[0] - share * along_u, v - start[1] - share * along_v, radius)


def polygon(u: Field, v: Field, corners: Sequence[Point]) -> Field:
    """Distance to a convex polygon; exact inside, too small beyond a corner.

    The corners go round clockwise on the screen, where v points down.
    """
    distance = np.full_like(u, -np.inf)
    for (u0, v0), (u1, v1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        along_u, along_v = u1 - u0, v1 - v0
        length = math.sqrt(along_u * along_u + along_v * along_v)
        edge = (along_v * (u - u0) - along_u * (v - v0)) / length
        distance = np.maximum(distance, edge)
    return distance


def stripe(phase: Field, share: float, softness: Field | float) -> Field:
    """Coverage of the middle `share` of every unit of `phase`, soft by `softness` units."""
    distance = np.abs(phase - np.floor(phase) - 0.5) - share / 2
    coverage: Field = np.clip(0.5 - distance / softness, 0.0, 1.0)
    return coverage
