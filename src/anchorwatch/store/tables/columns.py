"""What the columns of all tables are made of: types that say the same on SQLite and on PostgreSQL, and names for constraints.

Times are integers: microseconds since 1970 in UTC. They sort right everywhere, keep the microsecond on both databases, and take
8 bytes where a text takes 26 (docs/decisions/0004-times-are-microseconds.md).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from sqlalchemy import BigInteger, Dialect, Enum, Integer, MetaData, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, mapped_column

from anchorwatch.model.values import JsonObject
from anchorwatch.store.documents import document_of, text_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

E = TypeVar("E", bound=StrEnum)


def microseconds(at: datetime) -> int:
    """`at` as the tables have it. Raises `ValueError` for a time without a time zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return (at - EPOCH) // MICROSECOND


def moment(number: int) -> datetime:
    """The time behind a number of microseconds."""
    return EPOCH + number * MICROSECOND


class Instant(TypeDecorator[datetime]):
    """A moment, in UTC, to the microsecond."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Microseconds since 1970."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        return None if value is None else moment(value)


class Seconds(TypeDecorator[float]):
    """A duration: microseconds in the table, seconds in Python."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> int | None:
        """Whole microseconds."""
        return None if value is None else round(value * 1e6)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> float | None:
        """Seconds."""
        return None if value is None else value / 1e6


class Words(TypeDecorator[str]):
    """A text from outside, which may hold anything. What no database takes is written as `\\x00` or `\\udc80`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text without NUL (PostgreSQL refuses it) and without lone surrogates (which are no UTF-8)."""
        return None if value is None else storable(value)


class Label(Words):
    """A text from outside that rows are looked up by, cut where it is longer than any that is meant.

    PostgreSQL refuses an index entry of more than 2,704 bytes (https://www.postgresql.org/docs/current/btree.html).
    """

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as `label` makes it."""
        return None if value is None else label(value)


class Document(TypeDecorator[JsonObject]):
    """A JSON object; see `store/documents.py` for what becomes of secrets in it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: JsonObject | None, dialect: Dialect) -> str | None:
        """Its canonical text."""
        return None if value is None else text_of(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> JsonObject | None:
        """The document as it was stored."""
        return None if value is None else document_of(value)


def storable(text: str) -> str:
    """`text` as `Words` keeps it; storing it again changes nothing."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def label(text: str) -> str:
    """`text` as `Label` keeps it; doing so again changes nothing. Two texts that differ still do."""
    kept = storable(text)
    if len(kept) <= _LONGEST:
        return kept
    return f"{kept[: _LONGEST - 34]}… {hashlib.sha256(kept.encode()).hexdigest()[:32]}"


_LONGEST = 500


def word(values: type[E], name: str) -> Enum:
    """The type of a column that holds the value of one of `values`, checked by the database too. `name` names the constraint."""
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


BIG = BigInteger().with_variant(Integer, "sqlite")
"""A number that may become large. SQLite gives numbers of its own only to a column that is called INTEGER."""

Key = Annotated[int, mapped_column(BIG, primary_key=True)]
Time = Annotated[datetime, mapped_column(Instant)]
Said = Annotated[str, mapped_column(Words)]
Called = Annotated[str, mapped_column(Label)]
Json = Annotated[JsonObject, mapped_column(Document)]


class Row(DeclarativeBase):
    """What all tables have in common: every constraint has a name, so that a later migration can find it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
