"""Persons with the 35 attributes of PETA, dealt from a fixed seed.

Attributes are dealt by quotas near PETA's frequencies, the rare ones
raised so that each half shows all of them several times.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tests.data.sample_paint import Dice

if TYPE_CHECKING:
    from collections.abc import Mapping


ATTRIBUTES = (
    "personalLess30",
    "personalLess45",
    "personalLess60",
    "personalLarger60",
    "carryingBackpack",
    "carryingOther",
    "lowerBodyCasual",
    "upperBodyCasual",
    "lowerBodyFormal",
    "upperBodyFormal",
    "accessoryHat",
    "upperBodyJacket",
    "lowerBodyJeans",
    "footwearLeatherShoes",
    "upperBodyLogo",
    "hairLong",
    "personalMale",
    "carryingMessengerBag",
    "accessoryMuffler",
    "accessoryNothing",
    "carryingNothing",
    "upperBodyPlaid",
    "carryingPlasticBags",
    "footwearSandals",
    "footwearShoes",
    "lowerBodyShorts",
    "upperBodyShortSleeve",
    "lowerBodyShortSkirt",
    "footwearSneaker",
    "upperBodyThinStripes",
    "accessorySunglasses",
    "lowerBodyTrousers",
    "upperBodyTshirt",
    "upperBodyOther",
    "upperBodyVNeck",
)
"""The 35 attributes of PETA that DeepMAR tells, in its order."""

SEED = 7486476
PER_HALF = 150
COUNT = 2 * PER_HALF


@dataclass(frozen=True, slots=True)
class Person:
    """What one person is and wears; the words are the ends of PETA's attribute names."""

    age: str
    male: bool
    long_hair: bool
    upper: str
    short_sleeve: bool
    lower: str
    formal_lower: bool
    shoes: str
    accessories: frozenset[str]
    carried: frozenset[str]

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the attributes that are true."""
        names = {f"personal{self.age}", f"footwear{self.shoes}", f"lowerBody{self.lower}"}
        names.add("lowerBodyFormal" if self.formal_lower else "lowerBodyCasual")
        names |= {"upperBodyFormal"} if self.upper == "Formal" else {"upperBodyCasual"}
        names.add(f"upperBody{self.upper}")
        names |= {f"accessory{name}" for name in self.accessories or {"Nothing"}}
        names |= {f"carrying{name}" for name in self.carried or {"Nothing"}}
        flags = (("personalMale", self.male), ("hairLong", self.long_hair))
        names |= {name for name, true in flags if true}
        if self.short_sleeve:
            names.add("upperBodyShortSleeve")
        return frozenset(names)

    @property
    def labels(self) -> list[int]:
        """0 or 1 for each of ATTRIBUTES."""
        true = self.attributes
        return [int(name in true) for name in ATTRIBUTES]


# Quotas. Each half deals them anew, so that both halves hold the same number of everything.

AGES = {"Less30": 72, "Less45": 46, "Less60": 18, "Larger60": 14}
MEN = {
    "Formal": 13,
    "Jacket": 8,
    "Logo": 6,
    "Plaid": 5,
    "ThinStripes": 5,
    "Tshirt": 8,
    "VNeck": 4,
    "Other": 33,
}
WOMEN = {
    "Formal": 7,
    "Jacket": 5,
    "Logo": 4,
    "Plaid": 4,
    "ThinStripes": 4,
    "Tshirt": 6,
    "VNeck": 5,
    "Other": 33,
}
FORMAL_LOWER = {"formal": 18, "Trousers": 2}
CASUAL_MEN = {"formal": 2, "Trousers": 33, "Jeans": 27, "Shorts": 7}
CASUAL_WOMEN = {"formal": 1, "Trousers": 22, "Jeans": 22, "Shorts": 5, "ShortSkirt": 11}
FORMAL_SHOES = {"LeatherShoes": 16, "Shoes": 5}
CASUAL_SHOES = {"LeatherShoes": 28, "Shoes": 51, "Sneaker": 37, "Sandals": 13}
LONG_HAIRED = 34
SHORT_SLEEVES = {"Logo": 3, "Plaid": 2, "ThinStripes": 2, "VNeck": 2}
ACCESSORIES = {
    "": 114,
    "Hat": 13,
    "Muffler": 10,
    "Sunglasses": 8,
    "Hat Muffler": 2,
    "Hat Sunglasses": 2,
    "Muffler Sunglasses": 1,
}
CARRIED = {
    "": 42,
    "Backpack": 24,
    "Other": 24,
    "MessengerBag": 40,
    "PlasticBags": 10,
    "Backpack Other": 4,
    "MessengerBag PlasticBags": 4,
    "Backpack PlasticBags": 2,
}


@cache
def persons() -> tuple[Person, ...]:
    """All persons, number 1 first."""
    halves = [_deal_half(Dice(SEED, half)) for half in (0, 1)]
    return tuple(halves[half][turn] for half, turn in _halves())


@cache
def _halves() -> tuple[tuple[int, int], ...]:
    """Half (0 held out, 1 for fitting) and turn in it of every person, in the order of numbers."""
    drawn = Dice(SEED, 2).shuffled([0, 1] * PER_HALF)
    return tuple((half, drawn[:index].count(half)) for index, half in enumerate(drawn))


def held_out(number: int) -> bool:
    """Whether a person (from 1) belongs to the half that nothing is fitted on."""
    return _halves()[number - 1][0] == 0


def _deal_half(dice: Dice) -> list[Person]:
    uppers = [(True, upper) for upper in dice.shuffled(_expand(MEN))]
    uppers += [(False, upper) for upper in dice.shuffled(_expand(WOMEN))]
    formal = iter(dice.shuffled(_expand(FORMAL_LOWER)))
    casual = {
        True: iter(dice.shuffled(_expand(CASUAL_MEN))),
        False: iter(dice.shuffled(_expand(CASUAL_WOMEN))),
    }
    lowers = [next(formal if upper == "Formal" else casual[male]) for male, upper in uppers]
    smart = iter(dice.shuffled(_expand(FORMAL_SHOES)))
    plain = iter(dice.shuffled(_expand(CASUAL_SHOES)))
    ages = dice.shuffled(_expand(AGES))
    hair = iter(dice.shuffled([turn < LONG_HAIRED for turn in range(sum(WOMEN.values()))]))
    sleeves = dict(SHORT_SLEEVES)
    accessories = dice.shuffled(_expand(ACCESSORIES))
    carried = dice.shuffled(_expand(CARRIED))
    dealt = []
    for index, ((male, upper), lower) in enumerate(zip(uppers, lowers, strict=True)):
        short = upper == "Tshirt" or sleeves.get(upper, 0) > 0
        if upper in sleeves:
            sleeves[upper] -= 1
        dealt.append(
            Person(
                age=ages[index],
                male=male,
                long_hair=not male and next(hair),
                upper=upper,
                short_sleeve=short,
                lower="Trousers" if lower == "formal" else lower,
                formal_lower=lower == "formal",
                shoes=next(smart if lower == "formal" else plain),
                accessories=frozenset(accessories[index].split()),
                carried=frozenset(carried[index].split()),
            )
        )
    return dice.shuffled(dealt)


def _expand(quotas: Mapping[str, int]) -> list[str]:
    return [name for name, count in quotas.items() for _ in range(count)]
