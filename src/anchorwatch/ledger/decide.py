"""The life of a drift: pending → open → resolved, and again. Pure: the same drifts and the same look give the same decision.

What is guaranteed, whatever comes in:

- only a settled look opens or resolves; an unsettled one begins drifts, and puts pending ones off;
- no drift opens before its grace is over (see `ledger.grace`), but for a baseline, where nobody knows how long it has been there;
- what cannot be judged is frozen: it neither opens nor resolves, whatever the rest of the project does;
- each decision gives at most one transition a drift, and each begins in the state in which the one before it ended;
- deciding the same look again, about the drifts that came of it, gives nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from anchorwatch.ledger import grace
from anchorwatch.ledger.look import Look, Patiences
from anchorwatch.model.cause import CauseKind
from anchorwatch.model.desired import UnknownValue
from anchorwatch.model.drifts import ACCEPTED, Acceptance, Drift, DriftState, Reason, Side, Subject, Transition
from anchorwatch.model.findings import Finding, Kind, place_of, takes_in
from anchorwatch.model.values import JsonObject


@dataclass(frozen=True, slots=True)
class Decision:
    """What a look comes to: the drifts that are not as they were, and the transitions that tell why. Save both together."""

    drifts: tuple[Drift, ...] = ()
    transitions: tuple[Transition, ...] = ()
    """In the order of `drifts`; a drift may change without one (a new clock, another wording)."""
    wake_at: datetime | None = None
    """When the key is to be looked at again though nothing happens; None: never."""


def decide(known: Sequence[Drift], look: Look, patiences: Patiences) -> Decision:
    """What `look` makes of the drifts that are known.

    `known` must hold what is pending or open in the key, and whatever is remembered under the ID of a finding. Raises
    `ValueError` for a finding that is another key's.
    """
    by_id = {drift.id: drift for drift in known}
    after = dict(by_id)
    transitions: list[Transition] = []
    found = _by_id(look)
    ignored = {finding.id for finding in look.ignored}
    for drift in known:
        if drift.state is DriftState.RESOLVED or drift.id in found:
            continue
        if look.findings is None or any(covers(entry, drift.finding) for entry in look.unknown):
            after[drift.id] = _frozen(drift, look)
        elif look.settled:
            after[drift.id] = _resolved(drift, look)
            transitions.append(_transition(drift, after[drift.id], _why_gone(drift, look, ignored), look))
    for finding in found.values():
        before = by_id.get(finding.id)
        now, reason = _seen(before, finding, look, patiences)
        if now is not None:
            after[finding.id] = now
            if reason is not None:
                transitions.append(_transition(before, now, reason, look))
    changed = tuple(drift for drift in after.values() if by_id.get(drift.id) != drift)
    return Decision(changed, tuple(transitions), grace.next_wake(after.values(), look.at))


def covers(entry: UnknownValue, finding: Finding) -> bool:
    """Whether what is unknown takes in the place of a finding: the path itself, what is below it, a whole key that it is a part
    of, names that Git does not set (`environment.*`), or everything of its service (or project).

    What is unknown of `scale` takes in whether there is a container at all.
    """
    if entry.service is not None and entry.service != finding.service:
        return False
    if not entry.path:
        return True
    if entry.service is None and finding.service is not None:
        return False
    path = finding.path or ""
    if entry.service is not None and path in {"", "scale"} and finding.kind is not Kind.UNMANAGED:
        return entry.path in _PRESENCE
    if "*" in entry.path:
        return finding.desired is None and fnmatchcase(path, entry.path)
    # what was found at one spelling may be unknown at another
    return takes_in(entry.path, path) or takes_in(place_of(entry.path), place_of(path))


_PRESENCE = frozenset({"scale", "deploy", "deploy.replicas"})
"""What tells how many containers there are to be."""


def _by_id(look: Look) -> dict[str, Finding]:
    """The findings by ID. Where one place is found twice (two containers with the same number), always the same one counts."""
    found: dict[str, Finding] = {}
    for finding in sorted(look.findings or (), key=lambda one: (one.container or "", one.observed or "")):
        if (finding.host, finding.project or "") != (look.key.host, look.key.project):
            raise ValueError(f"{finding.host}/{finding.project} is not {look.key.host}/{look.key.project}")
        found.setdefault(finding.id, finding)
    return found


def _frozen(drift: Drift, look: Look) -> Drift:
    """Its clock stands still; that its project has changed meanwhile counts all the same."""
    if drift.state is not DriftState.PENDING:
        return drift
    changed_at = max(look.at, drift.changed_at) if look.moving else drift.changed_at
    return replace(drift, opens_at=None, changed_at=changed_at)


def _resolved(drift: Drift, look: Look) -> Drift:
    moment = max(look.at, drift.opened_at or drift.appeared_at)  # a clock that was set back does not undo what was
    changed_at = moment if _is_frozen(drift) else drift.changed_at
    return replace(drift, state=DriftState.RESOLVED, resolved_at=moment, changed_at=changed_at, opens_at=None)


def _is_frozen(drift: Drift) -> bool:
    """Whether it was pending when it could not be looked at, or, of one that is resolved, until it was."""
    if drift.state is DriftState.RESOLVED:
        return drift.changed_at == drift.resolved_at
    return drift.state is DriftState.PENDING and drift.opens_at is None


def _why_gone(drift: Drift, look: Look, ignored: set[str]) -> Reason:
    if drift.id in ignored:
        return Reason.IGNORED
    if drift.state is DriftState.PENDING:
        return Reason.PASSED
    return Reason.MENDED if drift.revision == look.revision else Reason.ADOPTED


def _seen(before: Drift | None, finding: Finding, look: Look, patiences: Patiences) -> tuple[Drift | None, Reason | None]:
    """The drift of a finding after the look, and why its state changed; None and None where nothing is to be remembered."""
    if before is None or (before.state is DriftState.RESOLVED and not _is_back(before, finding, look, patiences)):
        if look.baseline and not look.settled:
            return None, None
        drift = _begun(before, finding, look, patiences)
        reason = Reason.ALREADY_THERE if drift.state is DriftState.OPEN and look.baseline else Reason.APPEARED
    elif before.state is DriftState.RESOLVED:
        drift, reason = _returned(before, finding, look, patiences), Reason.CAME_BACK
    elif before.state is DriftState.PENDING:
        return _still_pending(before, finding, look, patiences)
    else:
        return _still_open(before, finding, look)
    if _is_due(drift, look):
        drift = _opened(drift, look)
    return drift, reason


def _is_back(before: Drift, finding: Finding, look: Look, patiences: Patiences) -> bool:
    """Whether it was away for less than the host's grace, which counts as not away; unless a commit wants something new since."""
    if look.sides.get(finding.id) is Side.GIT and before.finding.desired != finding.desired:
        return False
    away = None if before.resolved_at is None else look.at - before.resolved_at
    return away is not None and timedelta(0) <= away < patiences.calm(finding)


