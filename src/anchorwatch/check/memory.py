"""What becomes of a verdict: gathered (who moved, what brought it about), decided by the ledger, written in one transaction.

Whoever is to be told is promised a message in the same transaction; and everything that was known before is read ahead of it, so
that nobody waits for the database longer than it takes to write.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from anchorwatch.check.made_from import Past
from anchorwatch.check.project import Verdict
from anchorwatch.errors import AnchorwatchError
from anchorwatch.ledger.cause import LATE, Evidence, causes
from anchorwatch.ledger.ending import engine_started_at
from anchorwatch.ledger.look import Look, Patiences
from anchorwatch.ledger.record import Recorded, earlier, record
from anchorwatch.ledger.side import Earlier, held_against, revisions, sides
from anchorwatch.model.cause import CauseKind, Confidence
from anchorwatch.model.desired import DesiredProject, ProjectKey
from anchorwatch.model.drifts import Check, Drift, DriftState, Side, Transition, Trigger
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.timeline import Commit, ContainerSeen, EventSeen
from anchorwatch.model.values import JsonObject
from anchorwatch.store import Reading, Store, Writing, containers, drifts, events


@dataclass(frozen=True, slots=True)
class Ground:
    """What every check stands on."""

    store: Store
    patiences: Patiences
    past: Past
    promise: Callable[[Writing, Sequence[Transition], datetime], None]
    """Promises messages for transitions."""
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why, when and how somebody looked."""

    trigger: Trigger
    reason: str
    at: datetime
    """When the look began."""
    took: float
    """Seconds, so far."""
    settled: bool
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What was seen when somebody looked, for telling who moved and why."""

    snapshot: Snapshot
    project: DesiredProject | None
    """The stack of the key."""
    differs: Callable[[DesiredProject], Collection[str]]
    """The IDs of what the host of this moment differs in from another version of the project."""
    head: str | None = None
    """The repo's revision, whichever stacks that touched."""


@dataclass(frozen=True, slots=True)
class _Story:
    """Who moved, and what brought it about, by the IDs of findings."""

    sides: Mapping[str, Side] = field(default_factory=dict)
    causes: Mapping[str, JsonObject] = field(default_factory=dict)


def remember(
    found: Verdict, occasion: Occasion, ground: Ground, scene: Scene | None = None, heard: Sequence[EventSeen] = ()
) -> Recorded:
    """Writes what came of a look: the events that led to it, containers, drifts, transitions, the check, and promised messages.

    Without a `scene` nothing was seen: the host is out of reach.
    """
    found = _storable(found)
    story = _Story() if scene is None else _story(found, occasion, ground, scene, heard)
    check = Check(
        key=found.key,
        trigger=occasion.trigger,
        started_at=occasion.at,
        took=occasion.took,
        status=found.status,
        reason=occasion.reason,
        revision=found.revision,
        findings=len(found.findings or ()),
        unknown=len(found.unknown),
        ignored=len(found.ignored),
        containers=len(found.containers),
        error=found.error,
        run=ground.run,
        unknown_values=found.unknown,
        notes=found.notes,
    )
    look = Look(
        key=found.key,
        at=occasion.at,
        trigger=occasion.trigger,
        findings=found.findings,
        settled=occasion.settled,
        revision=found.revision,
        ignored=found.ignored,
        unknown=(*found.unknown, *found.unseen),
        sides=story.sides,
        baseline=occasion.baseline,
        causes=story.causes,
    )
    seen = None if scene is None else [ContainerSeen.of(container) for container in found.containers]
    with ground.store.write() as write:
        events.add(write, heard)
        recorded = record(write, check, look, ground.patiences, seen)
        ground.promise(write, recorded.transitions, occasion.at)
    return recorded


def _storable(found: Verdict) -> Verdict:
    """With findings as they come back from the database, so that their IDs are those of what is remembered."""
    if found.findings is None:
        return found
    return replace(
        found,
        findings=tuple(map(drifts.as_stored, found.findings)),
        ignored=tuple(map(drifts.as_stored, found.ignored)),
    )


