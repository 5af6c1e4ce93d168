"""Git and the host side by side, as lines of Compose keys: what `anchorwatch diff` shows.

Where a finding names a key, each side has its own value; everywhere else the comparison found both to agree, so both have Git's.
Keys that leave no trace in a container stand on neither side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from anchorwatch.compare.notation import show, size
from anchorwatch.compare.rules import NOT_COMPARED
from anchorwatch.compare.rules.mounts import spoken_entry
from anchorwatch.compare.rules.ports import spoken_ports
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.findings import Comparison, Finding, Kind
from anchorwatch.model.report import SideBySide
from anchorwatch.model.values import Json, JsonObject

_SIZES = frozenset({"mem_limit", "mem_reservation", "memswap_limit", "memory", "shm_size"})


def side_by_side(project: DesiredProject, comparison: Comparison) -> tuple[SideBySide, ...]:
    """One entry for each service, and one for the project's own networks and volumes."""
    found: list[SideBySide] = []
    everything = (*comparison.findings, *comparison.ignored)
    for service in project.services.values():
        mine = [finding for finding in everything if finding.service == service.name]
        base = dict(_service_lines(service.config))
        names = sorted({finding.container for finding in mine if finding.container}) or [""]
        for name in names:
            own = [finding for finding in mine if (finding.container or name) == name]
            title = f"{project.stack}: {service.name}" + (f" ({name})" if name else "")
            found.append(_sides(title, base, own))
    resources = dict(_resource_lines(project))
    mine = [finding for finding in everything if finding.service is None and finding.path is not None]
    if resources or mine:
        found.append(_sides(f"{project.stack}: networks and volumes", resources, mine))
    return tuple(found)


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
            found[f"{host}/{stack}: {service}"] = _printed(dict(_service_lines(unsealed(config))))
        for section in ("networks", "volumes"):
            for name, resource in definition.get(section, {}).items():
                found[f"{host}/{stack}: {section}.{name}"] = _printed(dict(_flat(f"{section}.{name}", unsealed(resource))))
    return found


def _ran(standing: Standing) -> dict[str, _Ran]:
    homes = {(one.report.host, one.report.project): one.report.stack for one in standing.stacks}
    found: dict[str, _Ran] = {}
    for one in standing.containers:
        seen, stack = one.seen, homes.get((one.host, one.seen.project))
        facts = [f"container.state: {seen.state}", f"container.id: {seen.engine_id[:12]}", f"container.image: {seen.image_id}"]
        facts += [f"container.exit_code: {seen.exit_code}"] if seen.state == "exited" else []
        facts += [f"container.health: {seen.health}"] if seen.health else []
        raw = tuple(f"{path}: {value}" for path, value in leaves(unsealed(seen.configuration)) if not path.startswith(_NOISE))
        service = standing.definitions.get((one.host, stack or ""), {}).get("services", {}).get(seen.service)
        keys: tuple[str, ...] = ()
        if service is not None:
            own = [drift.finding for drift in standing.drifts if drift.finding.container == seen.name and drift.finding.host == one.host]
            keys = _sides("", dict(_service_lines(unsealed(service))), own).host
        found[f"{one.host}/{stack}: {seen.name}" if stack else f"{one.host}: {seen.name}"] = _Ran(tuple(facts), keys, raw)
    return found


_NOISE = ("Labels.com.docker.compose.", "Config.Hostname")
"""What is new each time a container is made anew, or follows from the rest."""


def _sides(title: str, base: Mapping[str, str], findings: Sequence[Finding]) -> SideBySide:
    git, host = dict(base), dict(base)
    for finding in findings:
        if finding.path is None:
            if finding.kind is Kind.MISSING and finding.observed == "absent":
                host.clear()
            continue
        for side, value in ((git, finding.desired), (host, finding.observed)):
            for path in [path for path in side if path == finding.path or path.startswith(finding.path + ".")]:
                del side[path]
            if value is not None and not (finding.kind is Kind.MISSING and side is host):
                side[finding.path] = value
    return SideBySide(title, _printed(git), _printed(host))


def _printed(lines: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{path}: {value}" for path, value in sorted(lines.items()))


def _service_lines(config: JsonObject) -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        match key:
            case "ports":
                yield from ((f"ports.{port}", spoken) for port, spoken in spoken_ports(value or ()).items())
            case "volumes":
                yield from ((f"volumes.{entry['target']}", spoken_entry(entry)) for entry in value or ())
            case _:
                yield from _flat(key, value)


def _resource_lines(project: DesiredProject) -> Iterator[tuple[str, str]]:
    for key, resources in (("networks", project.networks), ("volumes", project.volumes)):
        for name, resource in resources.items():
            yield from _flat(f"{key}.{name}", resource)


def _flat(path: str, value: Json) -> Iterator[tuple[str, str]]:
    if path in NOT_COMPARED:
        return
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _flat(f"{path}.{name}", entry)
    elif (text := show(_size(path, value))) is not None:
        yield path, text


def _size(path: str, value: Json) -> Json:
    """A size as findings spell it."""
    if path.rpartition(".")[2] in _SIZES and isinstance(value, str) and value.isdecimal():
        return size(int(value))
    return value
