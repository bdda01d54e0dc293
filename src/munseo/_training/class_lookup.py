"""Classes that a configuration names, by target or by name, as class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from munseo._config import Config
from munseo._data import PageSet
from munseo._data.classes import Classes
from munseo._errors import UserError


@dataclass(frozen=True)
class NamedClasses:
    """Class numbers.

    Attributes:
        filled: Of ``class_imbalance.aug_class``.
        groups: Class to its place in ``class_policies``; classes of no group are left out.
    """

    filled: tuple[int, ...]
    groups: dict[int, int]


def find_classes(config: Config, pages: PageSet) -> NamedClasses:
    """Look up every class that the configuration names.

    Raises:
        UserError: Classes that there are not, or one in two groups: all of them in one message.
    """
    classes = Classes(pages.class_names, pages.class_targets, "the data")
    problems: list[str] = []
    imbalance = config.class_imbalance
    filled = _numbers(imbalance.aug_class, classes, "class_imbalance.aug_class", problems) if imbalance else ()
    groups: dict[int, int] = {}
    for place, group in enumerate(config.class_policies):
        where = f"class_policies.{place}.classes"
        for number in _numbers(group.classes, classes, where, problems):
            if number in groups:
                problems.append(
                    f"{where}: {classes.names[number]} is in class_policies.{groups[number]} already; name it once"
                )
            groups.setdefault(number, place)
    if problems:
        listed = ", ".join(f"{t} {n}" for t, n in zip(classes.targets, classes.names, strict=True))
        raise UserError(f"Classes in the configuration that cannot be. The classes: {listed}", problems)
    return NamedClasses(filled, groups)


def _numbers(wanted: Sequence[int | str], classes: Classes, where: str, problems: list[str]) -> tuple[int, ...]:
    found = [(str(name), classes.index(str(name))) for name in wanted]
    problems += [f"{where}: {classes.unknown(name)}" for name, number in found if number is None]
    return tuple(number for _, number in found if number is not None)