def _begun(before: Drift | None, finding: Finding, look: Look, patiences: Patiences) -> Drift:
    side = look.sides.get(finding.id, Side.UNKNOWN)
    drift = Drift(
        finding=finding,
        state=DriftState.PENDING,
        appeared_at=look.at,
        changed_at=look.at,
        opens_at=grace.opens_at(look.at, look.at, patiences.of(finding, side)),
        episode=1 if before is None else before.episode + 1,
        side=side,
        revision=look.revision,
        cause=look.causes.get(finding.id),
    )
    return _opened(drift, look) if look.baseline else drift


def _returned(before: Drift, finding: Finding, look: Look, patiences: Patiences) -> Drift:
    """The same episode, where it was: what was open opens again with the next settled look, else its countdown goes on."""
    pending = replace(before, state=DriftState.PENDING, resolved_at=None, opens_at=None)
    drift = _updated(pending, finding, look)
    if before.opened_at is not None:
        return replace(drift, changed_at=look.at, opens_at=look.at)
    patience = patiences.of(finding, drift.side)
    if _is_frozen(before):
        return grace.thawed(drift, look.at, patience, patiences.calm(finding), moved=True)
    return replace(drift, changed_at=look.at, opens_at=grace.opens_at(drift.appeared_at, look.at, patience))


