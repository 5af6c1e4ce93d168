"""What a container had at a moment of what Git says: told only where somebody held the one against the other.

The database keeps what Git said, what ran, and where the two were found to differ. That a container had Git's value therefore
follows from a look that found no difference there, and from nothing else: not for a commit that came after the last look, nor
while nobody looked, nor at a key that the look left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anchorwatch.compare.as_written import as_written
from anchorwatch.compare.side_by_side import service_lines, sides
from anchorwatch.model.findings import Finding
from anchorwatch.model.log import Standing
from anchorwatch.model.stored import unsealed
from anchorwatch.model.timeline import ContainerSpan
from anchorwatch.model.values import JsonObject


@dataclass(frozen=True, slots=True)
class Held:
    """A container at a moment, by the keys of Compose. Not clean."""

    sure: Mapping[str, str]
    """What it had of what Git says, where a look told: Git's value, in clear where Git shows it so, or what was found."""
    unsure: frozenset[str]
    """The other keys that Git sets: what it had there only `shows` can tell."""
    shows: Mapping[str, str]
    """What the container itself shows, of these keys and of all others; what may be a secret is a fingerprint."""
    findings: tuple[Finding, ...] = ()
    """Where it was found to differ."""

    def shown(self, path: str) -> str | None:
        """What it had at a key that Git sets, as far as that is known."""
        return self.sure[path] if path in self.sure else self.shows.get(path)


def held(one: ContainerSpan, standing: Standing) -> Held:
    """What a container had at the moment of `standing`."""
    homes = (stack for stack in standing.stacks if (stack.report.host, stack.report.project) == (one.host, one.seen.project))
    home = next(homes, None)
    definition: JsonObject = {} if home is None else standing.definitions.get((one.host, home.report.stack), {})
    shows = as_written(one.seen, definition)
    service = definition.get("services", {}).get(one.seen.service)
    if service is None or home is None:
        return Held({}, frozenset(), shows)
    base = dict(service_lines(unsealed(service)))
    if not home.judged:
        return Held({}, frozenset(base), shows)
    own = tuple(
        drift.finding
        for drift in standing.known
        if (drift.finding.host, drift.finding.container) == (one.host, one.seen.name) and drift.finding.path is not None
    )
    _, found = sides(base, own)
    named = {finding.path for finding in own}
    left_out = {value.path for value in home.report.unknown if value.service in (None, one.seen.service)}
    # which keys a rule has covered is not remembered
    unsure = frozenset(path for path in found if path not in named and (home.ignored or overlaps(path, left_out)))
    return Held({path: value for path, value in found.items() if path not in unsure}, unsure, shows, own)


def overlaps(path: str, others: Iterable[str]) -> bool:
    """Whether a path is one of the others, below it, or above it."""
    return any(path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.") for other in others)
