"""Scenes in twelve classes, told by their structure: palettes overlap, and some scenes are grey.

Each class has a painter that varies place, size, colour, turn and light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from tests.data import sample_patterns as patterns
from tests.data import sample_things as things
from tests.data.sample_paint import Canvas, Dice, noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tests.data.sample_paint import Field

SEED = 20240607
PER_HALF = 300
SIZES = (
    *[(500, 375)] * 26,
    *[(375, 500)] * 7,
    *[(500, 333)] * 7,
    *[(333, 500), (280, 500), (280, 500), (640, 360), (640, 360)],
    *[(256, 256), (341, 256), (300, 343), (400, 400), (480, 360)],
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One rendered scene: height x width x 3 (or height x width where grey), and its class."""

    pixels: NDArray[np.uint8]
    class_id: int


@cache
def class_ids(half: int) -> tuple[int, ...]:
    """The class of every scene of a half (0 held out, 1 for fitting), each class equally often."""
    every = sorted(PAINTERS) * (PER_HALF // len(PAINTERS))
    return tuple(Dice(SEED, half).shuffled(every))


def render_scene(half: int, number: int) -> Scene:
    """Scene `number` (from 1) of a half, whatever else is rendered."""
    class_id = class_ids(half)[number - 1]
    dice = Dice(SEED, half, number)
    canvas = Canvas(*dice.pick(SIZES))
    PAINTERS[class_id](canvas, dice)
    _finish(canvas, dice)
    pixels = canvas.bytes()
    return Scene(_grey(pixels) if _is_grey(half, number) else pixels, class_id)


def _is_grey(half: int, number: int) -> bool:
    """Whether a scene has one channel: the eighth of each class, the 16th of every other class."""
    ids = class_ids(half)[:number]
    turn = ids.count(ids[-1])
    return turn == 8 or (turn == 16 and sorted(PAINTERS).index(ids[-1]) % 2 == half)


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    luma: Field = pixels @ np.array([0.299, 0.587, 0.114])
    return np.clip(np.rint(luma), 0, 255).astype(np.uint8)


def _finish(canvas: Canvas, dice: Dice) -> None:
    """Light from one side, corners a little darker, blotches, and the grain of a camera."""
    u, v = canvas.local((canvas.width / 2, canvas.height / 2), dice.between(0, 2 * math.pi))
    side = 1 + dice.between(0.03, 0.18) * u / canvas.short
    vignette = 1 - dice.between(0, 0.12) * (u * u + v * v) / canvas.short**2
    blotches = 1 + 0.1 * (noise(dice, canvas, canvas.short / 3) - 0.5)
    canvas.light(side * vignette * blotches * dice.between(0.88, 1.08))
    canvas.pixels += dice.between(0.5, 3) * (dice.table(canvas.height, canvas.width, 1) - 0.5)


PAINTERS: dict[int, Callable[[Canvas, Dice], None]] = {
    1: things.goldfish,
    113: things.snail,
    327: things.starfish,
    340: patterns.zebra,
    417: things.balloon,
    489: patterns.chain_fence,
    599: patterns.honeycomb,
    723: things.pinwheel,
    825: patterns.stone_wall,
    918: patterns.crossword,
    970: patterns.alp,
    978: patterns.seashore,
}
"""Class of ImageNet -> the painter of what it is called after."""
