"""`silence` and `accept`: what is told later, or not again. Done on the open store, by the service or without (`app.writing`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchorwatch.errors import UsageError
from anchorwatch.model.drifts import Acceptance, Drift, DriftState
from anchorwatch.model.findings import Kind
from anchorwatch.model.silences import Matcher, Silence
from anchorwatch.model.times import shown, timestamp
from anchorwatch.model.values import JsonObject
from anchorwatch.model.wording import instead, nearest

if TYPE_CHECKING:
    from anchorwatch.store import Reading, Store, Writing

KEYS = tuple(field.name for field in fields(Matcher))


def matcher_of(words: Sequence[str]) -> Matcher:
    """What `pi5`, `pi5/mealie`, `everything` or `host=pi5 path=image*` name. Raises `UsageError`."""
    if tuple(words) == ("everything",):
        return Matcher()
    given: dict[str, str] = {}
    for word in words:
        name, equals, glob = word.partition("=")
        if not equals:
            name, glob = ("stack" if "/" in word else "host"), word
        if name not in KEYS:
            raise UsageError(f"{name!r} is nothing to choose by", hint=f"choose by {', '.join(KEYS)}: host=pi5 path=image*")
        if not glob or name in given:
            problem = "is given twice" if name in given else "is given without a value"
            raise UsageError(f"{name} {problem}", hint="write host=pi5 path=image*, pi5/mealie, or everything")
        given[name] = glob
    if not given:
        raise UsageError("it has to be said what is to be silent", hint="a HOST, a HOST/STACK, or `everything`")
    try:
        return Matcher.of(given)
    except ValueError:
        raise UsageError(f"{given['kind']!r} is no kind of drift", hint=f"write one of {', '.join(Kind)}") from None


def silence(store: Store, arguments: JsonObject, now: datetime) -> JsonObject:
    """Mutes what `matcher` fits until `until`; a `reason` may be given. Says what was written, and what it mutes now.

    `hosts` are those of the config. Raises `UsageError` for the name of a host, stack or drift that is none; a glob may be meant
    for what is still to come.
    """
    from anchorwatch.store import drifts, silences

    until, matcher = datetime.fromisoformat(arguments["until"]), Matcher.of(arguments["matcher"])
    if until <= now:
        raise UsageError(f"{shown(until, UTC)} is over already", hint="write --for 2h, or a time to come")
    with store.write() as write:
        matcher = _known(write, matcher, frozenset(arguments.get("hosts", ())))
        made = silences.add(write, Silence(matcher, now, until, reason=arguments.get("reason")))
        standing = [one for one in drifts.unresolved(write) if one.state is DriftState.OPEN]
    fits = sum(matcher.fits(one.finding.host, one.finding.stack, one.finding) for one in standing)
    return {"silence": silence_document(made), "drifts": fits}


def _known(read: Reading, matcher: Matcher, configured: Collection[str]) -> Matcher:
    """`matcher`, with the whole of an ID of which it has the beginning."""
    from anchorwatch.store import hosts, stacks

    known = sorted({*configured, *hosts.current(read)})
    there = [(span.host, span.stack) for span in stacks.current(read)]
    if matcher.host is not None and known and _is_name(matcher.host) and matcher.host not in known:
        near = [f"{host}/{stack}" for host, stack in there if stack == matcher.host] or nearest(matcher.host, known)
        hint = f"{instead(near, known)} (one still to come: host={matcher.host}*)"
        raise UsageError(f"there is no host {matcher.host!r}", hint=hint)
    place = Matcher(host=matcher.host, stack=matcher.stack)
    if matcher.stack is not None and there and _is_name(matcher.stack) and not any(place.fits(*one, None) for one in there):
        known = [f"{host}/{stack}" for host, stack in there if Matcher(host=matcher.host).fits(host, stack, None)]
        wanted = matcher.stack if "/" in matcher.stack else f"{matcher.host or ''}/{matcher.stack}"
        where = f" on {matcher.host}" if matcher.host is not None else ""
        new = f"one that was just committed, or is still to come: stack={matcher.stack}*"
        hint = f"{instead(nearest(wanted, known), known)} ({new})"
        raise UsageError(f"there is no stack {matcher.stack!r}{where}", hint=hint)
    if matcher.id is not None and _is_name(matcher.id):
        return replace(matcher, id=one_drift(read, matcher.id).id)
    return matcher


def _is_name(glob: str) -> bool:
    return not any(letter in glob for letter in "*?[")


def end_silence(store: Store, arguments: JsonObject, now: datetime) -> JsonObject:
    """Lifts the silence called `id`: what waited for its end is told, if it is still so."""
    from anchorwatch.notify.fates import Fate
    from anchorwatch.store import deliveries, silences

    number = int(arguments["id"])
    with store.write() as write:
        ended = silences.end(write, number, now)
        if ended is None:
            raise UsageError(f"there is no silence {number} in force", hint="`anchorwatch silence` lists them")
        deliveries.wake(write, Fate.SILENCED, now)
    return {"silence": silence_document(ended)}


def accept(store: Store, arguments: JsonObject, now: datetime) -> JsonObject:
    """Accepts the drift whose ID begins with `id`, as it is now, until `until` (None: until its value changes)."""
    until = None if arguments.get("until") is None else datetime.fromisoformat(arguments["until"])
    if until is not None and until <= now:
        raise UsageError(f"{shown(until, UTC)} is over already", hint="write --for 30d, or a time to come")
    with store.write() as write:
        drift = one_drift(write, arguments["id"])
        if drift.state is DriftState.RESOLVED:
            raise UsageError(f"drift {drift.id} is resolved, and needs no accepting", hint="`anchorwatch status` lists drift")
        accepted = replace(drift, acceptance=Acceptance(now, drift.finding.observed, until, arguments.get("reason")))
        _remember(write, accepted, now)
    return accepted_document(accepted)


def end_acceptance(store: Store, arguments: JsonObject, now: datetime) -> JsonObject:
    """Takes back that the drift whose ID begins with `id` was accepted: it is told of again, as one whose acceptance is over."""
    with store.write() as write:
        drift = one_drift(write, arguments["id"])
        until = None if drift.acceptance is None else drift.acceptance.until
        if drift.acceptance is None or (until is not None and until <= now):
            raise UsageError(f"drift {drift.id} is not accepted", hint=f"`anchorwatch accept {drift.id}` accepts it")
        over = replace(drift, acceptance=replace(drift.acceptance, until=now))
        _remember(write, over, now)
    return accepted_document(over)


def in_force(store: Store, now: datetime) -> Sequence[Silence]:
    """What is silent now."""
    from anchorwatch.store import silences

    with store.read() as read:
        return silences.in_force(read, now)


def silence_document(one: Silence) -> JsonObject:
    """A silence as JSON."""
    return {
        "id": one.id,
        "matcher": one.matcher.document,
        "created_at": timestamp(one.created_at),
        "until": timestamp(one.ended_at or one.until_at),
        "reason": one.reason,
    }


def accepted_document(drift: Drift) -> JsonObject:
    """An accepted drift as JSON."""
    accepted, finding = drift.acceptance, drift.finding
    return {
        "id": drift.id,
        "host": finding.host,
        "stack": finding.stack,
        "service": finding.service,
        "message": finding.message,
        "accepted_until": timestamp(accepted.until) if accepted is not None and accepted.until is not None else None,
        "reason": None if accepted is None else accepted.reason,
    }


def _remember(write: Writing, drift: Drift, now: datetime) -> None:
    from anchorwatch.store import drift_spans, drifts

    drifts.save(write, [drift])
    drift_spans.record(write, [drift], now)


def one_drift(read: Reading, prefix: str) -> Drift:
    """The drift whose ID begins with `prefix`. Raises `UsageError` where there is none, or more than one."""
    from anchorwatch.store import search

    found = search.drifts_like(read, prefix.lower()) if prefix.isalnum() else ()
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"there is no drift {prefix!r}", hint="`anchorwatch status` and `anchorwatch history` show the IDs")
    raise UsageError(f"{prefix!r} begins {len(found)} IDs: {', '.join(one.id for one in found)}", hint="write more of it")
