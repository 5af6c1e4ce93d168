"""Documents as the database keeps them: canonical JSON text, with nothing of a secret in it but its fingerprint.

This is the last door: whatever a caller hands over, a `Secret` or `Template` leaf becomes `{"secret": fingerprint}` or
`{"parts": […]}` here, so no document with a secret in it can be stored. Two documents are equal if and only if their texts are;
the text of a secret is the same as long as the key of the fingerprints is.

ASCII only, so that a NUL (which stands in the paths of `model/desired.py`, and which PostgreSQL refuses in a text) and a byte
that is no UTF-8 come back as they went in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from anchorwatch.model.values import Json, JsonObject, Secret, Template, Unknown

HASH_LENGTH = 32
"""Hexadecimal digits of a document's hash: 128 bits."""


def text_of(document: Json) -> str:
    """The canonical text of `document`: keys sorted, no blanks. Raises `ValueError` or `TypeError` for what is no JSON."""
    return _encode(document)


def document_of(text: str) -> Any:
    """The document behind a text."""
    return json.loads(text)


def stored(document: JsonObject) -> JsonObject:
    """`document` as it comes back out of the database."""
    value: JsonObject = document_of(text_of(document))
    return value


def hash_of(text: str) -> str:
    """What tells one document from another: the beginning of the SHA-256 of its text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:HASH_LENGTH]


def _storable(value: Json) -> Json:
    """Whatever `json` does not know by itself."""
    if isinstance(value, Secret):
        return {"secret": value.fingerprint}
    if isinstance(value, Template):
        return {"parts": [_part(part) for part in value.parts]}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} has no place in a document")


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, default=_storable).encode


def _part(part: str | Secret | Unknown) -> Json:
    return part if isinstance(part, str | Secret) else {"unknown": part.variable}
