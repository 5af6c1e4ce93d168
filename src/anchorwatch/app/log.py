"""The log, opened to be read: beside the service, on connections that cannot write, in transactions as short as a question.

    with open_log(config_file) as log:
        log.status(filters)
        for entry in log.entries(wanted, …): …

Nothing here asks a host or the repository.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch import clock
from anchorwatch.config import load
from anchorwatch.errors import UsageError
from anchorwatch.model.drifts import Drift, DriftState
from anchorwatch.model.log import Entry, Facts, Life, Standing, Told, Wanted
from anchorwatch.model.options import Filters
from anchorwatch.model.times import local_zone, shown
from anchorwatch.model.wording import instead, nearest
from anchorwatch.reports.log import is_said
from anchorwatch.reports.standing import SILENT, standing

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.model.report import SideBySide
    from anchorwatch.model.statistics import Statistics
    from anchorwatch.model.timeline import Commit, EventSeen, Span
    from anchorwatch.store import Reading, Store
    from anchorwatch.store.search import Scope

PAGE = 500
"""Entries that one question asks for."""

AROUND = timedelta(minutes=10)
"""How long before a drift appeared the engine's events are worth a look."""

COMMITS_AROUND = timedelta(days=7)
"""The same for commits."""

END = datetime.max.replace(tzinfo=UTC)
"""Up to when the log is read where nobody says: what a clock that stood ahead put into the future is shown, too."""

MONTH = timedelta(days=30)
"""What figures are about, where nobody says since when."""


@contextmanager
def open_log(config_file: Path | None) -> Iterator[Log]:
    """The log that the config names. Raises `StoreError` where there is none, or it cannot be read."""
    config = load(config_file, os.environ)
    from anchorwatch.store import Store

    with Store.open_to_read(config.database.reveal()) as store:
        yield Log(store, config)


