"""What a rule says: one difference at one Compose path, before anybody decided whether it is drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchorwatch.compare.notation import show
from anchorwatch.model.values import Json, Secret, Template

if TYPE_CHECKING:
    from anchorwatch.compare.pair import Pair

UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What is raised where a value has a form that nobody foresaw: a future engine, or garbage. It costs that value's keys only."""

Shown = Callable[[Json], str | None]
_SIMPLE = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Difference:
    """`want` is what Compose would make now, `have` what the container shows; None is "not set"."""

    path: str
    want: Json
    have: Json
    shown: Shown = show
    """Writes either side in Compose's notation."""
    default: tuple[str, str] | None = None
    """Set where Git leaves the key to the engine, and an engine's default would explain what is seen: its name and value as
    `host_view.DEFAULTS` reads them."""
    carried: bool = False
    """Set where Compose carries it over from the container before, though the file no longer says so: drift only where the
    container was made from a file that did."""
    note: str | None = None
    """Set where this is true and useful, and no drift: the note's text."""
    unjudged: str | None = None
    """Set where it cannot be judged: the reason."""
    unseen: str | None = None
    """Set where nothing can be said of the path at the moment, though nothing is wrong: the reason. Not shown; it keeps what is
    known of the path from passing for mended."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Compares one group of Compose keys.

    `keys` maps each key of the Compose specification that the rule claims to where the engine shows it, for the documentation.
    `differences` yields what differs, and nothing where prediction and container agree.
    """

    name: str
    keys: Mapping[str, str]
    differences: Callable[[Pair], Iterator[Difference]]


def same(want: Json, have: Json) -> bool:
    """Whether a wanted value and an observed one agree; an unknown piece of a wanted text agrees with anything."""
    if want is have or type(want) in _SIMPLE:
        return bool(want == have)
    if isinstance(want, Template):
        if isinstance(have, Secret):
            have = have.reveal()
        return isinstance(have, str) and want.fits(have)
    if isinstance(want, list | tuple) and isinstance(have, list | tuple):
        return len(want) == len(have) and all(same(mine, other) for mine, other in zip(want, have, strict=True))
    return bool(want == have)


def differ(path: str, want: Json, have: Json, shown: Shown = show) -> Iterator[Difference]:
    """One difference at `path`, or none where both agree."""
    if not same(want, have):
        yield Difference(path, want, have, shown)


def differ_maps(prefix: str, want: Mapping[str, Json], have: Mapping[str, Json], shown: Shown = show) -> Iterator[Difference]:
    """A difference below `prefix` for each name whose value differs or that only one side has."""
    for name, value in want.items():
        if name not in have or not same(value, have[name]):
            yield Difference(f"{prefix}.{name}", value, have.get(name), shown)
    for name in have.keys() - want.keys():
        yield Difference(f"{prefix}.{name}", None, have[name], shown)
