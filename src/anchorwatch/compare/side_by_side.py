"""Git and the host side by side, as lines of Compose keys: what `anchorwatch diff` shows.

Where a finding names a key, each side has its own value; everywhere else the comparison found both to agree, so both have Git's.
Keys that leave no trace in a container stand on neither side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from anchorwatch.compare.notation import show, size
from anchorwatch.compare.rules import NOT_COMPARED
from anchorwatch.compare.rules.mounts import spoken_entry
from anchorwatch.compare.rules.ports import spoken_ports
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR, DesiredProject
from anchorwatch.model.findings import Comparison, Finding, Kind
from anchorwatch.model.report import SideBySide
from anchorwatch.model.values import Json, JsonObject

STATE = "container.state"
"""Stands for whether a container runs, which no key says."""

_SIZES = frozenset({"mem_limit", "mem_reservation", "memswap_limit", "memory", "shm_size"})


def side_by_side(project: DesiredProject, comparison: Comparison) -> tuple[SideBySide, ...]:
    """One entry for each service, and one for the project's own networks and volumes."""
    found: list[SideBySide] = []
    everything = (*comparison.findings, *comparison.ignored)
    for service in project.services.values():
        mine = [finding for finding in everything if finding.service == service.name]
        base = dict(service_lines(service.config))
        names = sorted({finding.container for finding in mine if finding.container}) or [""]
        for name in names:
            own = [finding for finding in mine if (finding.container or name) == name]
            title = f"{project.stack}: {service.name}" + (f" ({name})" if name else "")
            found.append(of_findings(title, base, own))
    resources = dict(_resource_lines(project))
    mine = [finding for finding in everything if finding.service is None and finding.path is not None]
    if resources or mine:
        found.append(of_findings(f"{project.stack}: networks and volumes", resources, mine))
    return tuple(found)


def of_findings(title: str, base: Mapping[str, str], findings: Sequence[Finding]) -> SideBySide:
    """Both sides of what `base` says on both but for the findings."""
    git, host = sides(base, findings)
    return SideBySide(title, printed(git), printed(host))


def sides(base: Mapping[str, str], findings: Iterable[Finding]) -> tuple[dict[str, str], dict[str, str]]:
    """The same as values by path: Git's, and the host's."""
    git, host = dict(base), dict(base)
    for finding in findings:
        if finding.path is None:
            if finding.kind is Kind.MISSING and finding.observed == "absent":
                host.clear()
            elif finding.kind is Kind.MISSING and finding.observed is not None:
                git[STATE], host[STATE] = "running", finding.observed
            continue
        for side, value in ((git, finding.desired), (host, finding.observed)):
            for path in [path for path in side if path == finding.path or path.startswith(finding.path + ".")]:
                del side[path]
            if value is not None and not (finding.kind is Kind.MISSING and side is host):
                side[finding.path] = value
    return git, host


def printed(lines: Mapping[str, str]) -> tuple[str, ...]:
    """Lines of `path: value`, in order."""
    return tuple(f"{path}: {value}" for path, value in sorted(lines.items()))


def service_lines(config: JsonObject) -> Iterator[tuple[str, str]]:
    """The keys of a service, each with its value as findings spell it."""
    for key, value in config.items():
        match key:
            case "ports":
                yield from ((f"ports.{port}", spoken) for port, spoken in spoken_ports(value or ()).items())
            case "volumes":
                yield from ((f"volumes.{entry['target']}", spoken_entry(entry)) for entry in value or ())
            case _:
                yield from flat(key, value)


def _resource_lines(project: DesiredProject) -> Iterator[tuple[str, str]]:
    for key, resources in (("networks", project.networks), ("volumes", project.volumes)):
        for name, resource in resources.items():
            yield from flat(f"{key}.{name}", resource)


def flat(path: str, value: Json) -> Iterator[tuple[str, str]]:
    """What stands at a key and below it, as far as it is compared."""
    if path in NOT_COMPARED:
        return
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from flat(f"{path}.{name}", entry)
    elif (text := show(_size(path, value))) is not None:
        yield path, text.replace(f"{PROJECT_DIR}/../", "../").replace(PROJECT_DIR, ".").replace(HOME_DIR, "~")


def _size(path: str, value: Json) -> Json:
    """A size as findings spell it."""
    if path.rpartition(".")[2] in _SIZES and isinstance(value, str) and value.isdecimal():
        return size(int(value))
    return value
