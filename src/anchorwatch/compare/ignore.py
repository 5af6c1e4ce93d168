"""Standing rules of the config: findings that are nobody's concern."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from anchorwatch.model.findings import Finding
from anchorwatch.model.observed import Container
from anchorwatch.model.settings import IgnoreRule
from anchorwatch.model.values import plain


def ignored_by(finding: Finding, container: Container | None, rules: Sequence[IgnoreRule]) -> IgnoreRule | None:
    """The first rule of which every given glob fits the finding; None where no rule does."""
    return next((rule for rule in rules if _fits(finding, container, rule)), None)


def _fits(finding: Finding, container: Container | None, rule: IgnoreRule) -> bool:
    checks: list[bool] = []
    stack = f"{finding.host}/{finding.stack}" if finding.stack is not None else None
    if rule.stack is not None:
        checks.append(_glob(finding.stack, rule.stack) or _glob(stack, rule.stack))
    if rule.kind is not None:
        checks.append(finding.kind == rule.kind)
    if rule.image is not None:
        checks.append(container is not None and _glob(container.config.get("Image"), rule.image))
    if rule.label is not None:
        checks.append(container is not None and _label(container, rule.label))
    for value, glob in (
        (finding.host, rule.host),
        (finding.service, rule.service),
        (finding.container, rule.container),
        (finding.project, rule.project),
        (finding.path, rule.path),
    ):
        if glob is not None:
            checks.append(_glob(value, glob))
    return bool(checks) and all(checks)


def _glob(value: str | None, glob: str) -> bool:
    return value is not None and fnmatchcase(value, glob)


def _label(container: Container, wanted: str) -> bool:
    name, equals, glob = wanted.partition("=")
    for label, value in container.labels.items():
        if fnmatchcase(label, name) and (not equals or fnmatchcase(str(plain(value)), glob)):
            return True
    return False
