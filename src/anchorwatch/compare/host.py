"""One host: every stack of the repo that is meant for it against one snapshot. Pure: no I/O, no clock."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from anchorwatch.compare import mend
from anchorwatch.compare.deployed import Doubt
from anchorwatch.compare.difference import UNREADABLE
from anchorwatch.compare.host_view import DEFAULTS, HostView
from anchorwatch.compare.ignore import ignored_by
from anchorwatch.compare.judge import Judged, covers, judge, not_understood
from anchorwatch.compare.match import Group, Matched, deployed_from, likely_names, match, names_on_host
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.presence import IN_PROGRESS, presence, unmanaged
from anchorwatch.compare.resources import EMPTIED, REMAKE, project_folder, resource_differences
from anchorwatch.compare.severity import severity
from anchorwatch.compare.wording import both_shown, sentence
from anchorwatch.errors import StackError
from anchorwatch.model.desired import BrokenStack, DesiredProject, Stack, UnknownValue
from anchorwatch.model.findings import Comparison, Finding, Kind, Note
from anchorwatch.model.observed import Container, Snapshot
from anchorwatch.model.settings import Policy
from anchorwatch.model.values import JsonObject


@dataclass(frozen=True, slots=True)
class HostComparison:
    """The result for one host: a comparison for each stack, and what runs there that no stack declares."""

    stacks: tuple[Comparison, ...]
    unmanaged: tuple[Finding, ...] = ()
    ignored: tuple[Finding, ...] = ()
    """Unmanaged containers that a standing rule covers; those of a stack are in its comparison."""
    unseen: Mapping[str, tuple[UnknownValue, ...]] = field(default_factory=dict)
    """What could not be looked at this time though nothing is wrong, by the project's name: a container that is being re-created,
    one that may belong to a stack which cannot be read. Not shown; it keeps what is known there from passing for mended."""
    doubts: tuple[Doubt, ...] = ()
    """Containers of which an earlier version of their project may tell more (`compare_host(made_from=…)`)."""


class Memo:
    """Remembers what came of each pair, so that one that did not change is recognised instead of compared again.

    A verdict holds as long as everything around the pair is the same: the desired projects, the policy, the engine, and of the
    other containers what rules look at. One container that changes costs its own pair, a commit costs all. What the past told of
    a container stays true as long as it is there and its project is the same, whatever happens around them.
    """

    def __init__(self) -> None:
        self._around: object = None
        self._verdicts: dict[str, tuple[Container, Judged]] = {}
        self._told: dict[str, tuple[DesiredProject, str, DesiredProject | None]] = {}

    def begin(self, around: object) -> None:
        """Forgets everything unless `around` is as it was."""
        if self._around != around:
            self._around, self._verdicts = around, {}

    def keep(self, identifiers: Collection[str]) -> None:
        """Forgets the containers that are none of these: they are gone."""
        if len(self._verdicts) > len(identifiers):
            self._verdicts = {one: known for one, known in self._verdicts.items() if one in identifiers}
        self._told = {one: known for one, known in self._told.items() if one in identifiers}

    def recall(self, container: Container) -> Judged | None:
        """The verdict on a container that is as it was."""
        known = self._verdicts.get(container.id)
        return known[1] if known is not None and known[0] == container else None

    def remember(self, container: Container, judged: Judged) -> None:
        """Keeps a verdict; one a container."""
        self._verdicts[container.id] = (container, judged)

    def told(self, doubt: Doubt, ask: Callable[[], DesiredProject | None]) -> DesiredProject | None:
        """What `ask` says, which is asked once: the version of its project that a container was made from, if there is one."""
        known = self._told.get(doubt.container.id)
        if known is None or known[:2] != (doubt.project, doubt.service):
            known = self._told[doubt.container.id] = (doubt.project, doubt.service, ask())
        return known[2]


def compare_host(
    projects: Sequence[DesiredProject],
    broken: Sequence[BrokenStack],
    snapshot: Snapshot,
    policy: Policy,
    memo: Memo | None = None,
    made_from: Mapping[str, DesiredProject] = MappingProxyType({}),
) -> HostComparison:
    """Compares every stack of a host with what runs there.

    `projects` and `broken` must be all stacks of the host, also those that nobody asked about: what they do not claim
    is unmanaged. `made_from` has, by the ID of a container, the earlier version of its project that it was proved to be made from
    (`deployed.was_made_from`).
    """
    nameless = _nameless(projects, snapshot)
    broken = [*broken, *nameless.values()]
    matched = match([project for project in projects if project.stack not in nameless], broken, snapshot)
    view = _view(matched, snapshot, policy)
    if memo is not None:
        memo.begin((tuple(projects), policy, *view.surroundings))
        memo.keep(snapshot.by_id.keys())
    groups: dict[str, list[Group]] = {}
    for group in matched.groups:
        groups.setdefault(group.project.name, []).append(group)
    place = _repo_on_host(matched)
    unseen = _of_broken(matched, broken)
    comparisons = []
    judging = _Judging(view, policy, memo, made_from)
    for project in projects:
        if project.stack in nameless:
            comparisons.append(Comparison(project.stack, project.name, project.revision, unknown=project.unknown, judged=False))
            continue
        comparison, own = _compare_project(project, groups.get(project.name, []), matched, judging, place)
        comparisons.append(comparison)
        if own:
            unseen.setdefault(project.name, []).extend(own)
    shown, ignored = _sift(_foreign(matched, policy, snapshot.host), view, policy)
    late = {name: tuple(found) for name, found in unseen.items()}
    return HostComparison(tuple(comparisons), shown, ignored, late, tuple(judging.doubts))


def _nameless(projects: Sequence[DesiredProject], snapshot: Snapshot) -> dict[Stack, BrokenStack]:
    """The projects whose name hangs on something unset, but those that can only be deployed under the name which they would have
    without: the labels of a container say so, and no other project on the host may be theirs."""
    hanging = [one for one in projects if any(entry.service is None and entry.path == "name" for entry in one.unknown)]
    deployed = {one.stack for one in hanging if _deployed_so(one, snapshot)}
    known = {one.name for one in projects if one not in hanging or one.stack in deployed}
    found = {}
    for project in hanging:
        others = names_on_host(project, snapshot) - known
        if project.stack not in deployed or others:
            error = StackError("resolver", "its project's name is not known")
            found[project.stack] = BrokenStack(project.stack, error, names=others)
    return found


def _deployed_so(project: DesiredProject, snapshot: Snapshot) -> bool:
    """Whether a container says that it is of the project, by that name, and from its folder."""
    return any(
        one.project == project.name and one.service in project.services and deployed_from(one, project.stack)
        for one in snapshot.containers
    )


def _view(matched: Matched, snapshot: Snapshot, policy: Policy) -> HostView:
    """The snapshot, with those who can tell what the engine fills in by itself."""
    bare = HostView(snapshot)
    owners = {container.id: group for group in matched.groups for container in group.containers}

    @cache
    def proved(identifier: str) -> bool:
        group, container = owners[identifier], snapshot.by_id[identifier]
        return Pair(group.project, group.service, container, bare, policy.root).hash_matches is True

    return HostView(snapshot, _left_open(matched), proved)


def _repo_on_host(matched: Matched) -> str | None:
    """Where the repo's folder lies on the host, as most containers of other stacks say that they were deployed from there."""
    places: Counter[str] = Counter()
    for group in matched.groups:
        for container in group.containers:
            folder = container.deployed_in
            if folder is not None and group.project.stack.folder and folder.endswith("/" + group.project.stack.folder):
                places[folder.removesuffix("/" + group.project.stack.folder)] += 1
    return max(places, key=lambda place: (places[place], place), default=None)


