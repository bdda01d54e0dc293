"""Invented people, hospitals, banks and dates.

No number can belong to a real person: identity numbers are masked, telephone exchanges are 0000, account numbers and
licences start with codes that are never assigned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from munseo._synth.random_draws import Rng, chance, digits, pick, whole
from munseo._synth.vocabulary import pairs, word


@dataclass(frozen=True)
class Person:
    """A person who does not exist."""

    name: str
    roman_surname: str
    roman_given: str
    female: bool
    birth: date
    address: str
    phone: str

    @property
    def id_number(self) -> str:
        """Return the resident registration number with its personal part masked."""
        century = 2 * (self.birth.year >= 2000)
        return f"{self.birth:%y%m%d}-{century + 1 + self.female}******"


@dataclass(frozen=True)
class Hospital:
    """A hospital or pharmacy that does not exist."""

    name: str
    address: str
    phone: str
    code: str
    doctor: str
    licence: str
    department: str


def person(rng: Rng, *, female: bool | None = None, born: tuple[int, int] = (1945, 2004)) -> Person:
    """Invent a person, born in one of the years from the first to the last one of ``born``."""
    surname, given = pick(rng, pairs("surnames")), [pick(rng, pairs("syllables")) for _ in range(2)]
    return Person(
        name=surname[0] + "".join(hangul for hangul, _ in given),
        roman_surname=surname[1],
        roman_given="".join(roman for _, roman in given),
        female=chance(rng, 0.5) if female is None else female,
        birth=day(rng, *born),
        address=address(rng),
        phone=f"010-0000-{digits(rng, 4)}",
    )


def address(rng: Rng) -> str:
    """Invent an address of one line."""
    home = word(rng, "homes").format(a=whole(rng, 101, 130), b=whole(rng, 101, 2004))
    street = f"{word(rng, 'cities')} {word(rng, 'districts')} {word(rng, 'streets')} {whole(rng, 1, 320)}"
    return f"{street}, {home}" if home else street


def hospital(rng: Rng) -> Hospital:
    """Invent a hospital and one of its doctors."""
    return _institution(rng, word(rng, "hospital_names") + word(rng, "hospital_kinds"))


def pharmacy(rng: Rng) -> Hospital:
    """Invent a pharmacy."""
    return _institution(rng, word(rng, "pharmacy_names") + "약국")


def _institution(rng: Rng, name: str) -> Hospital:
    return Hospital(
        name=name,
        address=address(rng).split(",")[0],
        phone=f"0{whole(rng, 2, 6)}-0000-{digits(rng, 4)}",
        code=f"000{digits(rng, 5)}",
        doctor=person(rng).name,
        licence=f"제 0{digits(rng, 4)} 호",
        department=word(rng, "departments"),
    )


def day(rng: Rng, first_year: int = 2017, last_year: int = 2024) -> date:
    """Return a random day between two years, both included."""
    first, last = date(first_year, 1, 1), date(last_year, 12, 31)
    return first + timedelta(days=whole(rng, 0, (last - first).days))


def format_date(moment: date, style: int) -> str:
    """Format a date in one of the four styles of Korean documents (``style`` counts from 0)."""
    year, month, dom = moment.year, f"{moment.month:02}", f"{moment.day:02}"
    # Not strftime: with Hangul in its pattern it fails in some locales.
    forms = (
        f"{year}년 {month}월 {dom}일",
        f"{year}-{month}-{dom}",
        f"{year}. {month}. {dom}.",
        f"{year}년  {month}월  {dom}일",
    )
    return forms[style % len(forms)]


def account_number(rng: Rng) -> str:
    """Return an account number that no bank assigns."""
    pattern = pick(rng, ("000-00{a}-{b}", "0000-{c}-{b}", "000-{b}-{a}-{c}"))
    return pattern.format(a=digits(rng, 2), b=digits(rng, 6), c=digits(rng, 3))


def plate(rng: Rng) -> str:
    """Return a plate number with a letter that no plate has."""
    front = whole(rng, 10, 69) if chance(rng, 0.5) else whole(rng, 100, 699)
    return f"{front}{word(rng, 'plate_letters')} {digits(rng, 4)}"


def won(rng: Rng, low: int, high: int) -> int:
    """Return a sum of money in won, a multiple of ten."""
    return whole(rng, low // 10, high // 10) * 10


def drug(rng: Rng) -> str:
    """Return the name of a medicine that does not exist, with its strength."""
    strength = pick(rng, ("5mg", "10mg", "20mg", "50mg", "100mg", "250mg", "10ml"))
    return f"{word(rng, 'drug_stems')}{word(rng, 'drug_ends')} {strength}"
