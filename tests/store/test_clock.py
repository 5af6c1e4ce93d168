"""A clock that stood a year ahead, and was set right: what is so now is what was written last, and nothing waits for a year."""

from __future__ import annotations

from datetime import datetime, timedelta

from anchorwatch.ledger.jump import begun, jumped
from anchorwatch.ledger.record import earlier
from anchorwatch.model.drifts import Delivery, DeliveryState
from anchorwatch.model.options import Filters
from anchorwatch.model.report import StackStatus
from anchorwatch.model.timeline import StackSeen
from anchorwatch.reports.standing import standing
from anchorwatch.store import Store, Writing, checks, deliveries, drifts, hosts, moment, runs, stacks, transitions
from anchorwatch.store.backup import Backups
from tests.store import make
from tests.store.make import BEGIN, KEY, after
from tests.store.places import Place

AHEAD = BEGIN + timedelta(days=365)
WRONG = "1" * 40
RIGHT = "2" * 40


def test_the_newest_check_is_the_one_that_was_written_last(store: Store) -> None:
    with store.write() as write:
        checks.record(write, make.check(AHEAD, revision=WRONG, status=StackStatus.DRIFTED), eventful=False)
        numbers = [checks.record(write, make.check(after(n), revision=RIGHT), eventful=False) for n in (0, 300, 600)]
    with store.read() as read:
        last, judged, now = checks.last(read, KEY), checks.last_judged(read, KEY), moment.verdicts(read, None)[KEY]
        assert (last, earlier(read, KEY).revision) == (judged, RIGHT)
    assert last is not None
    assert (last.check.status, last.last_at, last.times) == (StackStatus.IN_SYNC, after(600), 3)
    assert (now.check.status, now.last_at) == (StackStatus.IN_SYNC, after(600))
    assert len(set(numbers)) == 1  # else each resync would add a row until that time comes


def test_what_was_so_then_goes_by_the_time(store: Store) -> None:
    """As far as anybody can tell: the year in between is told by what was found before it."""
    with store.write() as write:
        checks.record(write, make.check(AHEAD, status=StackStatus.DRIFTED), eventful=True)
        checks.record(write, make.check(), eventful=False)
    with store.read() as read:
        assert moment.verdicts(read, after(1))[KEY].check.status is StackStatus.IN_SYNC
        assert moment.verdicts(read, AHEAD)[KEY].check.status is StackStatus.DRIFTED


def test_a_run_that_began_ahead_is_the_one_that_is_there(store: Store) -> None:
    with store.write() as write:
        runs.end(write, runs.begin(write, "1", after(-60)), after(-30))
        run = runs.begin(write, "1", AHEAD)
        seen(write, run)
    assert status_at(store, after(1)) is StackStatus.UNKNOWN  # nobody has noticed yet that the clock was set
    with store.write() as write:
        began = jumped(write, run, BEGIN - AHEAD, BEGIN, after(9))
        checks.record(write, make.check(after(10), run=run), eventful=False)
    assert began == BEGIN
    assert status_at(store, after(10)) is StackStatus.IN_SYNC
    with store.write() as write:
        runs.end(write, run, after(11))
    with store.read() as read:
        facts = moment.now(read, after(12))
    assert standing(facts, Filters()).watch.since_at == after(11)


def test_a_run_that_was_killed_ahead_is_over(store: Store) -> None:
    """The power is cut, and the machine is back with the right time, without the service."""
    with store.write() as write:
        seen(write, runs.begin(write, "1", AHEAD))
    assert status_at(store, after(60)) is StackStatus.UNKNOWN


def test_a_run_that_ended_ahead_is_over(store: Store) -> None:
    with store.write() as write:
        run = runs.begin(write, "1", AHEAD)
        seen(write, run)
        runs.end(write, run, AHEAD)
    assert status_at(store, after(60)) is StackStatus.UNKNOWN


def test_a_machine_without_a_battery(store: Store) -> None:
    """It boots months in the past, until it hears the time: what is known of those months stays, and so does what comes after."""
    with store.write() as write:
        before = runs.begin(write, "1", BEGIN)
        seen(write, before)
        checks.record(write, make.check(after(60), run=before), eventful=True)
        runs.end(write, before, after(120))
    with store.write() as write:
        run = runs.begin(write, "1", BEGIN - timedelta(days=90))
        begun(write, runs.last_sign(write, run), BEGIN - timedelta(days=90))
        checks.record(write, make.check(BEGIN - timedelta(days=90), run=run), eventful=False)
    assert status_at(store, BEGIN - timedelta(days=90)) is StackStatus.IN_SYNC
    with store.write() as write:
        jumped(write, run, timedelta(days=90), after(600), after(630))
        checks.record(write, make.check(after(640), run=run), eventful=False)
    assert status_at(store, after(640)) is StackStatus.IN_SYNC
    assert status_then(store, after(700)) is StackStatus.IN_SYNC  # one that goes on, since then
    assert status_then(store, after(90)) is StackStatus.IN_SYNC
    assert status_then(store, after(300)) is StackStatus.UNKNOWN  # it was off


