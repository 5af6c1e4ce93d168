"""Sending for real: threads, processes, HTTP on loopback."""

from __future__ import annotations

import errno
import threading
import time
from contextlib import ExitStack
from datetime import timedelta

from anchorwatch.model.drifts import DeliveryState
from anchorwatch.model.messages import Arrival, Message, Outcome
from anchorwatch.model.service import Destination, ServiceSettings
from anchorwatch.model.values import Secret
from anchorwatch.notify.dispatch import Dispatcher
from anchorwatch.notify.render import render
from anchorwatch.notify.send import Sender
from anchorwatch.notify.telling import Lane, Telling
from anchorwatch.store import Store, deliveries
from tests.lab_fixtures import eventually
from tests.notify.endpoints import post as mail_server
from tests.notify.endpoints import web
from tests.notify.kill_scenes import FAST, Teller

SLOW = ("hang", "drip", "drop", "500", "busy")


def to(url: str, *what: str) -> Telling:
    return Telling(tuple(Lane(Destination(name, Secret(f"{url}/{name}"), rate_limit=FAST)) for name in what))


def test_a_slow_destination_delays_no_other(file_store: Store) -> None:
    with web() as site, ExitStack() as stack:
        stack.callback(site.over.set)
        url = site.url("", "http").rstrip("/")

        def takes(teller: Teller, number: int) -> float:
            teller.opens(number)
            begun = time.monotonic()
            teller.dispatcher.turn(teller.clock.now)
            eventually(lambda: len([one for one in site.requests if one.path == "/ok"]) == number, within=20)
            return time.monotonic() - begun

        alone = takes(Teller(file_store, to(url, "ok")), 1)
        teller = Teller(file_store, to(url, *SLOW, "ok"))
        assert takes(teller, 2) < alone + 1.0
        with file_store.read() as read:
            states = dict(deliveries.counts(read).keys())
        assert states["hang"] is DeliveryState.SENDING
        site.over.set()
        eventually(lambda: not teller.dispatcher.busy, within=30)


def test_each_destination_has_a_fate_of_its_own(file_store: Store) -> None:
    """N2 with the real sender, which is a process: 500, 429, a redirect that loses the body, nobody there, and one that works."""
    sender = Sender(deadline=8.0)
    with web() as site:
        base = site.url("").rstrip("/")
        names = ("ok", "500", "404", "moved")
        closed = Lane(Destination("closed", Secret("json://127.0.0.1:9/x")))
        lanes = tuple(Lane(Destination(name, Secret(f"{base}/{name}"), rate_limit=FAST)) for name in names)
        teller = Teller(file_store, Telling((*lanes, closed)))
        teller.dispatcher = Dispatcher(file_store, teller.to, render, sender.send, clock=teller.clock, stop_sending=sender.close)
        transition = teller.opens(1)
        teller.dispatcher.turn(teller.clock.now)
        eventually(lambda: not teller.dispatcher.busy, within=60)
        with file_store.read() as read:
            found = {one.destination: one for one in deliveries.of_transition(read, transition.id or 0)}
        arrived = [one for one in site.requests if one.path == "/ok"]
    assert {name: one.state.value for name, one in found.items()} == {
        "ok": "sent",
        "500": "retry",
        "404": "retry",
        "moved": "retry",
        "closed": "retry",
    }
    assert found["404"].reason == "refused 1 time"
    assert found["500"].reason == "not delivered yet"
    assert len(arrived) == 1
    assert all(one.error for name, one in found.items() if name != "ok")


def test_closing_ends_what_is_under_way_and_the_next_start_sends_it_again(file_store: Store) -> None:
    with web() as site:
        url = site.url("", "http").rstrip("/")
        let_go = threading.Event()

        def hangs(url: Secret, message: Message, recipient: str = "") -> Outcome:
            let_go.wait(30)
            return Outcome(Arrival.DOUBTFUL, "it was ended")

        teller = Teller(file_store, to(url, "ok"), hangs)
        dispatcher = Dispatcher(file_store, teller.to, render, hangs, clock=teller.clock, stop_sending=let_go.set)
        teller.opens(1)
        dispatcher.turn(teller.clock.now)
        dispatcher.close()
        assert dispatcher.turn(teller.clock.now) is None
        again = Teller(file_store, teller.to)
        again.clock.now = teller.clock.now
        again.tells()
        assert [one.json["repeat"] for one in site.requests] == [True]


