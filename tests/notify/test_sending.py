"""Handing messages to services, over real connections to endpoints that do everything they should not."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from lab.waiting import eventually

from anchorwatch.model.messages import Arrival, Message
from anchorwatch.model.values import Secret
from anchorwatch.notify.render import render
from anchorwatch.notify.samples import bundles
from anchorwatch.notify.send import Sender
from anchorwatch.notify.words import Tongue
from tests.notify.endpoints import Post, Web, closed_port, post, web

CANARY = "kAnArIeNvOgEl-7731"
"""Stands where credentials stand: it may be seen nowhere but on the wire."""


@pytest.fixture(scope="module")
def there() -> Iterator[Web]:
    with web() as running:
        yield running


@pytest.fixture(scope="module")
def office() -> Iterator[Post]:
    with post() as running:
        yield running


@pytest.fixture(scope="module")
def sender() -> Iterator[Sender]:
    sending = Sender(deadline=30.0)
    yield sending
    sending.close()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Sender]:
    """Gives up soon; long enough to load Apprise on a busy machine."""
    sending = Sender(deadline=8.0)
    yield sending
    sending.close()


def message(name: str = "several in a stack") -> Message:
    return render(bundles()[name], Tongue(zone=UTC))


# -- over HTTP -----------------------------------------------------------------------------------------------------------


def test_it_arrives_with_its_id_and_as_json(sender: Sender, there: Web) -> None:
    outcome = sender.send(Secret(there.url("ok/json-id")), message())

    assert (outcome.arrival, outcome.said) == (Arrival.ARRIVED, None)
    (request,) = [each for each in there.requests if each.path.endswith("json-id")]
    assert request.headers["X-Anchorwatch-Id"] == request.json["id"] == "01JD9Z6M3V"
    assert request.json["title"] == "pi5/mealie: 3 drifts (1 critical)"
    told = request.json["anchorwatch"]["items"]
    assert [(each["drift"]["path"], each["to"], each["severity"]) for each in told] == [
        ("privileged", "open", "critical"),
        ("mem_limit", "open", "warning"),
        ("labels.traefik.enable", "open", "info"),
    ]


@pytest.mark.parametrize(
    ("what", "arrival", "retry_after", "said"),
    [
        ("404", Arrival.REFUSED, None, "HTTP 404: no such webhook"),
        ("408", Arrival.FAILED, None, "HTTP 408: no such webhook"),
        ("500", Arrival.FAILED, None, "HTTP 500: no such webhook"),
        ("busy", Arrival.FAILED, 17.0, "HTTP 429: slow down"),
        ("busier", Arrival.FAILED, 23.0, "HTTP 429"),
        ("drop", Arrival.DOUBTFUL, None, "took the message, and the connection broke before it answered"),
        ("echo-400", Arrival.REFUSED, None, "HTTP 400"),
    ],
)
def test_what_a_service_answers_without_the_credentials(
    sender: Sender, there: Web, what: str, arrival: Arrival, retry_after: float | None, said: str
) -> None:
    place = f"127.0.0.1:{there.port}/{what}/{CANARY}"
    url = f"json://user:{CANARY}@{place}?+X-Token={CANARY}&:token={CANARY}&-q={CANARY}"

    outcome = sender.send(Secret(url), message())

    assert CANARY not in str(outcome)
    assert (outcome.arrival, outcome.retry_after) == (arrival, retry_after)
    assert said in str(outcome.said)


def test_a_redirect_is_not_followed_even_if_the_url_asks_for_it(sender: Sender, there: Web) -> None:
    there.requests.clear()

    outcome = sender.send(Secret(there.url("moved?redirect=yes")), message())

    assert outcome.arrival is Arrival.FAILED
    assert f"a redirect to http://127.0.0.1:{there.port}/ok" in str(outcome.said)
    assert [request.path for request in there.requests] == ["/moved"]


def test_nobody_there(sender: Sender, there: Web) -> None:
    closed = sender.send(Secret(f"json://127.0.0.1:{closed_port()}/x"), message())
    assert closed.arrival is Arrival.FAILED
    assert "cannot be reached: Connection refused" in str(closed.said)

    no_tls = sender.send(Secret(there.url("ok", "jsons")), message())
    assert no_tls.arrival is Arrival.FAILED
    assert f"TLS with 127.0.0.1:{there.port} does not work" in str(no_tls.said)


def test_one_that_hangs_or_drips_is_given_up_in_time_and_holds_up_nobody(hasty: Sender, there: Web) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(hasty.send, Secret(there.url(what)), message()) for what in ("hang", "drip")]
        quick = pool.submit(hasty.send, Secret(there.url("ok/meanwhile")), message())

        assert quick.result().arrival is Arrival.ARRIVED
        assert not any(each.done() for each in slow)
        assert [each.result().arrival for each in slow] == [Arrival.DOUBTFUL] * 2
    assert 6.0 < time.monotonic() - begun < 14.0
    assert children() == []


def test_what_is_being_sent_ends_when_the_sender_closes(there: Web) -> None:
    sending = Sender(deadline=60.0)
    there.requests.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(sending.send, Secret(there.url("hang/closing")), message())
        eventually(lambda: there.requests)
        sending.close()

        assert slow.result(timeout=5).arrival is Arrival.DOUBTFUL
    assert children() == []
    assert sending.send(Secret(there.url("ok")), message()).arrival is Arrival.FAILED


def test_a_child_does_not_outlive_its_deadline_though_nobody_waits_for_it(there: Web) -> None:
    """As after a kill -9 of the service, when nobody is left to end it."""
    import json
    import subprocess
    import sys

    there.requests.clear()
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "anchorwatch.notify.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    order = {"url": there.url("hang/orphan"), "recipient": "", "deadline": 9.0, "message": _order(message())}
    child.stdin.write(json.dumps(order).encode())
    child.stdin.close()

    eventually(lambda: there.requests, within=9.0)
    assert child.wait(timeout=15) != 0
    assert child.stdout is not None
    child.stdout.close()


# -- mail ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "arrival", "said"),
    [
        ("nobody@x.example", Arrival.REFUSED, "SMTP 550: 5.1.1 no such user here"),
        ("grey@x.example", Arrival.FAILED, "SMTP 451: 4.7.1 greylisted, come back in a minute"),
        ("full@x.example", Arrival.REFUSED, "SMTP 552: 5.2.2 mailbox full"),
        ("drop@x.example", Arrival.DOUBTFUL, "127.0.0.1: Connection unexpectedly closed"),
    ],
)
def test_what_a_mail_server_answers(sender: Sender, office: Post, to: str, arrival: Arrival, said: str) -> None:
    outcome = sender.send(Secret(office.url(to)), message())

    assert (outcome.arrival, outcome.said) == (arrival, said)


def test_a_mail_server_that_hangs_after_the_data_may_have_taken_the_mail(hasty: Sender, office: Post) -> None:
    assert hasty.send(Secret(office.url("hang@x.example")), message()).arrival is Arrival.DOUBTFUL


def test_no_mail_server(sender: Sender) -> None:
    outcome = sender.send(Secret(f"mailto://127.0.0.1:{closed_port()}?from=a@x.example&to=b@x.example&mode=insecure"), message())

    assert outcome.arrival is Arrival.FAILED
    assert "Connection refused" in str(outcome.said)


def test_each_recipient_gets_a_mail_of_its_own_and_one_refusal_costs_the_others_nothing(sender: Sender, office: Post) -> None:
    office.mails.clear()
    url = Secret(office.url("anna@x.example", "nobody@x.example", more="&cc=ben@x.example&bcc=cleo@x.example"))
    (examined,) = sender.examine([url])
    assert examined.recipients == ("anna@x.example", "nobody@x.example", "ben@x.example", "cleo@x.example")

    arrivals = [sender.send(url, message(), each).arrival for each in examined.recipients]

    assert arrivals == [Arrival.ARRIVED, Arrival.REFUSED, Arrival.ARRIVED, Arrival.ARRIVED]
    assert [envelope for envelope, _ in office.mails] == [("anna@x.example",), ("ben@x.example",), ("cleo@x.example",)]
    assert all(mail["Cc"] is None for _, mail in office.mails)


def test_a_mail_has_one_id_its_thread_and_both_forms(sender: Sender, office: Post) -> None:
    office.mails.clear()
    for name in ("a drift", "resolved"):
        sender.send(Secret(office.url("anna@x.example")), message(name))

    (_, appeared), (_, resolved) = office.mails
    assert appeared["Subject"] == "pi5/mealie mealie: memory limit is 1 GiB, Git says 512 MiB"
    assert appeared["X-Anchorwatch-Id"] == "01JD9Z6M3V"
    assert appeared["Auto-Submitted"] == "auto-generated"
    assert len(appeared.get_all("Message-ID") or ()) == 1
    # the end refers to what the beginning refers to: so mail programs show them together
    assert appeared["References"] == resolved["References"] == appeared["In-Reply-To"]
    plain, html = appeared.get_body(("plain",)), appeared.get_body(("html",))
    assert plain is not None
    assert html is not None
    facts = ["Git says: 512 MiB", "host says: 1 GiB", "since: 23 Nov 03:41 UTC (12 min ago)"]
    assert [line for line in plain.get_content().splitlines() if line in facts] == facts
    assert "docker compose -p mealie up -d --force-recreate mealie" in html.get_content()


def test_other_drifts_are_other_threads(sender: Sender, office: Post) -> None:
    office.mails.clear()
    for name in ("a drift", "behind Git"):
        sender.send(Secret(office.url("anna@x.example")), message(name))

    (_, one), (_, other) = office.mails
    assert one["References"] != other["References"]


def test_line_breaks_in_a_title_add_no_header(sender: Sender, office: Post) -> None:
    office.mails.clear()
    evil = replace(message(), title="drift\r\nBcc: eve@x.example\r\n\r\nbody")

    assert sender.send(Secret(office.url("anna@x.example")), evil).arrival is Arrival.ARRIVED
    ((envelope, mail),) = office.mails
    assert envelope == ("anna@x.example",)
    assert mail["Bcc"] is None


# -- services ------------------------------------------------------------------------------------------------------------


def test_a_chat_gets_markdown_and_a_push_plain_text(sender: Sender, there: Web) -> None:
    there.requests.clear()
    sender.send(Secret(f"mmost://127.0.0.1:{there.port}/3ccdd113474722377935511fc85d3dd4"), message())
    sender.send(Secret(f"ntfy://127.0.0.1:{there.port}/topic"), message())

    chat, push = (request.json for request in there.requests)
    assert chat["text"].startswith(
        "🔴 **pi5/mealie: 3 drifts (1 critical)**\n\n🔴 **mealie**: privileged is true, Git says false"
    )
    assert "- Git says: `512 MiB`" in chat["text"]
    assert push["title"] == "🔴 pi5/mealie: 3 drifts (1 critical)"
    assert "Git says: 512 MiB" in push["message"]
    assert "**" not in push["message"]


def test_a_service_that_cannot_read_our_markdown_gets_plain_text_in_the_same_attempt(sender: Sender, there: Web) -> None:
    there.requests.clear()

    outcome = sender.send(Secret(f"mmost://127.0.0.1:{there.port}/markdown-400/3ccdd113474722377935511fc85d3dd4"), message())

    assert outcome.arrival is Arrival.ARRIVED
    assert ["**" in request.json["text"] for request in there.requests] == [True, False]


def test_thirty_drifts_are_cut_to_what_a_service_takes_and_that_is_said(sender: Sender, there: Web) -> None:
    """Rocket.Chat takes 1000 characters, and its plugin knows no titles."""
    there.requests.clear()

    outcome = sender.send(Secret(f"rocket://{'t' * 24}%2F{'s' * 64}@127.0.0.1:{there.port}/#general"), message("thirty at once"))

    assert outcome.arrival is Arrival.ARRIVED
    (request,) = there.requests
    text = request.json["text"]
    assert text.startswith("🔴 **proxmox: 30 drifts (1 critical) in 3 stacks**")
    assert len(text) <= 1000
    told = text.count("memory limit is") + sum(int(each) for each in re.findall(r"… and (\d+) more", text))
    assert told == 30


def test_a_typo_is_named_without_the_url_and_the_others_work(sender: Sender, there: Web) -> None:
    wrong = {
        "discrod://1/2": "discrod:// is no service that Apprise knows; did you mean discord?",
        f"no url {CANARY}": "is no URL",
        f"slack://{CANARY}": "slack:// is known, but this is not how its URLs are written",
        f"tgram://{CANARY}/": "tgram:// is known, but this is not how its URLs are written",
    }

    *bad, good = sender.examine([Secret(url) for url in (*wrong, there.url("ok"))])

    for each, problem in zip(bad, wrong.values(), strict=True):
        assert str(each.problem).startswith(problem)
        assert CANARY not in str(each)
    assert (good.service, good.problem, good.recipients) == ("JSON", None, ("",))
    refused = sender.send(Secret(f"slack://{CANARY}"), message())
    assert refused.arrival is Arrival.REFUSED
    assert CANARY not in str(refused)


# -- secrets -------------------------------------------------------------------------------------------------------------


def test_credentials_are_in_no_argument_no_environment_and_no_core(there: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    sending = Sender(deadline=60.0, environ={**os.environ, "ANCHORWATCH_SECRET": CANARY})
    there.requests.clear()
    worker = threading.Thread(
        target=sending.send, args=(Secret(there.url(f"hang/{CANARY}?+X-Token={CANARY}&password={CANARY}")), message())
    )
    worker.start()
    try:
        eventually(lambda: there.requests)
        (child,) = children()
        for name in ("cmdline", "environ"):
            assert CANARY.encode() not in Path(f"/proc/{child}/{name}").read_bytes()
        limit = next(line for line in Path(f"/proc/{child}/limits").read_text().splitlines() if line.startswith("Max core"))
        assert limit.split()[4:6] == ["0", "0"]
    finally:
        sending.close()
        worker.join()


def test_credentials_of_a_mail_server_are_in_nothing_that_is_said(sender: Sender, office: Post) -> None:
    for mode in ("starttls", "insecure"):
        url = f"mailto://user:{CANARY}@127.0.0.1:{office.port}?from=a@x.example&to=nobody@x.example&mode={mode}"

        outcome = sender.send(Secret(url), message())

        assert outcome.arrival is not Arrival.ARRIVED
        assert CANARY not in str(outcome)


def _order(told: Message) -> dict[str, object]:
    from anchorwatch.notify import send

    return send._order(told)


def children() -> list[int]:
    """The processes that this one has started and that still run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"anchorwatch.notify.child" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found
