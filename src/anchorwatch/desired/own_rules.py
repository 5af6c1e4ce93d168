"""Standing rules that the repo brings itself: `.anchorwatch.yml` at its top, read at the commit that is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from anchorwatch.errors import Mistake
from anchorwatch.model.settings import IgnoreRule, Policy

if TYPE_CHECKING:
    from anchorwatch.config.own_rules import OwnRules
    from anchorwatch.desired.files import Files

FILE = ".anchorwatch.yml"


def read_rules(files: Files) -> OwnRules:
    """What the repo wants ignored, and what is wrong with how it says so; nothing where it has no such file.

    Raises `RepoError` where nothing can be read at all.
    """
    from anchorwatch.config.own_rules import OwnRules, parse_rules

    if FILE not in files.paths():
        return OwnRules()
    content = files.read([FILE]).get(FILE)
    if content is None:
        return OwnRules(mistakes=(Mistake(FILE, None, "", files.unread(FILE) or "cannot be read"),))
    return parse_rules(FILE, content)


def with_rules(policy: Policy, rules: tuple[IgnoreRule, ...]) -> Policy:
    """The policy of a host, with the repo's rules behind those of the config."""
    return replace(policy, ignore=(*policy.ignore, *rules)) if rules else policy
