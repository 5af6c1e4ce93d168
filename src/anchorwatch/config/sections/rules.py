"""`ignore` and `severity`: standing rules over what a check finds."""

from __future__ import annotations

from typing import Annotated

from anchorwatch.config.sections.fields import NameGlob, Section, Text, setting, word
from anchorwatch.model.findings import Kind, Severity
from anchorwatch.model.settings import IgnoreRule, SeverityRule

SEVERITIES = tuple(str(severity) for severity in Severity)
SeverityWord = Annotated[str, *word(SEVERITIES, "severity")]


class IgnoreSection(Section):
    """Findings that every glob given here fits are counted as ignored, and shown nowhere else. `*` fits any characters."""

    host: NameGlob | None = setting(None, meaning="The host's name.", example="pi5")
    stack: NameGlob | None = setting(None, meaning="The stack's name, or `host/stack`.", example="pi5/media-*")
    service: NameGlob | None = setting(None, meaning="The service.", example="watchtower")
    container: NameGlob | None = setting(None, meaning="The container's name.", example="buildx_*")
    image: NameGlob | None = setting(
        None, meaning="The image that the container was made from, as it was named.", example="ghcr.io/me/*"
    )
    label: NameGlob | None = setting(
        None, meaning="A label of the container: `name`, or `name=value`.", example="managed-by=portainer"
    )
    project: NameGlob | None = setting(None, meaning="The Compose project.", example="dev-*")
    kind: Annotated[str, *word(tuple(Kind), "kind of drift")] | None = setting(
        None, meaning="`missing`, `unmanaged` or `changed`.", example="unmanaged"
    )
    path: NameGlob | None = setting(None, meaning="The Compose key.", example="environment.*")
    because: Text | None = setting(None, meaning="Why, for whoever finds the rule in a year.", example="updates itself")

    def rule(self) -> IgnoreRule:
        """The frozen value."""
        globs = {key: value for key, value in self if key not in ("because", "kind")}
        return IgnoreRule(because=self.because or "", kind=Kind(self.kind) if self.kind else None, **globs)


class SeveritySection(Section):
    """Gives the findings at a path another severity than the one that their blast radius gives them; the last that fits wins."""

    path: NameGlob = setting(meaning="A glob over Compose keys.", example="labels.*")
    is_: SeverityWord = setting(alias="is", meaning="`info`, `warning` or `critical`.", example="info")

    def rule(self) -> SeverityRule:
        """The frozen value."""
        return SeverityRule(path=self.path, severity=severity(self.is_))


def severity(name: str) -> Severity:
    """The severity that is called `name`."""
    return Severity[name.upper()]
