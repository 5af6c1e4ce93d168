"""The reference of what is compared: `docs/compared.md`, written from the rules themselves.

`python -m anchorwatch.compare.reference` prints it; a test holds the file against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from anchorwatch.compare.resources import KEYS
from anchorwatch.compare.rules import NOT_COMPARED, NOT_OBSERVABLE, RULES

_HEAD = """# What is compared

Written by `python -m anchorwatch.compare.reference`; do not edit.

Each key of the Compose specification is *compared* with what the engine shows of the container (the paths are those of
`docker inspect`), is *not observable* (it leaves no trace that the engine would show: anchorwatch then never says that it
is fine; where Compose hashes it, a change shows as a note), or is left aside for the reason given.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    compared = {key: (rule.name, shown) for rule in RULES for key, shown in rule.keys.items()}
    rows = [(key, "compared", shown) for key, (_, shown) in compared.items()]
    rows += [(key, *_verdict(reason)) for key, reason in NOT_COMPARED.items()]
    lines = [_HEAD, "## Services", "", *_table(rows)]
    for section, keys in KEYS.items():
        lines += ["", f"## Top level: {section}", "", *_table([(key, *_verdict(shown)) for key, shown in keys.items()])]
    lines += ["", "## Without a key in Compose", "", *_engine_only()]
    return "\n".join(lines) + "\n"


def _verdict(shown: str) -> tuple[str, str]:
    if shown.startswith(NOT_OBSERVABLE):
        return "not observable", shown.removeprefix(NOT_OBSERVABLE)
    return ("compared" if shown.startswith(".") or " of that name" in shown else "left aside"), shown


def _table(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    yield "| key | verdict | with what, or why |"
    yield "|---|---|---|"
    for key, verdict, shown in sorted(rows):
        yield f"| `{key}` | {verdict} | {shown} |"


def _engine_only() -> Iterator[str]:
    names: Mapping[str, str] = {
        "auto_remove": ".HostConfig.AutoRemove (`docker run --rm`)",
        "cpuset_mems": ".HostConfig.CpusetMems (`docker update --cpuset-mems`)",
        "kernel_memory": ".HostConfig.KernelMemory (`docker update --kernel-memory`)",
        "publish_all_ports": ".HostConfig.PublishAllPorts (`docker run -P`)",
    }
    yield "Some things that `docker run` and `docker update` can set Compose has no key for; they are reported under these names."
    yield ""
    yield from _table([(name, "compared", shown) for name, shown in names.items()])


if __name__ == "__main__":
    print(reference(), end="")