def test_a_machine_that_slept_watched_before_it_did(store: Store) -> None:
    """The clock goes forward then, too, and was right all the time."""
    with store.write() as write:
        run = runs.begin(write, "1", BEGIN)
        seen(write, run)
        checks.record(write, make.check(after(1), run=run), eventful=False)
        assert jumped(write, run, timedelta(hours=8), after(28_800), after(28_860)) == BEGIN
    assert status_then(store, after(60)) is StackStatus.IN_SYNC


def test_messages_do_not_wait_for_a_time_that_was_wrong(store: Store) -> None:
    with store.write() as write:
        run = runs.begin(write, "1", AHEAD)
        waiting(write, AHEAD)
        assert deliveries.lanes_due(write, after(3600)) == set()
        jumped(write, run, BEGIN - AHEAD, BEGIN, BEGIN)
        assert deliveries.lanes_due(write, after(29)) == set()
        assert deliveries.lanes_due(write, after(30)) == {("mail", "")}
        (found,) = deliveries.unfinished(write, "mail", "")
    assert (found.created_at, found.next_at) == (BEGIN, after(30))


def test_nor_where_it_was_set_while_nobody_was_there(store: Store) -> None:
    with store.write() as write:
        runs.end(write, runs.begin(write, "1", AHEAD), AHEAD)
        waiting(write, AHEAD)
        run = runs.begin(write, "1", BEGIN)
        begun(write, runs.last_sign(write, run), BEGIN)
        assert deliveries.lanes_due(write, after(30)) == {("mail", "")}


def test_a_clock_that_goes_forward_puts_nothing_off(store: Store) -> None:
    with store.write() as write:
        run = runs.begin(write, "1", BEGIN)
        waiting(write, BEGIN)
        jumped(write, run, timedelta(hours=8), after(28_800), after(28_800))
        assert deliveries.lanes_due(write, after(30)) == {("mail", "")}


def test_what_was_sent_ahead_does_not_count_as_sent_just_now(store: Store) -> None:
    """Else whoever is told at most so much an hour is told nothing for a year."""
    with store.write() as write:
        number = waiting(write, AHEAD)
        deliveries.claim(write, [number], "m", AHEAD)
        deliveries.settle(write, [number], DeliveryState.SENT, AHEAD)
        assert deliveries.sent_between(write, "mail", "", after(-3600), BEGIN) == ()
        assert deliveries.sent_between(write, "mail", "", AHEAD - timedelta(hours=1), AHEAD) == (AHEAD,)


def test_the_newest_copy_is_the_one_that_was_made_last(ready_sqlite_place: Place) -> None:
    backups = Backups(ready_sqlite_place.path)
    ahead = [backups.make(AHEAD + timedelta(days=day)) for day in range(3)]
    made = [backups.make(after(day * 86_400)) for day in range(2)]
    assert backups.newest_first() == [*reversed(made), ahead[2]]


def seen(write: Writing, run: int) -> None:
    """A host and a stack, looked at in a run; long before, so that these are known at every time."""
    before = BEGIN - timedelta(days=400)
    hosts.record(write, make.host(before))
    stacks.record(write, [StackSeen(make.stack(), "mealie", make.check().revision)], before)
    checks.record(write, make.check(run=run), eventful=True)


def waiting(write: Writing, at: datetime) -> int:
    """A message that may go out half a minute after `at`. Returns its number."""
    drift = make.drift()
    drifts.save(write, [drift])
    (transition,) = transitions.add(write, [make.appeared(drift)])
    promised = Delivery(transition.id or 0, "mail", at, next_at=at + timedelta(seconds=30))
    return deliveries.promise(write, [promised])[0].id or 0


def status_at(store: Store, at: datetime) -> StackStatus:
    """What `status` says of the stack at that time of day."""
    with store.read() as read:
        (stack,) = standing(moment.now(read, at), Filters()).stacks
    return stack.report.status


def status_then(store: Store, at: datetime) -> StackStatus:
    """What `at` says of it."""
    with store.read() as read:
        (stack,) = standing(moment.then(read, at), Filters()).stacks
    return stack.report.status
