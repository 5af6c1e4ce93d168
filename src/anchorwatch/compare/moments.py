"""Two moments side by side, as lines of Compose keys: what `anchorwatch diff --at T1 --to T2` shows."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.compare.held import Held, held, overlaps
from anchorwatch.compare.side_by_side import flat, printed, service_lines
from anchorwatch.model.log import Standing
from anchorwatch.model.report import SideBySide
from anchorwatch.model.stored import FOLLOWS, leaves, unsealed


def moments_side_by_side(before: Standing, after: Standing) -> tuple[SideBySide, ...]:
    """Two moments: for each service what Git said, for each container what ran, as far as they differ.

    What ran is told in Compose keys: Git's values, but where a drift was known, the one that was found; where nobody compared, at
    one moment or the other, what the container itself showed at both. What those do not show (a container of no stack, a value
    that Git does not set) is told of the containers themselves, in Compose keys too, and in those of `docker inspect` where
    Compose has none.
    """
    found: list[SideBySide] = []
    names = dict.fromkeys([*_wanted(before), *_wanted(after)])
    for name in names:
        found.append(SideBySide(f"{name}, in Git", _wanted(before).get(name, ()), _wanted(after).get(name, ())))
    was, now = _ran(before), _ran(after)
    for name in dict.fromkeys([*was, *now]):
        one, other = was.get(name, _NOTHING), now.get(name, _NOTHING)
        unsure = _unsure(one.held, other.held)
        keys = one.keys(unsure), other.keys(unsure)
        written = printed(one.held.shows), printed(other.held.shows)
        if keys[0] == keys[1] and written[0] != written[1]:
            found.append(SideBySide(f"{name}, its container", *written))
        elif keys[0] == keys[1] and one.raw != other.raw:
            found.append(SideBySide(f"{name}, docker inspect", one.raw, other.raw))
        found.append(SideBySide(f"{name}, on the host", (*one.facts, *keys[0]), (*other.facts, *keys[1])))
    return tuple(side for side in found if side.git != side.host)


@dataclass(frozen=True, slots=True)
class _Ran:
    """A container at a moment."""

    facts: tuple[str, ...]
    held: Held
    raw: tuple[str, ...]
    """How the engine had it."""

    def keys(self, unsure: frozenset[str]) -> tuple[str, ...]:
        """What it had of what Git says; what is `unsure`, as the container shows it."""
        shows = self.held.shows
        told = {path: value for path, value in self.held.sure.items() if not overlaps(path, unsure)}
        # where a folder that Git names from its own place lay
        told = {path: shows.get(path, value) if value[:2] == "./" else value for path, value in told.items()}
        return printed(told | {path: shows[path] for path in unsure if path in shows})


_NOTHING = _Ran((), Held({}, frozenset(), {}), ())


def _unsure(one: Held, other: Held) -> frozenset[str]:
    """Keys at which the two are told by what the containers show: nobody compared, or Git sets it at one moment only while the
    container had something there at the other."""
    lone = {path for a, b in ((one, other), (other, one)) for path in a.sure if path not in b.sure and path in b.shows}
    return one.unsure | other.unsure | lone


def _wanted(standing: Standing) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for (host, stack), definition in standing.definitions.items():
        for service, config in definition.get("services", {}).items():
            found[f"{host}/{stack}: {service}"] = printed(dict(service_lines(unsealed(config))))
        for section in ("networks", "volumes"):
            for name, resource in definition.get(section, {}).items():
                found[f"{host}/{stack}: {section}.{name}"] = printed(dict(flat(f"{section}.{name}", unsealed(resource))))
    return found


def _ran(standing: Standing) -> dict[str, _Ran]:
    homes = {(one.report.host, one.report.project): one.report.stack for one in standing.stacks}
    found: dict[str, _Ran] = {}
    for one in standing.containers:
        seen, stack = one.seen, homes.get((one.host, one.seen.project))
        facts = [f"container.state: {seen.state}", f"container.id: {seen.engine_id[:12]}", f"container.image: {seen.image_id}"]
        facts += [f"container.exit_code: {seen.exit_code}"] if seen.state == "exited" else []
        facts += [f"container.health: {seen.health}"] if seen.health else []
        raw = tuple(f"{path}: {value}" for path, value in leaves(unsealed(seen.configuration)) if not path.startswith(FOLLOWS))
        name = f"{one.host}/{stack}: {seen.name}" if stack else f"{one.host}: {seen.name}"
        found[name] = _Ran(tuple(facts), held(one, standing), raw)
    return found