def _left_open(matched: Matched) -> Mapping[str, frozenset[str]]:
    """For each key that an engine's default may fill in: the containers whose service does not set it."""
    return {
        name: frozenset(
            container.id for group in matched.groups if not _sets(group.service.config, name) for container in group.containers
        )
        for name in DEFAULTS
    }


def _sets(config: JsonObject, path: str) -> bool:
    key, _, rest = path.partition(".")
    value = config.get(key)
    return bool((value or {}).get(rest) if rest else value)


def _compare_project(
    project: DesiredProject,
    groups: Sequence[Group],
    matched: Matched,
    judging: _Judging,
    place: str | None,
) -> tuple[Comparison, Sequence[UnknownValue]]:
    """The stack, and what of it could not be looked at this time."""
    view, policy = judging.view, judging.policy
    containers = [container for group in groups for container in group.containers]
    command = mend.compose_command(project, containers, policy.root, place)
    findings: list[Finding] = []
    notes: list[Note] = []
    unknown: list[UnknownValue] = list(project.unknown)
    unseen: list[UnknownValue] = []
    for group in groups:
        proved = bool(group.containers)
        try:
            for told in presence(group, policy, command):
                if isinstance(told, Finding):
                    findings.append(told)
                else:
                    unseen.append(told)
        except UNREADABLE as error:
            unknown.append(not_understood(group.service.name, "scale", error))
        for container in group.containers:
            judged = judging.judged(project, group, container, command)
            findings.extend(judged.findings)
            notes.extend(judged.notes)
            unknown.extend(judged.unknown)
            unseen.extend(judged.unseen)
            proved = proved and judged.proved
        if not proved:  # a matching hash proves every value, also those of a file that we do not see
            unknown.extend(group.service.unknown)
    try:
        for found in _resources(project, groups, view, policy, command, unseen):
            match found:
                case Finding():
                    findings.append(found)
                case Note():
                    notes.append(found)
                case UnknownValue():
                    unknown.append(found)
    except UNREADABLE as error:
        unknown.append(not_understood(None, "networks", error))
        unseen.append(not_understood(None, "volumes", error))
    for owner, container in matched.orphans:
        if owner is project and container.running:
            fix = mend.up(command, "--remove-orphans")
            findings.append(unmanaged(project.stack.host, container, (project.stack.name, project.name), fix))
    shown, ignored = _sift(findings, view, policy)
    # replicas say the same of a service: once is enough
    once = (tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(unknown)))
    return Comparison(project.stack, project.name, project.revision, shown, *once, ignored), tuple(dict.fromkeys(unseen))


