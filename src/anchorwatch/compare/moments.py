"""Two moments side by side, as lines of Compose keys: what `anchorwatch diff --at T1 --to T2` shows."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.compare.side_by_side import flat, of_findings, printed, service_lines
from anchorwatch.model.log import Standing
from anchorwatch.model.report import SideBySide
from anchorwatch.model.stored import FOLLOWS, leaves, unsealed


def moments_side_by_side(before: Standing, after: Standing) -> tuple[SideBySide, ...]:
    """Two moments: for each service what Git said, for each container what ran, as far as they differ.

    What ran is told in Compose keys: Git's values, but where a drift was known, the one that was found. What those do not show
    (a container of no stack, a value that a rule ignores) is told in the keys of `docker inspect`.
    """
    found: list[SideBySide] = []
    names = dict.fromkeys([*_wanted(before), *_wanted(after)])
    for name in names:
        found.append(SideBySide(f"{name}, in Git", _wanted(before).get(name, ()), _wanted(after).get(name, ())))
    was, now = _ran(before), _ran(after)
    for name in dict.fromkeys([*was, *now]):
        spoken, raw = was.get(name, _NOTHING), now.get(name, _NOTHING)
        if spoken.keys == raw.keys and spoken.raw != raw.raw:
            found.append(SideBySide(f"{name}, docker inspect", spoken.raw, raw.raw))
        found.append(SideBySide(f"{name}, on the host", spoken.lines, raw.lines))
    return tuple(side for side in found if side.git != side.host)


@dataclass(frozen=True, slots=True)
class _Ran:
    """A container at a moment."""

    facts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Compose keys."""
    raw: tuple[str, ...] = ()
    """How the engine had it."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Facts and keys together."""
        return (*self.facts, *self.keys)


_NOTHING = _Ran()


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
        service = standing.definitions.get((one.host, stack or ""), {}).get("services", {}).get(seen.service)
        keys: tuple[str, ...] = ()
        if service is not None:
            own = [
                drift.finding
                for drift in standing.drifts
                if drift.finding.container == seen.name and drift.finding.host == one.host
            ]
            keys = of_findings("", dict(service_lines(unsealed(service))), own).host
        found[f"{one.host}/{stack}: {seen.name}" if stack else f"{one.host}: {seen.name}"] = _Ran(tuple(facts), keys, raw)
    return found