@dataclass(frozen=True, slots=True)
class Log:
    """A state database to be read, and what the config says of the hosts."""

    store: Store
    config: Config

    def cancel(self) -> None:
        """Any thread: nobody waits any more for what is being read."""
        self.store.cancel()

    def status(self, filters: Filters) -> Standing:
        """Where things stand."""
        from anchorwatch.notify.fates import SAID
        from anchorwatch.store import deliveries, moment, silences, transitions

        now = clock.now()
        with self.store.read() as read:
            facts = moment.now(read, now, host=_one(filters))
            facts = replace(facts, silences=tuple(silences.in_force(read, now)), given_up=deliveries.given_up(read, SAID))
            facts = replace(facts, before=transitions.opened_before(read, facts.drifts))
            stacks = {(one.host, one.stack) for one in facts.stacks if filters.wants_stack(one.host, one.stack)}
            facts = replace(facts, definitions=moment.definitions(read, None, stacks))
        if facts.run is None or (facts.run.ended_at is None and abs(now - facts.run.alive_at) > SILENT):
            facts = replace(facts, holder=self.store.holder())
        self._known(filters, facts)
        stale_after = timedelta(seconds=3 * self.config.service().watch.resync + 60)
        return standing(facts, filters, stale_after=stale_after, configured=tuple(self.config.hosts))

    def at(self, at: datetime, filters: Filters, *, whole: bool) -> Standing:
        """How things stood; `whole` adds how each container was configured, and what was wanted of it."""
        from anchorwatch.store import moment, transitions

        if at > clock.now():
            raise UsageError(
                f"{shown(at, local_zone(os.environ))} is still to come", hint="`anchorwatch status` says how things stand now"
            )
        with self.store.read() as read:
            facts = moment.then(read, at, host=_one(filters), configurations=whole)
            facts = replace(facts, before=transitions.opened_before(read, facts.drifts))
            if whole:
                stacks = {(one.host, one.stack) for one in facts.stacks if filters.wants_stack(one.host, one.stack)}
                facts = replace(facts, definitions=moment.definitions(read, at, stacks))
        self._known(filters, facts)
        return standing(facts, filters, configured=tuple(self.config.hosts))

    def entries(self, wanted: Wanted, *, changes: bool, messages: bool) -> Iterator[Entry]:
        """The log, the newest entry first. With `changes` containers, commits and the service's own runs are in it, where what
        is asked for is not something that only a drift has."""
        from anchorwatch.store import search

        with self.store.read() as read:
            self._named(read, wanted)
            scope = search.scope(read, wanted)
        sources: list[Iterator[Entry]] = [self._told(scope, messages)]
        if changes and not (wanted.only_drift and not wanted.services):
            sources.append(self._containers(scope))
            if not wanted.services:
                sources += [self._commits(scope), self._runs(wanted)]
        return heapq.merge(*sources, key=lambda entry: entry.at, reverse=True)

    def statistics(self, wanted: Wanted) -> tuple[Statistics, Mapping[int, Drift]]:
        """What the history comes to, and the drifts that recur, by their numbers; where nobody says since when, of the last 30
        days, or since somebody watches."""
        from anchorwatch.model.statistics import statistics
        from anchorwatch.store import search
        from anchorwatch.store import statistics as rows

        now = clock.now()
        with self.store.read() as read:
            self._named(read, wanted)
            scope = search.scope(read, wanted)
            until = min(wanted.until or now, now)
            since = wanted.since or min(max(until - MONTH, rows.began_at(read) or until - MONTH), until)
            record = rows.record(read, scope, since, until)
            alive = rows.alive_at(read)
            found = statistics(replace(record, watched=[_ended(one, alive, now) for one in record.watched]))
            order = {name: number for number, name in enumerate(self.config.hosts)}
            lanes = sorted(found.lanes, key=lambda one: order.get(one.lane[0], len(order)))
            return replace(found, lanes=tuple(lanes)), rows.places(read, [one.drift for one in found.recurrences[:200]])

    def life(self, prefix: str) -> Life:
        """The drift whose ID begins with `prefix`. Raises `UsageError` where there is none, or more than one."""
        from anchorwatch.store import drift_spans, search, silences, transitions

        now = clock.now()
        if not prefix or not prefix.isalnum():
            raise UsageError(f"{prefix!r} is no ID", hint="`anchorwatch status` and `anchorwatch history` show them")
        with self.store.read() as read:
            found = search.drifts_like(read, prefix.lower())
            if len(found) != 1:
                raise _not_one(prefix, found)
            drift = found[0]
            told, many = search.life(read, drift)
            before = transitions.opened_before(read, [drift]).get(drift.id, 0)
            values = drift_spans.of_drift(read, drift.id, limit=100)
            muted = silences.in_force(read, now)
            around = search.around(
                read, drift, drift.appeared_at - AROUND, drift.appeared_at - COMMITS_AROUND, _settled_at(drift, now)
            )
        finding = drift.finding
        until = [one.until_at for one in muted if one.matcher.fits(finding.host, finding.stack, finding)]
        whole = _life(drift, told, values, around, max(until, default=None))
        return replace(whole, earlier=many - len(told), before=before)

    def between(self, one: datetime, two: datetime, filters: Filters) -> tuple[Sequence[SideBySide], Standing, Standing]:
        """What was so at one moment beside what was so at another, and both of them whole."""
        from anchorwatch.compare.moments import moments_side_by_side

        before, after = self.at(one, filters, whole=True), self.at(two, filters, whole=True)
        return moments_side_by_side(before, after), before, after

    def _told(self, scope: Scope, messages: bool) -> Iterator[Told]:
        from anchorwatch.store import search

        last: Told | None = None
        while True:
            with self.store.read() as read:
                page = search.transitions(read, scope, after=last, limit=PAGE, messages=messages)
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1]

    def _containers(self, scope: Scope) -> Iterator[Entry]:
        from anchorwatch.store import container_changes

        before: datetime | None = scope.wanted.until or END
        while before is not None:
            with self.store.read() as read:
                page, before = container_changes.page(read, scope, before, limit=PAGE)
            yield from filter(is_said, page)

    def _commits(self, scope: Scope) -> Iterator[Entry]:
        from anchorwatch.store import search

        before: datetime | None = scope.wanted.until or END
        while before is not None:
            with self.store.read() as read:
                page, before = search.commits(read, scope, before, limit=PAGE)
            yield from page

    def _runs(self, wanted: Wanted) -> Iterator[Entry]:
        from anchorwatch.store import search

        with self.store.read() as read:
            found = search.runs(read, wanted, wanted.until or END, clock.now() - SILENT)
        yield from found

    def _named(self, read: Reading, wanted: Wanted) -> None:
        """Raises `UsageError` for the name of a host, a stack or a service that the log does not know: else the answer would be
        that nothing happened."""
        from anchorwatch.store import search

        asked = wanted.filters
        if not (asked.hosts or asked.stacks or wanted.services):
            return
        names = search.names(read, wanted)
        for kind, given, known in (
            ("host", asked.hosts, names.hosts | self.config.hosts.keys()),
            ("stack", ["/".join(pair) for pair in asked.stacks], names.stacks),
            ("service", wanted.services, names.services),
        ):
            for name in given:
                if name not in known:
                    hint = instead(nearest(name, sorted(known)), sorted(known))
                    raise UsageError(f"the log knows no {kind} {name!r}", hint=hint)

    def _known(self, filters: Filters, facts: Facts) -> None:
        """Raises `UsageError` for a host or a stack that nobody has heard of."""
        for host in filters.hosts:
            if host not in facts.first_seen and host not in self.config.hosts:
                known = ", ".join(dict.fromkeys((*self.config.hosts, *facts.first_seen))) or "none"
                raise UsageError(f"the log knows no host named {host!r}", hint=f"it knows: {known}")
        if facts.live and self.config.hosts:
            for host in (*filters.hosts, *(host for host, _ in filters.stacks)):
                if host in facts.first_seen and host not in self.config.hosts:
                    hint = f"`anchorwatch history --host {host}` tells what happened there"
                    raise UsageError(f"{host} is not watched any more: the config does not name it", hint=hint)
        for host, stack in filters.stacks:
            first = facts.first_seen.get(host)
            if first is not None and first > facts.at and not facts.live:
                begins = shown(first, local_zone(os.environ))
                raise UsageError(f"nobody had looked at {host} yet at that moment", hint=f"the log of {host} begins at {begins}")
            near = sorted(f"{host}/{one.stack}" for one in facts.stacks if one.host == host)
            if f"{host}/{stack}" not in near:
                moment = "" if facts.live else " at that moment"
                raise UsageError(
                    f"there is no stack {host}/{stack}{moment}", hint=f"stacks of {host}: {', '.join(near) or 'none'}"
                )