def _still_pending(before: Drift, finding: Finding, look: Look, patiences: Patiences) -> tuple[Drift, Reason | None]:
    drift = _updated(before, finding, look)
    patience, calm = patiences.of(finding, drift.side), patiences.calm(finding)
    moved = look.moving or not _same_values(before.finding, finding) or before.revision != look.revision
    if before.changed_at > look.at:  # the clock was set back: what was counted in the other time means nothing
        drift = replace(drift, appeared_at=min(before.appeared_at, look.at), changed_at=look.at, opens_at=look.at + patience)
    elif before.opens_at is None:
        drift = grace.thawed(drift, look.at, patience, calm, moved)
    elif before.side is not drift.side:
        drift = replace(drift, opens_at=grace.opens_at(before.appeared_at, look.at, patience), changed_at=look.at)
    elif moved and look.at > before.changed_at:
        drift = replace(drift, opens_at=grace.put_off(before, look.at, patience), changed_at=look.at)
    if _is_due(drift, look):
        return _opened(drift, look), Reason.CAME_BACK if drift.opened_at is not None else Reason.GRACE_OVER
    return drift, None


def _still_open(before: Drift, finding: Finding, look: Look) -> tuple[Drift, Reason | None]:
    if not look.settled:
        return before, None
    drift = _updated(before, finding, look)
    drift = replace(drift, acceptance=_acceptance(drift, look))
    if not _same_values(before.finding, finding):
        return replace(drift, changed_at=max(look.at, before.changed_at)), Reason.VALUE_CHANGED
    return drift, Reason.ACCEPTANCE_OVER if before.acceptance is not None and drift.acceptance is None else None


def _updated(before: Drift, finding: Finding, look: Look) -> Drift:
    """The drift with what is found now. Which side moved is asked anew only where it is not known, or the values have changed."""
    side, cause = before.side, before.cause
    if side is Side.UNKNOWN or not _same_values(before.finding, finding):
        side, told = look.sides.get(finding.id, side), look.causes.get(finding.id, cause)
        # that nothing has happened since is no news of what had brought about what still is so
        stands = side is before.side and before.finding.observed == finding.observed
        cause = cause or told if stands and (told or {}).get("kind") == CauseKind.UNKNOWN else told
    elif before.state is DriftState.PENDING:
        cause = look.causes.get(finding.id, cause)  # told anew: something has come to light since
    return replace(before, finding=finding, revision=look.revision, side=side, cause=cause)


def _acceptance(drift: Drift, look: Look) -> Acceptance | None:
    """What somebody accepted, unless its date is over or the value is another one. A container that does not run, or should not,
    has no value: `restarting` and `exited (1)` are two words for the same."""
    accepted = drift.acceptance
    if accepted is None or (drift.finding.kind is Kind.CHANGED and accepted.observed != drift.finding.observed):
        return None
    return None if accepted.until is not None and accepted.until <= look.at else accepted


def _same_values(before: Finding, now: Finding) -> bool:
    return (before.desired, before.observed) == (now.desired, now.observed)


def _is_due(drift: Drift, look: Look) -> bool:
    return look.settled and drift.opens_at is not None and drift.opens_at <= look.at


def _opened(drift: Drift, look: Look) -> Drift:
    opened_at = drift.opened_at or max(look.at, drift.appeared_at)
    return replace(drift, state=DriftState.OPEN, opens_at=None, opened_at=opened_at, acceptance=_acceptance(drift, look))


def _transition(before: Drift | None, drift: Drift, reason: Reason, look: Look) -> Transition:
    finding = drift.finding
    return Transition(
        subject=Subject.DRIFT,
        at=drift.resolved_at if drift.state is DriftState.RESOLVED and drift.resolved_at else max(look.at, drift.appeared_at),
        from_state=None if before is None else before.state.value,
        to_state=drift.state.value,
        reason=reason.value,
        host=finding.host,
        stack=finding.stack,
        drift=drift.id,
        since_at=drift.appeared_at,
        episode=drift.episode,
        severity=finding.severity,
        desired=finding.desired,
        observed=finding.observed,
        side=drift.side,
        trigger=look.trigger,
        cause=_cause(before, drift),
    )


def _cause(before: Drift | None, drift: Drift) -> JsonObject | None:
    """What brought the drift about; and with the end of an acceptance what was accepted, of which the drift knows no more."""
    if before is None or before.acceptance is None or before.episode != drift.episode:
        return drift.cause
    over = drift.acceptance is None or drift.state is DriftState.RESOLVED
    return {**(drift.cause or {}), ACCEPTED: before.acceptance.document} if over else drift.cause
