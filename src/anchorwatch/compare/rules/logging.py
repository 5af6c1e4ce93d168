"""The logging driver and its options. The engine merges its own `log-opts` into containers that use its own driver."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ, same
from anchorwatch.compare.notation import texts
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import plain


def _differences(pair: Pair) -> Iterator[Difference]:
    wanted = pair.wanted.get("logging") or {}
    log = pair.host_config.get("LogConfig") or {}
    driver, own_driver = log.get("Type") or None, pair.host.info.get("LoggingDriver")
    if wanted.get("driver"):
        yield from differ("logging.driver", wanted["driver"], driver)
    elif driver != own_driver:
        yield Difference("logging.driver", None, driver, default=("logging.driver", str(driver)))
    want = texts(wanted.get("options"))
    have = log.get("Config") or {}
    for name, value in want.items():
        if name not in have or not same(value, have[name]):
            yield Difference(f"logging.options.{name}", value, have.get(name))
    for name, value in have.items():
        if name in want or name.startswith("cache-"):
            continue
        merged = own_driver is None or driver == own_driver
        default = ("logging.options", f"{name}={plain(value)}") if merged else None
        yield Difference(f"logging.options.{name}", None, value, default=default)


RULE = Rule(
    name="logging",
    keys={
        "logging.driver": ".HostConfig.LogConfig.Type, by default the engine's",
        "logging.options": ".HostConfig.LogConfig.Config, without the engine's own",
    },
    differences=_differences,
)
