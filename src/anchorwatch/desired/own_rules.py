"""Standing rules that the repo brings itself: `.anchorwatch.yml` at its top, read at the commit that is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchorwatch.errors import Mistake

if TYPE_CHECKING:
    from anchorwatch.config.own_rules import OwnRules
    from anchorwatch.desired.files import Files

FILE = ".anchorwatch.yml"


def read_rules(files: Files) -> OwnRules | None:
    """What the repo wants ignored, and what is wrong with how it says so; None where it has no such file.

    Raises `RepoError` where nothing can be read at all.
    """
    if FILE not in files.paths():
        return None
    from anchorwatch.config.own_rules import OwnRules, parse_rules

    content = files.read([FILE]).get(FILE)
    if content is None:
        return OwnRules(mistakes=(Mistake(FILE, None, "", files.unread(FILE) or "cannot be read"),))
    return parse_rules(FILE, content)