def _one(filters: Filters) -> str | None:
    """The only host that is asked for, if it is one."""
    named = {*filters.hosts, *(host for host, _ in filters.stacks)}
    return named.pop() if len(named) == 1 else None


def _ended(span: Span, alive_at: datetime | None, now: datetime) -> Span:
    """A run that has no end and says nothing any more ended with its last sign of life."""
    if span.valid_to is None and alive_at is not None and now - alive_at > SILENT:
        return replace(span, valid_to=alive_at)
    return span


def _settled_at(drift: Drift, now: datetime) -> datetime:
    """Until when something may have to do with how it began."""
    end = drift.resolved_at if drift.state is DriftState.RESOLVED and drift.resolved_at is not None else now
    return min(end, (drift.opened_at or drift.appeared_at) + AROUND)


def _not_one(prefix: str, found: Sequence[Drift]) -> UsageError:
    if not found:
        return UsageError(f"there is no drift whose ID begins with {prefix!r}", hint="`anchorwatch history` shows the IDs")
    names = ", ".join(drift.id for drift in found)
    return UsageError(f"more than one drift has an ID that begins with {prefix!r}", hint=f"write more of it: {names}")


def _life(
    drift: Drift,
    told: Sequence[Told],
    values: Sequence[tuple[datetime, datetime | None, Drift]],
    around: tuple[Sequence[Commit], Sequence[EventSeen]],
    silenced_until: datetime | None,
) -> Life:
    return Life(drift, tuple(told), tuple(reversed(values)), tuple(around[0]), tuple(around[1]), silenced_until)
