"""The queue between real threads. No settling here, so nothing has to be waited for but a thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Trigger
from anchorwatch.watch.queue import Queue
from anchorwatch.watch.turns import Cause, Turns, Work

KEYS = [ProjectKey("pi5", str(number)) for number in range(5)]
DIE = Cause(Trigger.DOCKER_EVENT, "die web")
SOON, LONG = 20.0, 60.0
"""Who is woken is there soon; who is forgotten waits for long."""


@pytest.fixture
def queue() -> Iterator[Queue]:
    queue = Queue(Turns(settle=0.0, at_most=0.0))
    yield queue
    queue.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_who_waits_is_woken_by_an_event(queue: Queue, pool: ThreadPoolExecutor) -> None:
    waiting = pool.submit(queue.take, LONG)
    queue.event(KEYS[:1], DIE)
    work = waiting.result(SOON)
    assert work is not None
    assert work.key == KEYS[0]
    queue.done(work, None)


def test_who_waits_is_woken_by_the_end_of_the_same_key(queue: Queue, pool: ThreadPoolExecutor) -> None:
    queue.ask(KEYS[:1], DIE)
    work = queue.take(LONG)
    assert work is not None
    queue.ask(KEYS[:1], DIE)
    waiting = pool.submit(queue.take, LONG)
    assert queue.flying().keys() == {KEYS[0]}
    queue.done(work, None)
    again = waiting.result(SOON)
    assert again is not None
    queue.done(again, None)
    assert queue.drain(0.0)


def test_who_waits_is_woken_by_the_clock(queue: Queue) -> None:
    queue.ask(KEYS[:1], DIE)
    work = queue.take(LONG)
    assert work is not None
    queue.done(work, 0.01)
    assert queue.waiting() == 0
    assert queue.take(LONG) is not None


def test_nothing_to_do(queue: Queue) -> None:
    assert queue.take(0.0) is None
    assert (queue.overdue(), queue.waiting(), queue.flying()) == (0.0, 0, {})


def test_closing_wakes_everybody(queue: Queue, pool: ThreadPoolExecutor) -> None:
    waiting = [pool.submit(queue.take, LONG) for _ in range(3)]
    queue.close()
    assert [one.result(SOON) for one in waiting] == [None] * 3
    queue.event(KEYS, DIE)
    assert queue.closed
    assert queue.take(0.0) is None


def test_who_ends_waits_for_what_is_in_flight(queue: Queue, pool: ThreadPoolExecutor) -> None:
    queue.ask(KEYS[:1], DIE)
    work = queue.take(LONG)
    assert work is not None
    queue.close()
    assert not queue.drain(0.0)
    drained = pool.submit(queue.drain, LONG)
    queue.done(work, None)
    assert drained.result(SOON)


def test_many_threads_never_look_at_one_key_at_once_and_lose_nothing(queue: Queue, pool: ThreadPoolExecutor) -> None:
    """Whatever was put in before a settled look began is seen by it: the count that it reads is never behind."""
    put: Counter[ProjectKey] = Counter()
    seen: Counter[ProjectKey] = Counter()
    locks = {key: threading.Lock() for key in KEYS}
    failures: list[str] = []
    finished = threading.Event()

    def listen(first: int) -> None:
        for number in range(200):
            key = KEYS[(first + number) % len(KEYS)]
            with locks[key]:
                put[key] += 1
            queue.event([key], DIE)

    flying: set[ProjectKey] = set()

    def look(work: Work) -> None:
        if work.key in flying:
            failures.append(f"{work.key} is looked at twice at once")
        flying.add(work.key)
        with locks[work.key]:
            seen[work.key] = put[work.key]
        flying.discard(work.key)

    def serve() -> None:
        while not (finished.is_set() and queue.waiting() == 0):
            if (work := queue.take(0.05)) is not None:
                look(work)
                if work.attempt == 0 and put[work.key] % 97 == 0:
                    queue.failed(work)
                else:
                    queue.done(work, None)

    workers = [pool.submit(serve) for _ in range(3)]
    for one in [pool.submit(listen, first) for first in range(4)]:
        one.result(SOON)
    finished.set()
    for one in workers:
        one.result(SOON)
    assert failures == []
    assert seen == put
    assert put.total() == 800
