"""Symlinks within a repo, resolved by their text alone: nothing is opened, and nothing outside is ever reached.

People link shared stacks and env files from one host's folder into another. Such a link stands for what it points at;
whatever leads out of the repo (an absolute path, too many `..`), leads nowhere or in circles stays what it is: a symlink,
which nobody reads.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace

from anchorwatch.desired.files import Entry

MAX_HOPS = 40
"""As Linux has it (path_resolution(7))."""
MAX_ADDED = 20_000
"""So many entries may linked folders add; a link above that stays a symlink."""


def follow(entries: Mapping[str, Entry], texts: Mapping[str, str]) -> dict[str, Entry]:
    """The entries with every link that stays within the repo replaced by what it stands for; `texts` are the links' texts."""
    if not texts:
        return dict(sorted(entries.items()))
    folders = _folders(entries)
    result = {path: entry for path, entry in entries.items() if path not in texts}
    added = 0
    for link, text in texts.items():
        target = _resolve(link, texts, folders)
        found = [] if target is None else _standing_for(link, target, entries, folders, texts)
        if not found or added + len(found) > MAX_ADDED:
            result[link] = replace(entries[link], real=text)
            continue
        added += len(found)
        result.update(found)
    return dict(sorted(result.items()))


def _standing_for(
    link: str, target: str, entries: Mapping[str, Entry], folders: Mapping[str, list[str]], texts: Mapping[str, str]
) -> list[tuple[str, Entry]]:
    if target in entries:
        return [(link, replace(entries[target], real=target))] if entries[target].kind == "file" else []
    if (link + "/").startswith(target + "/") or not target:
        return []  # a folder that holds the link itself: it would go on for ever
    found = []
    for path in folders.get(target, ()):
        real = _resolve(path, texts, folders) if path in texts else path
        if real is not None and real in entries and entries[real].kind == "file":
            found.append((link + path[len(target) :], replace(entries[real], real=real)))
    return found


def _folders(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    below: dict[str, list[str]] = {}
    for path in entries:
        end = path.rfind("/")
        while end > 0:
            below.setdefault(path[:end], []).append(path)
            end = path.rfind("/", 0, end)
    return below


def _resolve(path: str, texts: Mapping[str, str], folders: Container[str]) -> str | None:
    """Where a path leads when every link on the way is followed; None where it leaves the repo or goes in circles."""
    waiting = path.split("/")[::-1]
    done: list[str] = []
    hops = 0
    while waiting:
        segment = waiting.pop()
        if segment in ("", ".", ".."):
            if done and "/".join(done) not in folders:
                return None  # the kernel asks for a folder there, and a file is none
            if segment == "..":
                if not done:
                    return None
                done.pop()
            continue
        done.append(segment)
        text = texts.get("/".join(done))
        if text is not None:
            hops += 1
            if hops > MAX_HOPS or text.startswith("/") or not text:
                return None
            done.pop()
            waiting.extend(text.split("/")[::-1])
    return "/".join(done)
