"""The years that the benchmark makes are what the service would have written: sound, and told alike by every table."""

from __future__ import annotations

from datetime import timedelta

from bench.fleet_history import Size, generate

from anchorwatch.model.log import Wanted
from anchorwatch.store import Store, drift_spans, moment, search
from anchorwatch.store.tables.columns import moment as time_of
from tests.store.places import Place

UNRESOLVED = """
    SELECT d.name, t.to_state FROM drifts d JOIN transitions t ON t.id = (
        SELECT id FROM transitions WHERE drift_id = d.id AND at <= {at} ORDER BY at DESC, id DESC LIMIT 1)
    WHERE t.to_state <> 'resolved'
"""


def test_every_table_tells_the_same(sqlite_place: Place) -> None:
    sqlite_place.folder.mkdir()
    counts = generate(sqlite_place.url, Size(transitions=3000, hosts=2, years=1))
    assert sqlite_place.sound()
    ((begin, end, told),) = sqlite_place.rows("SELECT min(at), max(at), count(*) FROM transitions")
    assert told == counts["transitions"]
    with Store.open_to_read(sqlite_place.url) as store:
        for share in range(1, 20):
            at = begin + (end - begin) * share // 20
            expected = {name: state for name, state in sqlite_place.rows(UNRESOLVED.format(at=at))}  # noqa: C416 - typed rows
            with store.read() as read:
                found = drift_spans.at(read, time_of(at))
                facts = moment.then(read, time_of(at))
            assert {one.id: one.state.value for one in found} == expected
            assert (len(facts.stacks), len(facts.containers)) == (20, 40)
        with store.read() as read:
            wanted = Wanted(since=time_of(end) - timedelta(days=7))
            assert search.transitions(read, search.scope(read, wanted))


def test_the_same_years_again_and_again(sqlite_place: Place) -> None:
    sqlite_place.folder.mkdir()
    generate(sqlite_place.url, Size(transitions=1000, hosts=1, years=1, times=3))
    assert sqlite_place.sound()
    ((begin, end),) = sqlite_place.rows("SELECT min(at), max(at) FROM transitions")
    assert timedelta(days=1080) < time_of(end) - time_of(begin) < timedelta(days=1100)
    with Store.open_to_read(sqlite_place.url) as store:
        for share in range(1, 20):
            with store.read() as read:
                facts = moment.then(read, time_of(begin + (end - begin) * share // 20))
            assert (len(facts.stacks), len(facts.containers)) == (10, 20)
            assert facts.run is not None
