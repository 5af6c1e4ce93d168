"""The contract's JSON, for scripts: complete, nothing cut, and harmless if it lands on a terminal all the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anchorwatch.reports.build import check_document

if TYPE_CHECKING:
    from anchorwatch.model.report import CheckReport

_CONSPICUOUS = re.compile(r"[^\x20-\x7e\n]")


def write(report: CheckReport) -> str:
    """The object of the contract."""
    return dumps(check_document(report))


def dumps(document: Mapping[str, Any]) -> str:
    """`document` as indented JSON. Characters that are not to be seen as themselves are written as `\\uXXXX`."""
    return _CONSPICUOUS.sub(_escaped, json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]  # DEL is the one that `json` leaves alone
