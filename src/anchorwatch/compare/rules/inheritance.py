"""Names with values that a container has from Git and from its image: environment variables and labels.

Not a rule: what the rules for the two share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from anchorwatch.compare.difference import Difference, same
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json, Template, Unknown


def inherited_names(
    pair: Pair,
    prefix: str,
    want: Mapping[str, Json],
    have: Mapping[str, Json],
    inherited: Mapping[str, Json],
    added: Callable[[str], bool],
) -> Iterator[Difference]:
    """Differences between `want` over `inherited` and `have`, names for which `added` is true left aside.

    Where the image is gone, a name that only the container has may come from it, and is not judged.
    """
    for name, value in want.items():
        if name not in have:
            yield Difference(f"{prefix}.{name}", "" if value is None else value, None)
        elif not (same(value, have[name]) or (have[name] is None and _hangs_on_one_variable(value))):
            yield Difference(f"{prefix}.{name}", value, have[name])
    for name, value in inherited.items():
        if name not in want and not same(value, have.get(name)):
            yield Difference(f"{prefix}.{name}", value, have.get(name))
    extra = {name: value for name, value in have.items() if name not in want and name not in inherited and not added(name)}
    if extra and pair.without_image:
        yield Difference(f"{prefix}.*", None, ", ".join(extra), unjudged=pair.without_image)
        for name, value in extra.items():  # it may have differed from what the image said
            yield Difference(f"{prefix}.{name}", None, value, unseen=pair.without_image)
        return
    for name, value in extra.items():
        yield Difference(f"{prefix}.{name}", None, "" if value is None else value)


def _hangs_on_one_variable(value: Json) -> bool:
    """Whether it is `NAME:` without a value: a bare name in the container says that it was set nowhere there either."""
    return isinstance(value, Template) and all(isinstance(part, Unknown) for part in value.parts)
