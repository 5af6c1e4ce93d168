"""Which of the two moved: Git (*behind Git*: a commit that nobody has deployed yet), or the host (*changed on the host*).

A container is held against the revision that it was last in sync with. If it is still what that revision wanted, Git has moved;
if it is not, the host has (whatever Git did meanwhile: somebody is to look at it soon). What belongs to no container that was
ever in sync (a network, a missing service) is held against the revision of the last look at its project.

Two steps, because comparing costs something: `revisions` says which revisions are needed, `sides` judges once each was compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from anchorwatch.model.drifts import Side
from anchorwatch.model.findings import Finding, Kind


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was known of a project before the look in question."""

    synced: Mapping[str, str] = field(default_factory=dict)
    """The revision that each container was last in sync with, by the container's name."""
    revision: str | None = None
    """The stack's revision at the last look; None where that is not known."""
    looked: bool = True
    """Whether there was a look before. There was none at a stack that has just been committed."""


def revisions(findings: Iterable[Finding], now: str | None, earlier: Earlier) -> frozenset[str]:
    """The revisions that the host is to be compared with to tell who moved: none, where Git has not."""
    found = {held_against(finding, earlier) for finding in findings}
    return frozenset(revision for revision in found if revision is not None and revision != now)


def sides(
    findings: Iterable[Finding], now: str | None, earlier: Earlier, found: Mapping[str, Collection[str]], baseline: bool
) -> Mapping[str, Side]:
    """Who moved, by the IDs of the findings.

    `now` is the stack's revision, `found` the IDs of what the host of this moment differs in from each of `revisions`; one that
    cannot be read any more (a rewritten history) is missing. On a `baseline` nobody knows.
    """
    return {finding.id: Side.UNKNOWN if baseline else _side(finding, now, earlier, found) for finding in findings}


def _side(finding: Finding, now: str | None, earlier: Earlier, found: Mapping[str, Collection[str]]) -> Side:
    reference = held_against(finding, earlier)
    if reference is None:
        if finding.kind is Kind.UNMANAGED:
            return Side.HOST  # it never was what Git wanted, so Git has not given it up
        return Side.UNKNOWN if earlier.looked or now is None else Side.GIT
    if reference == now:
        return Side.HOST
    if reference not in found:  # of a stack that came, under this name, only now (it was renamed) an old commit says nothing
        return Side.UNKNOWN if earlier.looked or now is None else Side.GIT
    return Side.HOST if finding.id in found[reference] else Side.GIT


def held_against(finding: Finding, earlier: Earlier) -> str | None:
    """The revision that a finding is held against: what its container was last in sync with, else that of the last look."""
    return earlier.synced.get(finding.container or "", earlier.revision)