def test_a_machine_without_memory_sends_it_later(file_store: Store) -> None:
    """`fork` says EAGAIN or ENOMEM: that is no refusal, and the destination is not lost."""
    problems: list[Exception] = [BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")]

    def send(url: Secret, message: Message, recipient: str = "") -> Outcome:
        if problems:
            raise problems.pop()
        return Outcome(Arrival.ARRIVED)

    teller = Teller(file_store, to("http://127.0.0.1:9", "chat"))
    teller.dispatcher = Dispatcher(file_store, teller.to, render, send, clock=teller.clock)
    transition = teller.opens(1)
    for expected in ("retry", "sent"):
        teller.dispatcher.turn(teller.clock.now)
        eventually(lambda: not teller.dispatcher.busy, within=10)
        with file_store.read() as read:
            (one,) = deliveries.of_transition(read, transition.id or 0)
            teller.clock.now = deliveries.next_at(read, teller.clock.now) or teller.clock.now
        assert one.state.value == expected
        assert "refused" not in (one.reason or "")


def test_it_says_who_cannot_be_told(file_store: Store) -> None:
    teller = Teller(file_store, to("http://127.0.0.1:9", "chat"))
    assert teller.dispatcher.pulse.ok
    teller.opens(1)
    for _ in range(3):
        teller.dispatcher.turn(teller.clock.now)
        eventually(lambda: not teller.dispatcher.busy, within=10)
        with file_store.read() as read:
            teller.clock.now = deliveries.next_at(read, teller.clock.now) or teller.clock.now
    pulse = teller.dispatcher.pulse
    assert not pulse.ok
    assert pulse.error is not None
    assert "chat" in pulse.error.message


def test_each_recipient_of_a_mail_has_a_fate_of_its_own(file_store: Store) -> None:
    """N1 with a real mail server: one takes it, one is not there, one comes later, one drops after the mail was handed over."""
    people = ("ann@example.org", "nobody@example.org", "grey@example.org", "drop@example.org")
    sender = Sender(deadline=8.0)
    with mail_server() as server:
        url = Secret(server.url(*people))
        (examined,) = sender.examine([url])
        assert sorted(examined.recipients) == sorted(people)
        settings = ServiceSettings(destinations=(Destination("mail", url, rate_limit=FAST),))
        teller = Teller(file_store, Telling.of(settings, [examined.recipients]))
        teller.dispatcher = Dispatcher(file_store, teller.to, render, sender.send, clock=teller.clock)
        transition = teller.opens(1)
        for _ in people:  # one after the other: they are one destination
            teller.dispatcher.turn(teller.clock.now)
            eventually(lambda: not teller.dispatcher.busy, within=60)
        with file_store.read() as read:
            found = {one.recipient.partition("@")[0]: one for one in deliveries.of_transition(read, transition.id or 0)}
        first = {mail["X-Anchorwatch-Id"] for _, mail in server.mails if mail["To"] == "drop@example.org"}
        teller.clock.now += timedelta(seconds=20)
        for _ in people:
            teller.dispatcher.turn(teller.clock.now)
            eventually(lambda: not teller.dispatcher.busy, within=60)
        again = [mail for _, mail in server.mails if mail["To"] == "drop@example.org"]
    assert {name: (one.state.value, one.reason) for name, one in found.items()} == {
        "ann": ("sent", None),
        "nobody": ("retry", "refused 1 time"),
        "grey": ("retry", "not delivered yet"),
        "drop": ("retry", "handed over, and not known to have arrived"),
    }
    assert (len(again), {mail["X-Anchorwatch-Id"] for mail in again}) == (2, first)
