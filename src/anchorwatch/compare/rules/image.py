"""The image a container was made from: compared as the text that Compose handed to the engine, without normalising.

That the host has a newer build under the same tag is a note: Compose itself would leave the container alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, same
from anchorwatch.compare.pair import Pair
from anchorwatch.model.observed import familiar
from anchorwatch.model.values import Text, reveal


def _differences(pair: Pair) -> Iterator[Difference]:
    want: Text = pair.wanted.get("image") or _built_name(pair)
    have = pair.config.get("Image")
    if not same(want, have):
        yield Difference("image", want, have)
    elif isinstance(have, str):
        yield from _digest(pair, have)
        yield from _older_build(pair, have)
    yield from _platform(pair)


def _built_name(pair: Pair) -> str:
    """`<project>-<service>`, or with `_` in compatibility mode, which only the container tells."""
    underscored = f"{pair.project.name}_{pair.service.name}"
    return underscored if pair.config.get("Image") == underscored else f"{pair.project.name}-{pair.service.name}"


def _digest(pair: Pair, reference: str) -> Iterator[Difference]:
    _, at, digest = reference.partition("@")
    digests = pair.image.digests if pair.image is not None else ()
    if at and digests and not any(known.endswith("@" + digest) for known in digests):
        yield Difference("image", reference, digests[0])
    elif at and not digests:
        yield Difference("image", reference, reference, unseen=pair.without_image or "the image does not say its digest")


def _older_build(pair: Pair, reference: str) -> Iterator[Difference]:
    current = pair.host.snapshot.image_ids.get(familiar(reference))
    if current is not None and current != pair.container.image_id:
        text = f"runs an older build of {reference} than the host has under that tag"
        yield Difference("image", reference, reference, note=text)


def _platform(pair: Pair) -> Iterator[Difference]:
    """`platform` is not shown by a container; its image tells the architecture."""
    platform, image = pair.wanted.get("platform"), pair.image
    if not platform:
        return
    if image is None or not image.architecture:
        yield Difference("platform", platform, None, unseen=pair.without_image or "the image does not say its platform")
        return
    system, _, rest = reveal(platform).partition("/")
    architecture, _, _ = rest.partition("/")
    aliases = {"x86_64": "amd64", "aarch64": "arm64", "armhf": "arm", "x86-64": "amd64"}
    wanted = aliases.get(architecture, architecture)
    if (wanted and wanted != image.architecture) or (image.os and system != image.os):
        have = "/".join(piece for piece in (image.os, image.architecture, image.variant) if piece)
        yield Difference("platform", platform, have)


RULE = Rule(
    name="image",
    keys={
        "image": ".Config.Image, and the image by its ID",
        "platform": "architecture and system of the image",
    },
    differences=_differences,
)
