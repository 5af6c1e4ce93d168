"""Documents: equal ones have one text, whatever the order of their keys, and no secret is in any."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.model.values import Secret, Template, Unknown
from anchorwatch.store.documents import hash_of, stored, text_of
from anchorwatch.store.tables.columns import label, microseconds, moment, storable

leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(allow_nan=False, allow_infinity=False)
times = st.datetimes(timezones=st.timezones())
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


def turned(document: Any) -> Any:
    """The same with all keys in the other order, in other kinds of mapping."""
    if isinstance(document, dict):
        return MappingProxyType({key: turned(value) for key, value in reversed(document.items())})
    return tuple(turned(one) for one in document) if isinstance(document, list) else document


@given(st.dictionaries(st.text(), documents))
def test_comes_back_as_it_was(document: dict[str, Any]) -> None:
    assert stored(document) == document
    assert text_of(turned(document)) == text_of(document)
    assert text_of(stored(document)) == text_of(document)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert stored({"text": text}) == {"text": text}
    text_of({text: text}).encode("ascii")


@given(st.text(), st.text())
def test_no_secret_stays(one: str, other: str) -> None:
    secret = Secret(f"canary {one}")
    template = Template(("plain", secret, Unknown("X")))
    for value in (secret, template, [secret], ({"a": {"b": secret}},), MappingProxyType({"a": secret})):
        text = text_of({"value": value})
        assert "canary" not in text
        assert secret.fingerprint in text
    same = hash_of(text_of({"value": secret})) == hash_of(text_of({"value": Secret(f"canary {other}")}))
    assert same == (one == other)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), object(), b"bytes"])
def test_what_is_no_json_is_refused(wrong: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        text_of({"value": wrong})


def test_a_secret_is_no_key() -> None:
    with pytest.raises(TypeError):
        text_of({Secret("canary"): 1})


@given(st.text(st.characters(exclude_categories=())))
def test_texts_are_made_storable_once(text: str) -> None:
    kept = storable(text)
    assert "\0" not in kept
    kept.encode("utf-8")
    assert storable(kept) == kept
    assert label(label(text)) == label(text)


@given(st.text(min_size=500, max_size=700), st.text(min_size=1, max_size=3))
def test_long_labels_that_differ_stay_different(text: str, more: str) -> None:
    assert label(text) != label(text + more)
    assert len(label(text + more)) <= 500


@given(times, times)
def test_times_come_back_to_the_microsecond_and_sort(one: datetime, other: datetime) -> None:
    """In UTC: Python calls a local time that an hour of summer swallowed equal to nothing (PEP 495)."""
    assert moment(microseconds(one)) == one.astimezone(UTC)
    assert (microseconds(one) < microseconds(other)) == (one.astimezone(UTC) < other.astimezone(UTC))
