"""Every key of the Compose specification is claimed once: the rules are held against the schema inside Compose itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from anchorwatch.compare.reference import reference
from anchorwatch.compare.resources import KEYS
from anchorwatch.compare.rules import NOT_COMPARED, RULES
from tests.compare.spec_schema import embedded_schema, leaf_keys

CLAIMS = [(key, rule.name) for rule in RULES for key in rule.keys] + [(key, "not compared") for key in NOT_COMPARED]
STRUCTURED = ("networks.*", "ports[]", "volumes[]", "healthcheck", "blkio_config", "deploy")
"""Keys with members of their own: each member needs a claim, a claim of the whole does not count for it."""


def claims_of(leaf: str) -> list[tuple[str, str]]:
    """The claims of the most specific key that covers a leaf."""
    covering = [(key, owner) for key, owner in CLAIMS if leaf == key or leaf.startswith((f"{key}.", f"{key}["))]
    longest = max((len(key) for key, _ in covering), default=0)
    return [(key, owner) for key, owner in covering if len(key) == longest]


@pytest.fixture(params=["oldest_compose", "newest_compose"])
def service_leaves(request: pytest.FixtureRequest) -> set[str]:
    compose = request.getfixturevalue(request.param)
    return set(leaf_keys(embedded_schema(Path(compose.program)), "service"))


def test_each_key_of_a_service_is_claimed_exactly_once(service_leaves: set[str]) -> None:
    assert len(service_leaves) > 200
    counts = {leaf: len(claims_of(leaf)) for leaf in service_leaves}
    assert {leaf: count for leaf, count in counts.items() if count != 1} == {}


def test_members_of_structured_keys_are_claimed_one_by_one(service_leaves: set[str]) -> None:
    members = {leaf for leaf in service_leaves if leaf.startswith(tuple(f"{key}." for key in STRUCTURED))}
    assert members
    assert [leaf for leaf in members if claims_of(leaf)[0][0] in {"networks", *STRUCTURED}] == []


@pytest.mark.parametrize(("section", "definition"), [(name, name.removesuffix("s")) for name in KEYS])
def test_each_key_at_the_top_level_is_listed(newest_compose: object, section: str, definition: str) -> None:
    leaves = set(leaf_keys(embedded_schema(Path(newest_compose.program)), definition))  # type: ignore[attr-defined]
    assert leaves
    assert [leaf for leaf in leaves if not covered(leaf, KEYS[section])] == []


def covered(leaf: str, keys: Iterable[str]) -> bool:
    return any(leaf == key or leaf.startswith((f"{key}.", f"{key}[")) for key in keys)


def test_the_reference_in_the_docs_is_current() -> None:
    assert Path("docs/compared.md").read_text() == reference()