_LATE = ("container_name", "networks", "mac_address")
"""What a container gets last when Compose makes it anew."""


@dataclass(frozen=True, slots=True)
class _Judging:
    """Pair by pair: what is known around them, and what was remembered of them."""

    view: HostView
    policy: Policy
    memo: Memo | None
    made_from: Mapping[str, DesiredProject]
    doubts: list[Doubt] = field(default_factory=list)

    def judged(self, project: DesiredProject, group: Group, container: Container, command: Sequence[str]) -> Judged:
        """What came of one pair."""
        judged = self._settled(project, group, container, command)
        if judged.doubtful:
            self.doubts.append(Doubt(project, group.service.name, container))
        if group.in_progress:  # its name and its networks are not final yet
            kept = tuple(one for one in judged.findings if not (one.path or "").startswith(_LATE))
            later = (UnknownValue(group.service.name, path, IN_PROGRESS) for path in _LATE)
            return replace(judged, findings=kept, unseen=(*judged.unseen, *later))
        return judged

    def _settled(self, project: DesiredProject, group: Group, container: Container, command: Sequence[str]) -> Judged:
        pair = Pair(project, group.service, container, self.view, self.policy.root)
        version = self.made_from.get(container.id)
        if version is not None:  # not remembered: the next look has to find it anew
            then = replace(pair, project=version, service=version.services[group.service.name])
            return judge(replace(pair, deployed=then), self.policy, command)
        judged = self.memo.recall(container) if self.memo is not None else None
        if judged is None:
            judged = judge(pair, self.policy, command)
            if self.memo is not None:
                self.memo.remember(container, judged)
        return judged


def _resources(
    project: DesiredProject,
    groups: Sequence[Group],
    view: HostView,
    policy: Policy,
    command: Sequence[str],
    unseen: list[UnknownValue],
) -> Iterable[Finding | Note | UnknownValue]:
    for kind, found, fix in resource_differences(project, groups, view.snapshot, project_folder(groups)):
        if found.note is not None:
            if not any(entry.path.startswith(found.path + ".") for entry in project.unknown):
                yield Note(None, found.path, found.note)
        elif found.unjudged is not None:
            yield UnknownValue(None, found.path, found.unjudged)
        elif found.unseen is not None:
            unseen.append(UnknownValue(None, found.path, found.unseen))
        if found.note or found.unjudged or found.unseen or any(covers(entry.path, found) for entry in project.unknown):
            continue
        want, have = both_shown(found)
        resource = found.path.partition(".")[0].removesuffix("s")
        lasting = resource == "volume" and kind is Kind.CHANGED  # nothing that `up` mends without losing what is in it
        said = f"{resource} {want} does not exist" if kind is Kind.MISSING else sentence(found.path, want, have)
        yield Finding(
            host=project.stack.host,
            kind=kind,
            message=f"{said}; {EMPTIED}" if lasting else said,
            severity=severity(found, policy.severity),
            stack=project.stack.name,
            project=project.name,
            path=found.path,
            desired=want,
            observed=have,
            fix=mend.remake(command) if fix == REMAKE else fix or (None if lasting else mend.up(command)),
        )


def _of_broken(matched: Matched, broken: Sequence[BrokenStack]) -> dict[str, list[UnknownValue]]:
    """Projects that may be those of stacks which cannot be read: as they would be called, and as their containers say."""
    found: dict[str, list[UnknownValue]] = {}
    named = [(name, stack) for stack in broken for name in sorted(likely_names(stack))]
    named += [(container.project, stack) for container, stack in matched.doubtful if container.project is not None]
    for name, stack in dict.fromkeys(named):
        found.setdefault(name, []).append(UnknownValue(None, "", f"it may be {stack.stack}, which cannot be read"))
    return found


def _foreign(matched: Matched, policy: Policy, host: str) -> Iterable[Finding]:
    if not policy.unmanaged:
        return
    for container in matched.foreign:
        if container.running:
            yield unmanaged(host, container, None, shlex.join(["docker", "stop", container.name]))


def _sift(findings: Iterable[Finding], view: HostView, policy: Policy) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    shown: list[Finding] = []
    ignored: list[Finding] = []
    for finding in findings:
        container: Container | None = view.container_named(finding.container) if finding.container else None
        (shown if ignored_by(finding, container, policy.ignore) is None else ignored).append(finding)
    return tuple(shown), tuple(ignored)