def _story(found: Verdict, occasion: Occasion, ground: Ground, scene: Scene, heard: Sequence[EventSeen]) -> _Story:
    """Only of what is new, or of which it could not be told until now. On a baseline nobody knows."""
    if not found.findings or occasion.baseline:
        return _Story()
    with ground.store.read() as read:
        known = {drift.id: drift for drift in drifts.of_project(read, found.key)}
        untold = [one for one in found.findings if one.id not in known or _untold(known[one.id].side, known[one.id].finding, one)]
        told = {one.id for one in found.findings} - {one.id for one in untold}
        overtaken = {one for one in told if _overtaken(known[one], scene.snapshot)}
        again = overtaken | {one for one in told if _rolls_out(known[one]) and known[one].revision != found.revision}
        untold += [one for one in found.findings if one.id in again]
        if not untold:
            return _Story()
        before = earlier(read, found.key)
        new = [one for one in untold if one.id not in known or _can_be_told(known[one.id].finding, one, before)]
        if not new:
            return _Story()
        changed = [known[one.id].changed_at for one in new if one.id in known and _has_changed(known[one.id].finding, one)]
        was, happened = _before(read, found.key, occasion.at, heard, min(changed, default=None))
    try:
        moved = sides(new, found.revision, before, _differing(found, new, before, ground, scene), baseline=False)
        evidence = Evidence(
            seen=scene.snapshot,
            before=was,
            events=happened,
            earlier=before,
            commits=_commits(found, new, moved, before, ground.past, scene),
            past=lambda revision: ground.past.project(found.key, revision),
        )
        return _Story(moved, _heeding(causes(new, moved, evidence), overtaken))
    except AnchorwatchError:  # said of the repo itself; that something has drifted is not held back for it
        return _Story()


def _untold(side: Side, before: Finding, now: Finding) -> bool:
    return side is Side.UNKNOWN or _has_changed(before, now)


def _overtaken(drift: Drift, seen: Snapshot) -> bool:
    """Whether the engine was started after a container was found to have ended: what looked like `docker stop` when the engine
    was going down was its end."""
    if drift.state is not DriftState.PENDING or drift.finding.kind is not Kind.MISSING:
        return False
    started_at = engine_started_at(seen)
    return started_at is not None and started_at > drift.appeared_at


def _rolls_out(drift: Drift) -> bool:
    """Whether nobody was told of it yet, so that another commit since is news, or one that has taken the place of the first."""
    return drift.state is DriftState.PENDING and drift.side is Side.GIT


_WITH_THE_ENGINE = {CauseKind.ENGINE_RESTART, CauseKind.HOST_REBOOT}


def _heeding(found: Mapping[str, JsonObject], overtaken: Collection[str]) -> Mapping[str, JsonObject]:
    """Who was seen being stopped may have ended with the engine all the same, which is likely then, and no more. The events that
    told of it are long past, so whatever else is found says less than what is known."""
    return {
        one: cause if one not in overtaken else {**cause, "confidence": Confidence.LIKELY.value}
        for one, cause in found.items()
        if one not in overtaken or cause["kind"] in _WITH_THE_ENGINE
    }


def _can_be_told(before: Finding, now: Finding, known: Earlier) -> bool:
    """What was there at the first look, and not in sync since, cannot: the revision of the last look says nothing about it."""
    return _has_changed(before, now) or now.container in known.synced


def _has_changed(before: Finding, now: Finding) -> bool:
    return (before.desired, before.observed) != (now.desired, now.observed)


def _before(
    read: Reading, key: ProjectKey, at: datetime, heard: Sequence[EventSeen], then: datetime | None
) -> tuple[list[ContainerSeen], list[EventSeen]]:
    """The containers of the key as they were, and what has happened to them since.

    A drift is known as a look after some quiet found it, which may have come after one that has seen its containers as they are
    now: `then` is when it was last found to be otherwise.
    """
    was = [span.seen for span in containers.of_project(read, key)]
    if then is not None:
        by_then = {span.seen.engine_id: span.seen for span in containers.at(read, then, key.host)}
        was = [by_then.get(one.engine_id, one) for one in was]
    stored = events.between(read, at - 2 * LATE, at, key=key)
    return was, [*stored, *heard]


def _differing(
    found: Verdict, new: Sequence[Finding], before: Earlier, ground: Ground, scene: Scene
) -> Mapping[str, Collection[str]]:
    """What the host differs in from earlier revisions of the stack, by revision, as far as they can be read."""
    then = {one: ground.past.project(found.key, one) for one in revisions(new, found.revision, before)}
    return {revision: scene.differs(project) for revision, project in then.items() if project is not None}


def _commits(
    found: Verdict,
    new: Sequence[Finding],
    moved: Mapping[str, Side],
    before: Earlier,
    past: Past,
    scene: Scene,
) -> Sequence[Commit]:
    """The commits that Git is behind with."""
    of_git = [finding for finding in new if moved.get(finding.id) is Side.GIT]
    references = {held_against(finding, before) for finding in of_git}
    after = next(iter(references)) if len(references) == 1 else None
    project, upto = scene.project, found.revision
    if project is None and after is not None:  # the stack is gone; its files were those that it had
        project, upto = past.project(found.key, after), scene.head
    if not of_git or project is None or upto is None:
        return ()
    return past.commits(project.paths, after, upto)
