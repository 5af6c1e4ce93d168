"""Documents as they come back from the database, made ready to be shown. Pure.

A secret was stored as its fingerprint; it is shown as reports show every secret, `•••• (3fa1)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anchorwatch.model.values import Json

FOLLOWS = ("Labels.com.docker.compose.", "Config.Hostname")
"""Where a container's configuration says what is new each time it is made, or what follows from the rest."""


def unsealed(document: Json) -> Json:
    """`document` with its secrets, and the texts of which only a part is one, as reports show them."""
    if isinstance(document, Mapping):
        if document.keys() == {"secret"} and isinstance(document["secret"], str):
            return f"•••• ({document['secret'][:4]})"
        if document.keys() == {"parts"} and isinstance(document["parts"], list):
            return "".join(_part(part) for part in document["parts"])
        return {key: unsealed(value) for key, value in document.items()}
    if isinstance(document, list):
        return [unsealed(value) for value in document]
    return document


def leaves(document: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a document that say something (not null, empty, zero or false), each with the way to it."""
    if isinstance(document, Mapping):
        for key in sorted(document):
            yield from leaves(document[key], f"{path}.{key}" if path else str(key))
    elif isinstance(document, list):
        if document and all(not isinstance(one, Mapping | list) for one in document):
            yield path, " ".join(str(one) for one in document)
        else:
            for number, one in enumerate(document):
                yield from leaves(one, f"{path}.{number}")
    elif document not in (None, "", 0, False):
        yield path, document


def _part(part: Json) -> str:
    if isinstance(part, Mapping) and "unknown" in part:
        return f"${{{part['unknown']}}}"
    return str(unsealed(part))
