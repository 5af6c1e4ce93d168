"""Which commit changed what is wanted at one path. Pure: whoever asks hands in how the stack read at each commit.

From the newest commit back, as far as the one that the container was last in sync with: the first one found to change the wanted
value is the one that made it what it is. What is compared are the resolved models, so that a commit which changes an anchor, an
included file or a variable is found as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from anchorwatch.model.cause import Cause, CauseKind, Confidence
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.secrecy import redact
from anchorwatch.model.timeline import Commit
from anchorwatch.model.values import Json

FARTHEST = 25
"""So many commits are read at most; each may cost a run of Compose."""

Past = Callable[[str], DesiredProject | None]
"""The stack as it was at a commit; None where that cannot be read any more, or where it was not there yet."""


def blame(finding: Finding, commits: Sequence[Commit], reference: str | None, past: Past) -> Cause:
    """The commit behind a drift that is Git's doing.

    `commits` are those that touched the stack, newest first; `reference` is the revision with which it was last in sync, itself
    not to blame; None where it never was, for it has just been committed.
    """
    known = next((place for place, commit in enumerate(commits) if commit.revision == reference), len(commits))
    since = commits[:known]
    if not since:
        text = "a commit changed what Git wants; which one cannot be told any more"
        return Cause(CauseKind.COMMIT, Confidence.UNKNOWN, text)
    if len(since) == 1:
        return _cause(since[0], Confidence.CERTAIN, since, reference)
    near = since[:FARTHEST]
    older = reference if len(since) <= FARTHEST else since[FARTHEST].revision
    revisions = [commit.revision for commit in near] + ([older] if older is not None else [])
    read = {revision: past(revision) for revision in revisions}
    return _blamed(finding, since, revisions, read, reference)


def _blamed(
    finding: Finding,
    commits: Sequence[Commit],
    revisions: Sequence[str],
    read: Mapping[str, DesiredProject | None],
    reference: str | None,
) -> Cause:
    by_revision = {commit.revision: commit for commit in commits}
    known = [(revision, project) for revision in revisions if (project := read[revision]) is not None]
    looks: tuple[Callable[[Finding, DesiredProject], Json], ...] = (_presence,)
    if finding.kind is Kind.CHANGED:
        looks = (_presence, _at_path([project for _, project in known], finding), _definition, _everything)
    for look in looks:
        for (newer, now), (older, before) in pairwise(known):
            if look(finding, now) != look(finding, before):
                # what lies between the two and cannot be read may have done it as well
                gap = revisions.index(older) - revisions.index(newer)
                return _cause(by_revision[newer], Confidence.CERTAIN if gap == 1 else Confidence.LIKELY, commits, reference)
    if reference is None and known and known[-1][0] == revisions[-1] and revisions[-1] in by_revision:
        return _cause(by_revision[revisions[-1]], Confidence.CERTAIN, commits, reference)  # it came with the stack
    return _cause(commits[0], Confidence.LIKELY, commits, reference)


def _presence(finding: Finding, project: DesiredProject) -> Json:
    """Whether Git wants the thing at all, and how many of it."""
    if finding.service is None:
        kind, _, name = (finding.path or "").partition(".")
        return name in getattr(project, kind) if finding.kind is Kind.MISSING and kind in {"networks", "volumes"} else None
    if finding.kind is Kind.CHANGED and finding.path != "scale":
        return None
    service = project.services.get(finding.service)
    if service is None:
        return False
    return service.enabled, service.config.get("scale"), (service.config.get("deploy") or {}).get("replicas")


def _at_path(projects: Sequence[DesiredProject], finding: Finding) -> Callable[[Finding, DesiredProject], Json]:
    """A look at the wanted value at the finding's path, as deep as one of the models has names for it."""
    ways = [_names(finding.path or "", _definition(finding, project)) for project in projects]
    way = max(ways, key=len, default=[])

    def look(finding: Finding, project: DesiredProject) -> Json:
        if not way:
            return None
        node = _definition(finding, project)
        for name in way:
            if not isinstance(node, Mapping) or name not in node:
                return ()  # not set, which is not the same as null
            node = node[name]
        return node

    return look


def _definition(finding: Finding, project: DesiredProject) -> Json:
    """Everything of the service; for a network or a volume everything of the networks and volumes."""
    if finding.service is None:
        return {"networks": project.networks, "volumes": project.volumes}
    service = project.services.get(finding.service)
    return None if service is None else service.config


def _everything(_finding: Finding, project: DesiredProject) -> Json:
    """The project, where the service itself is the same: its name, a network's, another service that it takes part in."""
    services = {name: (service.config, service.enabled) for name, service in project.services.items()}
    return project.name, services, project.networks, project.volumes, project.configs, project.secrets


def _names(path: str, node: Json) -> list[str]:
    """The names on the way to `path`, as far as `node` has them. A name may hold dots: `labels.traefik.enable`."""
    if not path or not isinstance(node, Mapping):
        return []
    pieces = path.split(".")
    for length in range(len(pieces), 0, -1):
        name = ".".join(pieces[:length])
        if name in node:
            return [name, *_names(".".join(pieces[length:]), node[name])]
    return []


def _cause(commit: Commit, confidence: Confidence, since: Sequence[Commit], reference: str | None) -> Cause:
    """`since` are the commits that Git is ahead by; how many is known where the host was in sync with the `reference` once."""
    author, text = redact(commit.author), _said(commit)
    told = "the only commit since it was in sync" if reference is not None else "the only commit of the stack"
    if len(since) > 1:
        told = f"{len(since)} commits touched the stack"
        first = f" since it was in sync; the first is {_said(since[-1])}"
        told += first if reference is not None else ", and it was never in sync"
    behind = None if reference is None else len(since)
    return Cause(CauseKind.COMMIT, confidence, f"commit {text}", author, commit.revision, commit.committed_at, (told,), behind)


def _said(commit: Commit) -> str:
    return f"{commit.revision[:7]} by {redact(commit.author)}: {redact(commit.subject)}"
