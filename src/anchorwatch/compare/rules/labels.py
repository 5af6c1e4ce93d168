"""Labels, Git's over the image's, and annotations. What Compose and Docker Desktop write themselves is left aside."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ_maps
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.rules.inheritance import inherited_names
from anchorwatch.model.observed import LABEL


def foreign(name: str) -> bool:
    """Whether Compose or Docker Desktop writes such a label by itself."""
    return name.startswith((LABEL, "desktop.docker.io/"))


def _differences(pair: Pair) -> Iterator[Difference]:
    want = {name: "" if value is None else value for name, value in (pair.wanted.get("labels") or {}).items()}
    have = pair.container.labels
    inherited = pair.inherited.get("Labels") or {}
    inherited = {name: value for name, value in inherited.items() if not foreign(name)}
    yield from inherited_names(pair, "labels", want, have, inherited, foreign)
    if pair.host.api >= (1, 43):  # older engines drop annotations without a word
        yield from differ_maps("annotations", pair.wanted.get("annotations") or {}, pair.host_config.get("Annotations") or {})


RULE = Rule(
    name="labels",
    keys={
        "labels": ".Config.Labels over the image's",
        "label_file": "as part of `labels`",
        "annotations": ".HostConfig.Annotations (API 1.43 or newer)",
    },
    differences=_differences,
)
