"""The life of a drift, one story a test. Times are seconds; the grace is 30 s, the rollout 10 min, the limit 15 min."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchorwatch.ledger.decide import covers, decide
from anchorwatch.ledger.look import Patiences
from anchorwatch.model.desired import ProjectKey, UnknownValue
from anchorwatch.model.drifts import ACCEPTED, Acceptance, DriftState, Side
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.service import Patience
from tests.ledger.looks import PATIENCES, Book, blind, look
from tests.store.make import after, finding

DRIFT = finding()
OTHER = finding("environment.TZ", desired="UTC", observed="Europe/Berlin")
APPEARED = (None, "pending", "appeared")
OPENED = ("pending", "open", "grace over")
PASSED = ("pending", "resolved", "passed")
MENDED = ("open", "resolved", "mended on the host")
GIT = {DRIFT.id: Side.GIT}


@pytest.fixture
def book() -> Book:
    return Book()


def test_a_drift_that_stays_opens_after_its_grace(book: Book) -> None:
    assert book.sees(look(0, DRIFT, settled=False), look(0.5, DRIFT)) == [APPEARED]
    assert book.wakes() == after(30)
    assert book.sees(look(29.9, DRIFT)) == []
    assert book.sees(look(30, DRIFT)) == [OPENED]
    assert book.wakes() is None
    assert book.sees(look(3600, DRIFT)) == []
    assert book.sees(look(3601)) == [MENDED]
    drift = book.drift()
    assert (drift.appeared_at, drift.opened_at, drift.resolved_at) == (after(0), after(30), after(3601))
    assert [one.since_at for one in book.written] == [after(0)] * 3
    assert [one.at for one in book.written] == [after(0), after(30), after(3601)]


def test_a_deployment_is_no_drift(book: Book) -> None:
    assert book.sees(look(0, DRIFT, settled=False), look(3, DRIFT), look(9)) == [APPEARED, PASSED]
    assert book.drift().opened_at is None
    assert book.wakes() is None


def test_only_a_settled_look_opens_and_resolves(book: Book) -> None:
    assert book.sees(look(0, DRIFT), look(31, DRIFT, settled=False), look(31.2, settled=False)) == [APPEARED]
    assert book.wakes() is None  # it is due, and only waits for the quiet
    assert book.sees(look(31.7, DRIFT)) == [OPENED]
    assert book.sees(look(40, settled=False)) == []
    assert book.sees(look(40.5)) == [MENDED]


def test_each_change_in_the_project_begins_the_grace_anew(book: Book) -> None:
    book.sees(look(0, DRIFT))
    book.sees(look(20, DRIFT, moving=True))
    assert book.wakes() == after(50)
    book.sees(look(49, DRIFT, settled=False, moving=True))
    assert book.wakes() == after(79)
    assert book.sees(look(50, DRIFT), look(78, DRIFT)) == []
    assert book.sees(look(79, DRIFT)) == [OPENED]


def test_a_new_revision_and_another_value_are_changes_too(book: Book) -> None:
    book.sees(look(0, DRIFT), look(10, DRIFT, revision="b" * 40))
    assert book.wakes() == after(40)
    book.sees(look(20, replace(DRIFT, observed="2 GiB"), revision="b" * 40))
    assert book.wakes() == after(50)
    assert book.sees(look(50, replace(DRIFT, observed="2 GiB"), revision="b" * 40)) == [OPENED]
    assert book.written[-1].observed == "2 GiB"


def test_no_change_puts_a_drift_off_for_more_than_a_quarter_of_an_hour(book: Book) -> None:
    told = book.sees(*(look(seconds, DRIFT, moving=True) for seconds in range(0, 900, 10)))
    assert told == [APPEARED]
    assert book.wakes() == after(900)
    assert book.sees(look(900, DRIFT, moving=True)) == [OPENED]


def test_a_container_that_is_never_up_for_long_opens_in_the_end(book: Book) -> None:
    """Up for five seconds, down for twenty, again and again: its grace begins anew each time, but not its life."""
    for cycle in range(0, 900, 25):
        book.sees(look(cycle, DRIFT, moving=True), look(cycle + 20, moving=True))
    assert {one.to_state for one in book.written} == {"pending", "resolved"}
    assert book.sees(look(900, DRIFT, moving=True)) == [("resolved", "open", "came back")]
    assert {one.episode for one in book.written} == {1}


def test_two_deployments_are_two_episodes(book: Book) -> None:
    book.sees(look(0, DRIFT), look(10), look(40, DRIFT))
    assert book.drift().episode == 2
    assert book.drift().appeared_at == after(40)
    assert book.wakes() == after(70)


def test_what_comes_back_at_once_goes_on_as_it_was(book: Book) -> None:
    book.sees(look(0, DRIFT), look(30, DRIFT), look(40))
    assert book.sees(look(60, DRIFT, settled=False)) == [("resolved", "pending", "came back")]
    assert book.sees(look(60.5, DRIFT)) == [("pending", "open", "came back")]
    assert (book.drift().episode, book.drift().opened_at, book.drift().resolved_at) == (1, after(30), None)


def test_a_commit_that_wants_something_new_at_once_is_granted_a_rollout(book: Book) -> None:
    book.sees(look(0, DRIFT), look(30, DRIFT), look(40))
    wanted = replace(DRIFT, desired="300 MiB")
    assert book.sees(look(45, wanted, sides={wanted.id: Side.GIT}, revision="b" * 40)) == [("resolved", "pending", "appeared")]
    assert book.drift(wanted).episode == 2
    assert book.sees(look(644, wanted, revision="b" * 40)) == []
    assert book.sees(look(645, wanted, revision="b" * 40)) == [("pending", "open", "grace over")]


def test_what_comes_back_later_is_a_new_episode_with_a_grace_of_its_own(book: Book) -> None:
    book.sees(look(0, DRIFT), look(30, DRIFT), look(40))
    assert book.sees(look(70, DRIFT), look(99, DRIFT)) == [("resolved", "pending", "appeared")]
    assert book.sees(look(100, DRIFT)) == [OPENED]
    assert (book.drift().episode, book.drift().opened_at) == (2, after(100))


def test_unknown_freezes(book: Book) -> None:
    book.sees(look(0, DRIFT), look(30, DRIFT), look(30, DRIFT, OTHER))
    assert book.sees(blind(60), blind(7200)) == []
    assert book.wakes() is None
    assert book.drift().state is DriftState.OPEN
    assert book.drift(OTHER).state is DriftState.PENDING


def test_what_was_pending_gets_a_whole_grace_when_it_is_seen_again(book: Book) -> None:
    """After a reboot everything is still starting, however long the host was away."""
    book.sees(look(0, DRIFT), blind(10), blind(7200))
    assert book.sees(look(7210, DRIFT)) == []
    assert book.wakes() == after(7240)
    assert book.sees(look(7239, DRIFT, moving=True)) == []
    assert book.wakes() == after(7269)
    assert book.sees(*(look(seconds, DRIFT, moving=True) for seconds in range(7240, 8110, 10))) == []
    assert book.sees(look(8110, DRIFT, moving=True)) == [OPENED]
    assert (book.written[0].since_at, book.written[1].since_at) == (after(0), after(7210))


def test_what_was_pending_and_is_back_gets_a_whole_grace_too(book: Book) -> None:
    """It was away in the first look after nobody could look for long."""
    book.sees(look(0, DRIFT), blind(10), blind(7200), look(7210))
    assert book.sees(look(7220, DRIFT)) == [("resolved", "pending", "came back")]
    assert book.wakes() == after(7250)
    assert book.sees(look(7249, DRIFT)) == []
    assert book.sees(look(7250, DRIFT)) == [OPENED]


def test_a_change_in_the_project_counts_though_a_value_cannot_be_judged(book: Book) -> None:
    hidden = UnknownValue(DRIFT.service, DRIFT.path or "", "a variable is set nowhere")
    book.sees(look(0, DRIFT, sides=GIT), look(600, unknown=(hidden,), moving=True))
    assert book.sees(look(601, DRIFT, sides=GIT)) == []
    assert book.wakes() == after(900)


def test_what_was_open_and_is_back_appeared_when_it_did(book: Book) -> None:
    """Though nobody could look right after it came back."""
    book.sees(look(0, DRIFT), look(30, DRIFT), look(40))
    book.sees(look(41, DRIFT, settled=False), blind(42), look(43, DRIFT), look(73, DRIFT))
    (drift,) = book.drifts.values()
    assert (drift.state, drift.appeared_at, drift.opened_at) == (DriftState.OPEN, after(0), after(30))


def test_a_rollout_is_not_granted_twice(book: Book) -> None:
    book.sees(look(0, DRIFT, sides=GIT), blind(300))
    book.sees(look(400, DRIFT, sides=GIT))
    assert book.wakes() == after(600)
    book.sees(blind(1000), look(1200, DRIFT, sides=GIT), look(1201, DRIFT, sides=GIT, moving=True))
    assert book.wakes() == after(1230)


def test_what_went_away_while_nobody_looked_is_resolved_on_return(book: Book) -> None:
    book.sees(look(0, DRIFT), look(30, DRIFT), look(31, DRIFT, OTHER), blind(40))
    assert book.sees(look(100)) == [MENDED, PASSED]


@pytest.mark.parametrize(
    ("service", "path", "place", "taken_in"),
    [
        ("mealie", "mem_limit", DRIFT, True),
        ("mealie", "environment", OTHER, True),
        ("mealie", "environment.*", OTHER, False),
        ("mealie", "environment.*", replace(OTHER, desired=None), True),
        ("mealie", "environment.TZ.x", OTHER, False),
        ("mealie", "env", OTHER, False),
        ("mealie", "", DRIFT, True),
        ("db", "mem_limit", DRIFT, False),
        (None, "mem_limit", DRIFT, False),
        (None, "", DRIFT, True),
        (None, "networks", finding("networks.front.driver", service=None), True),
        (None, "networks", finding("volumes.data", service=None), False),
        ("mealie", "image", finding(None, kind=Kind.MISSING), False),
        # how many there are to be tells whether there is to be one
        ("mealie", "scale", finding(None, kind=Kind.MISSING), True),
        ("mealie", "deploy.replicas", finding("scale", container=None), True),
        ("mealie", "deploy", finding(None, kind=Kind.MISSING), True),
        ("mealie", "deploy.resources", finding(None, kind=Kind.MISSING), False),
        ("mealie", "scale", DRIFT, False),
        ("mealie", "scale", finding(None, kind=Kind.UNMANAGED), False),
        (None, "networks", finding(None, kind=Kind.MISSING), False),
        # a variable in the middle of a name, and a whole key of which a part is unknown
        ("mealie", "labels.traefik.*.rule", finding("labels.traefik.http.rule", desired=None), True),
        ("mealie", "labels.traefik.*.rule", finding("labels.traefik.http.port", desired=None), False),
        ("mealie", "healthcheck.test", finding("healthcheck"), True),
        ("mealie", "healthcheck.test", finding("healthcheck.interval"), False),
        ("mealie", "ulimits.nofile.soft", finding("ulimits.nofile"), True),
    ],
)
def test_what_an_unknown_value_takes_in(service: str | None, path: str, place: Finding, taken_in: bool) -> None:
    assert covers(UnknownValue(service, path, "it is set nowhere"), place) is taken_in


def test_an_unknown_value_freezes_its_drift_alone(book: Book) -> None:
    book.sees(look(0, DRIFT, OTHER), look(30, DRIFT, OTHER))
    unknown = (UnknownValue("mealie", "environment.TZ", "TZ is set nowhere"),)
    assert book.sees(look(60, unknown=unknown)) == [MENDED]
    assert book.drift(OTHER).state is DriftState.OPEN
    assert book.sees(look(90)) == [MENDED]


def test_an_open_drift_that_changes_is_told_once(book: Book) -> None:
    book.sees(look(0, DRIFT), look(30, DRIFT))
    third = replace(DRIFT, observed="2 GiB")
    assert book.sees(look(60, third, settled=False)) == []
    assert book.sees(look(60.5, third), look(61, third)) == [("open", "open", "value changed")]
    assert book.written[-1].observed == "2 GiB"
    assert book.sees(look(62, replace(third, message="said otherwise"))) == []
    assert book.drift().finding.message == "said otherwise"


def test_behind_git_has_a_patience_of_its_own(book: Book) -> None:
    book.sees(look(0, DRIFT, sides=GIT))
    assert book.wakes() == after(600)
    assert book.sees(look(599, DRIFT, sides=GIT)) == []
    assert book.sees(look(600, DRIFT, sides=GIT)) == [OPENED]
    assert book.written[-1].side is Side.GIT


def test_a_side_stays_until_the_value_changes(book: Book) -> None:
    book.sees(look(0, DRIFT, sides=GIT), look(10, DRIFT, sides={DRIFT.id: Side.HOST}))
    assert book.drift().side is Side.GIT
    book.sees(look(20, replace(DRIFT, observed="2 GiB"), sides={DRIFT.id: Side.HOST}))
    assert book.drift().side is Side.HOST
    assert book.wakes() == after(50)


def test_each_host_and_stack_has_its_own_grace() -> None:
    patient = Patiences(Patience(30.0, {"pi5": 60.0}, {("pi5", "mealie"): 3600.0}), Patience(600.0))
    book = Book(patient)
    foreign = finding(None, kind=Kind.UNMANAGED, stack=None)
    book.sees(look(0, DRIFT, foreign, moving=True), look(60, DRIFT, foreign), look(3599, DRIFT, foreign))
    assert (book.drift(foreign).opened_at, book.drift().opened_at) == (after(60), None)
    assert book.sees(look(3600, DRIFT, foreign)) == [OPENED]


def test_without_a_grace_it_opens_with_the_first_settled_look() -> None:
    book = Book(Patiences(Patience(0.0), Patience(0.0)))
    assert book.sees(look(0, DRIFT, settled=False)) == [APPEARED]
    assert book.sees(look(0.5, DRIFT)) == [OPENED]
    assert book.sees(look(1, DRIFT, OTHER)) == [(None, "open", "appeared")]


def test_a_baseline_is_no_news(book: Book) -> None:
    assert book.sees(look(0, DRIFT, settled=False, baseline=True)) == []
    assert book.sees(look(0.5, DRIFT, baseline=True)) == [(None, "open", "already there")]
    assert book.sees(look(1, DRIFT, OTHER)) == [APPEARED]


def test_a_baseline_hurries_nothing_that_is_pending(book: Book) -> None:
    book.sees(look(0, DRIFT))
    assert book.sees(look(10, DRIFT, baseline=True)) == []


def test_what_ended_a_drift(book: Book) -> None:
    book.sees(look(0, DRIFT), look(30, DRIFT), look(30, DRIFT, OTHER), look(60, DRIFT, OTHER))
    assert book.sees(look(90, OTHER, ignored=(DRIFT,))) == [("open", "resolved", "ignored from now on")]
    assert book.sees(look(99, revision="b" * 40)) == [("open", "resolved", "adopted by Git")]


def test_an_acceptance_ends_with_its_date_or_its_value(book: Book) -> None:
    book.sees(look(0, DRIFT, OTHER), look(30, DRIFT, OTHER))
    for one in (DRIFT, OTHER):
        accepted = Acceptance(after(31), one.observed, until=after(600))
        book.drifts[one.id] = replace(book.drift(one), acceptance=accepted)
    assert book.sees(look(60, DRIFT, OTHER)) == []
    assert book.wakes() == after(600)
    assert book.sees(look(90, DRIFT, replace(OTHER, observed="Asia/Tokyo"))) == [("open", "open", "value changed")]
    assert book.drift(OTHER).acceptance is None
    assert book.sees(look(600, DRIFT, replace(OTHER, observed="Asia/Tokyo"))) == [("open", "open", "acceptance over")]
    assert book.wakes() is None


def test_the_end_of_an_acceptance_says_what_was_accepted(book: Book) -> None:
    accepted = Acceptance(after(31), DRIFT.observed, until=after(600), reason="new disk")
    book.sees(look(0, DRIFT), look(30, DRIFT))
    book.drifts[DRIFT.id] = replace(book.drift(), acceptance=accepted)
    book.sees(look(60, DRIFT), look(90))
    assert book.sees(look(700, DRIFT), look(730, DRIFT)) == [("resolved", "pending", "appeared"), OPENED]
    assert book.drift().acceptance is None
    assert [one.cause for one in book.written] == [None, None, {ACCEPTED: accepted.document}, None, None]
    assert Acceptance.of(accepted.document).document == accepted.document


def test_what_brought_it_about_stands_though_git_wants_something_else_meanwhile(book: Book) -> None:
    """Nothing has happened to the container since, and that says nothing of what had happened to it before."""
    update, nothing = {"kind": "docker-update", "text": "`docker update`"}, {"kind": "unknown", "text": "not known: it was so"}
    by_host = {DRIFT.id: Side.HOST}
    book.sees(look(0, DRIFT, sides=by_host, causes={DRIFT.id: update}), look(30, DRIFT))
    wanted = replace(DRIFT, desired="a third value")
    assert book.sees(look(60, wanted, sides=by_host, causes={DRIFT.id: nothing})) == [("open", "open", "value changed")]
    assert book.drift().cause == update
    seen = replace(wanted, observed="a fourth value")
    book.sees(look(90, seen, sides=by_host, causes={DRIFT.id: nothing}))
    assert book.drift().cause == nothing


def test_another_word_for_what_is_missing_ends_no_acceptance(book: Book) -> None:
    gone = finding(None, kind=Kind.MISSING, observed="exited (137)", desired=None)
    book.sees(look(0, gone), look(30, gone))
    book.drifts[gone.id] = replace(book.drift(gone), acceptance=Acceptance(after(31), gone.observed))
    assert book.sees(look(60, replace(gone, observed="restarting"))) == [("open", "open", "value changed")]
    assert book.drift(gone).acceptance is not None


def test_a_clock_that_is_set_back_makes_no_nonsense(book: Book) -> None:
    book.sees(look(3600, DRIFT), look(3630, DRIFT), look(3630, DRIFT, OTHER))
    assert book.sees(look(10, DRIFT, OTHER)) == []
    assert book.wakes() == after(40)
    assert book.sees(look(40, DRIFT, OTHER)) == [OPENED]
    book.sees(look(50))
    for one in (DRIFT, OTHER):
        drift = book.drift(one)
        assert drift.resolved_at is not None
        assert drift.opened_at is not None
        assert drift.appeared_at <= drift.opened_at <= drift.resolved_at


def test_one_place_found_twice_is_one_drift(book: Book) -> None:
    twin = replace(DRIFT, container="twin", observed="2 GiB")
    assert book.sees(look(0, DRIFT, twin), look(30, twin, DRIFT), look(60, DRIFT, twin)) == [APPEARED, OPENED]


def test_a_finding_of_another_key_is_refused() -> None:
    with pytest.raises(ValueError, match="other"):
        decide((), look(0, finding(project="other")), PATIENCES)


def test_what_belongs_to_no_project_has_a_key_too() -> None:
    foreign = finding(None, kind=Kind.UNMANAGED, stack=None, project=None, service=None)
    decision = decide((), replace(look(0, foreign), key=ProjectKey("pi5", "")), PATIENCES)
    assert [drift.key for drift in decision.drifts] == [ProjectKey("pi5", "")]


def test_the_same_look_again_gives_nothing(book: Book) -> None:
    back = look(60, DRIFT, settled=False, moving=True)
    book.sees(look(0, DRIFT), look(30, DRIFT), look(40), back)
    before = book.drift()
    assert book.sees(back) == []
    assert book.drift() == before
