"""Paper-doll persons on which each of PETA's 35 attributes can be seen.

A person is drawn on a card, x 0-1 from the left and y 0-2 from the top, that the picture stretches
a little, as PETA's crops differ in shape too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.data.sample_paint import Canvas, Dice, box, oval, polygon, rod, scaled, stripe
from tests.data.sample_persons import SEED, persons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.data.sample_paint import Colour, Field, Point
    from tests.data.sample_persons import Person


class Card:
    """A canvas whose shapes are given on the card, turned into pixels."""

    def __init__(self, canvas: Canvas, dice: Dice, lean: float, zoom: float) -> None:
        self.canvas = canvas
        self.dice = dice
        self.scale = canvas.width * zoom
        self.backpack = dice.pick(BACKPACKS)
        shift = dice.between(-0.03, 0.03)
        self.v = (2 * canvas.y / canvas.height - 1.93) / zoom + 1.93
        self.u = (canvas.x / canvas.width - 0.5 - shift) / zoom + 0.5 - lean * (1.9 - self.v)

    def paint(self, distance: Field, colour: Colour | Field) -> None:
        """Paint the inside of a distance field in card units."""
        self.canvas.shape(distance * self.scale, colour)

    def oval(self, centre: Point, radius: Point, colour: Colour) -> None:
        """An ellipse."""
        self.paint(oval(self.u - centre[0], self.v - centre[1], *radius), colour)

    def box(self, centre: Point, half: Point, colour: Colour, rounding: float = 0.02) -> None:
        """A rectangle with round corners."""
        self.paint(box(self.u - centre[0], self.v - centre[1], *half, rounding), colour)

    def rod(self, start: Point, end: Point, radius: float, colour: Colour) -> None:
        """A line with round ends."""
        self.paint(rod(self.u, self.v, start, end, radius), colour)

    def polygon(self, corners: Sequence[Point], colour: Colour) -> None:
        """A convex polygon, corners clockwise."""
        self.paint(polygon(self.u, self.v, corners), colour)


SKIN = ((236, 196, 164), (224, 178, 142), (198, 148, 112))
HAIR = {
    "Less30": ((150, 86, 34), (176, 110, 40)),
    "Less45": ((34, 26, 24), (48, 34, 28)),
    "Less60": ((128, 126, 128), (112, 110, 114)),
    "Larger60": ((236, 236, 234), (224, 224, 226)),
}
GROUNDS = (
    ((206, 210, 206), (170, 170, 166)),
    ((198, 206, 214), (160, 162, 168)),
    ((214, 206, 192), (178, 166, 150)),
    ((190, 204, 186), (164, 168, 152)),
)
PLAIN = ((146, 64, 66), (84, 110, 84), (120, 92, 128), (170, 130, 80), (78, 112, 132))
TIE = ((0.48, 0.48), (0.52, 0.48), (0.53, 0.74), (0.5, 0.79), (0.47, 0.74))
BACKPACKS = ((206, 60, 44), (214, 96, 40), (150, 40, 60))
BAGS = ((110, 84, 30), (86, 62, 40), (120, 70, 30))
CASES = ((60, 150, 120), (50, 130, 140), (80, 150, 90))
HATS = ((40, 70, 180), (30, 60, 130), (70, 60, 160))
MUFFLERS = ((240, 110, 160), (244, 140, 110), (230, 90, 120))


def render_person(number: int) -> NDArray[np.uint8]:
    """The picture of a person (from 1), whatever else is rendered: height x width x 3."""
    person = persons()[number - 1]
    dice = Dice(SEED, 3, number)
    height = dice.whole(108, 170)
    width = min(90, max(40, round(height * dice.between(0.42, 0.5))))
    canvas = Canvas(width, height)
    far, near = dice.pick(GROUNDS)
    canvas.fill(far)
    card = Card(canvas, dice, 0.07 if person.age == "Larger60" else 0.0, dice.between(0.94, 1.0))
    card.box((0.5, 2.4), (2, 0.66), near, 0)
    skin = dice.pick(SKIN)
    _behind(card, person)
    _legs(card, person, skin)
    _torso(card, person, skin)
    _head(card, person, skin)
    _carried(card, person)
    return canvas.bytes()


def _behind(card: Card, person: Person) -> None:
    """What the body covers: a backpack, long hair."""
    if "Backpack" in person.carried:
        card.box((0.5, 0.72), (0.33, 0.3), card.backpack, 0.1)
        card.box((0.5, 0.84), (0.35, 0.1), scaled(card.backpack, 0.75), 0.05)
    if person.long_hair:
        hair = HAIR[person.age][0]
        card.box((0.5, 0.42), (0.19, 0.32), hair, 0.1)


def _legs(card: Card, person: Person, skin: Colour) -> None:
    """Lower garment and footwear."""
    hip, gap = (0.16, 0.095) if person.male else (0.17, 0.085)
    for side in (-1, 1):
        ankle = (0.5 + side * (gap + 0.02), 1.82)
        card.rod((0.5 + side * gap, 1.1), ankle, 0.062, skin)
        _shoe(card, person.shoes, ankle, side, skin)
    kind = "formal" if person.formal_lower else person.lower
    colour = _lower_colour(card.dice, kind)
    card.box((0.5, 1.08), (hip, 0.1), colour, 0.05)
    if kind == "ShortSkirt":
        card.polygon([(0.35, 1.0), (0.65, 1.0), (0.76, 1.4), (0.24, 1.4)], colour)
        return
    end = 1.34 if kind == "Shorts" else 1.78
    for side in (-1, 1):
        foot = (0.5 + side * (gap + 0.015), end)
        card.rod((0.5 + side * gap, 1.1), foot, 0.083, colour)
        if kind == "Jeans":
            card.rod((0.5 + side * (gap + 0.03), 1.3), foot, 0.026, scaled(colour, 1.5))
            card.box((foot[0], 1.79), (0.085, 0.03), scaled(colour, 1.7), 0.01)
        if kind == "formal":
            card.rod((0.5 + side * gap, 1.2), foot, 0.008, scaled(colour, 2.4))


def _lower_colour(dice: Dice, kind: str) -> Colour:
    palette: dict[str, tuple[Colour, ...]] = {
        "formal": ((30, 30, 36), (38, 36, 40)),
        "Trousers": ((120, 108, 84), (104, 100, 92), (132, 116, 96)),
        "Jeans": ((48, 78, 138), (58, 92, 152), (76, 110, 160)),
        "Shorts": ((172, 158, 90), (160, 140, 80), (184, 160, 120)),
        "ShortSkirt": ((178, 50, 104), (150, 40, 90), (140, 60, 130)),
    }
    return dice.pick(palette[kind])


def _shoe(card: Card, kind: str, ankle: Point, side: int, skin: Colour) -> None:
    x, y = ankle[0] + 0.03 * side, ankle[1] + 0.06
    if kind == "LeatherShoes":
        card.oval((x, y), (0.11, 0.065), (22, 18, 18))
        card.oval((x + 0.02, y - 0.02), (0.04, 0.016), (220, 220, 220))
    elif kind == "Shoes":
        card.oval((x, y), (0.105, 0.065), (132, 78, 40))
    elif kind == "Sneaker":
        card.oval((x, y), (0.12, 0.075), (250, 250, 250))
        card.box((x, y + 0.045), (0.11, 0.018), (220, 40, 40), 0.01)
    else:
        card.oval((x, y), (0.1, 0.055), skin)
        for at in (-0.05, 0.0, 0.05):
            card.rod((x + at, y - 0.05), (x + at + 0.02, y + 0.05), 0.012, (96, 60, 30))


def _torso(card: Card, person: Person, skin: Colour) -> None:
    """Arms, upper garment and what is on it."""
    wide = 0.235 if person.male else 0.185
    waist = {"Less60": 0.21, "Larger60": 0.17}.get(person.age, 0.155) - (0 if person.male else 0.03)
    cloth = _upper_colour(card.dice, person.upper)
    for side in (-1, 1):
        shoulder = (0.5 + side * (wide - 0.04), 0.54)
        elbow = (0.5 + side * (wide + 0.045), 0.8)
        hand = (0.5 + side * (wide + 0.05), 1.06)
        card.rod(shoulder, elbow, 0.052, skin)
        card.rod(elbow, hand, 0.045, skin)
        card.rod(shoulder, (elbow[0], 0.7) if person.short_sleeve else elbow, 0.065, cloth)
        if not person.short_sleeve:
            card.rod(elbow, (hand[0], 1.0), 0.058, cloth)
    left, right = 0.5 - wide, 0.5 + wide
    corners = [(left, 0.5), (right, 0.5), (0.5 + waist, 1.06), (0.5 - waist, 1.06)]
    shoulders = box(card.u - 0.5, card.v - 0.5, wide, 0.05, 0.05)
    body = np.minimum(polygon(card.u, card.v, corners), shoulders)
    card.paint(body, cloth)
    card.rod((0.5, 0.38), (0.5, 0.46), 0.06, skin)
    _decorate(card, person, body, cloth, skin)


def _upper_colour(dice: Dice, kind: str) -> Colour:
    palette: dict[str, tuple[Colour, ...]] = {
        "Formal": ((34, 34, 42), (44, 42, 46)),
        "Jacket": ((96, 58, 30), (110, 66, 36)),
        "Logo": ((44, 140, 150), (40, 120, 110)),
        "Plaid": ((190, 40, 40), (180, 90, 40)),
        "ThinStripes": ((240, 240, 240),),
        "Tshirt": ((240, 200, 60), (222, 210, 70), (238, 170, 50)),
        "VNeck": ((90, 50, 140), (110, 50, 120)),
        "Other": PLAIN,
    }
    return dice.pick(palette[kind])


def _decorate(card: Card, person: Person, body: Field, cloth: Colour, skin: Colour) -> None:
    """Pattern, opening or print of the upper garment."""
    u, v = card.u, card.v
    if person.upper == "Formal":
        card.polygon([(0.41, 0.45), (0.59, 0.45), (0.5, 0.8)], (244, 244, 244))
        card.polygon(TIE, (170, 30, 40))
    elif person.upper == "Jacket":
        card.box((0.5, 0.78), (0.065, 0.29), (226, 220, 206), 0.01)
        card.rod((0.42, 0.5), (0.42, 1.04), 0.012, (230, 200, 90))
        card.rod((0.58, 0.5), (0.58, 1.04), 0.012, (230, 200, 90))
    elif person.upper == "Logo":
        card.oval((0.5, 0.72), (0.12, 0.12), (250, 246, 230))
        card.oval((0.5, 0.72), (0.06, 0.06), (220, 60, 40))
    elif person.upper == "Plaid":
        for phase in (u * 9, v * 9):
            card.canvas.paint(stripe(phase, 0.4, 0.15) * (body < 0), (30, 40, 60), 0.7)
    elif person.upper == "ThinStripes":
        card.canvas.paint(stripe(v * 14, 0.45, 0.2) * (body < 0), (30, 50, 120))
    elif person.upper == "VNeck":
        card.polygon([(0.36, 0.45), (0.64, 0.45), (0.5, 0.82)], (236, 220, 120))
        card.polygon([(0.4, 0.44), (0.6, 0.44), (0.5, 0.74)], skin)
    elif person.upper == "Tshirt":
        card.oval((0.5, 0.46), (0.1, 0.05), skin)


def _head(card: Card, person: Person, skin: Colour) -> None:
    """Hair, face and what is worn on them."""
    hair = card.dice.pick(HAIR[person.age])
    card.oval((0.5, 0.23), (0.15, 0.17), hair)
    card.oval((0.5, 0.27), (0.115, 0.14), skin)
    if person.male:
        card.oval((0.5, 0.37), (0.085, 0.045), scaled(hair, 0.9))
    card.oval((0.5, 0.345), (0.04, 0.014), (150, 90, 80) if person.male else (176, 60, 60))
    for side in (-1, 1):
        card.oval((0.5 + 0.045 * side, 0.25), (0.016, 0.014), (30, 26, 26))
    if "Sunglasses" in person.accessories:
        card.rod((0.38, 0.245), (0.62, 0.245), 0.014, (10, 10, 14))
        for side in (-1, 1):
            card.oval((0.5 + 0.062 * side, 0.26), (0.062, 0.05), (10, 10, 14))
    if "Hat" in person.accessories:
        hat = card.dice.pick(HATS)
        card.box((0.5, 0.09), (0.15, 0.085), hat, 0.05)
        card.box((0.5, 0.17), (0.24, 0.03), scaled(hat, 0.75), 0.02)
    if "Muffler" in person.accessories:
        wool = card.dice.pick(MUFFLERS)
        card.box((0.5, 0.45), (0.18, 0.062), wool, 0.05)
        card.box((0.6, 0.62), (0.06, 0.2), wool, 0.02)
        card.box((0.6, 0.8), (0.06, 0.02), (250, 200, 220), 0.0)


def _carried(card: Card, person: Person) -> None:
    """Straps, bags and other things."""
    if "Backpack" in person.carried:
        for side in (-1, 1):
            card.rod((0.5 + 0.13 * side, 0.48), (0.5 + 0.14 * side, 0.86), 0.024, card.backpack)
    if "MessengerBag" in person.carried:
        card.rod((0.36, 0.48), (0.66, 1.05), 0.022, (70, 52, 20))
        bag = card.dice.pick(BAGS)
        card.box((0.72, 1.14), (0.14, 0.13), bag, 0.03)
        card.box((0.72, 1.09), (0.14, 0.07), scaled(bag, 0.75), 0.03)
    if "PlasticBags" in person.carried:
        for x in (0.2, 0.83):
            card.rod((x, 1.04), (x, 1.16), 0.03, (236, 250, 250))
            card.box((x, 1.32), (0.13, 0.17), (236, 250, 250), 0.05)
            card.box((x, 1.32), (0.07, 0.05), (60, 170, 90), 0.02)
    if "Other" in person.carried:
        card.rod((0.2, 1.05), (0.2, 1.5), 0.02, (60, 60, 60))
        case = card.dice.pick(CASES)
        card.box((0.17, 1.68), (0.14, 0.2), case, 0.03)
        card.box((0.17, 1.68), (0.14, 0.03), scaled(case, 0.7), 0.0)
    if person.age == "Larger60":
        card.rod((0.86, 1.04), (0.88, 1.9), 0.018, (90, 60, 30))
