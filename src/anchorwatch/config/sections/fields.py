"""The kinds of value that the config's keys have, and what all its sections share.

Each kind is a function of `texts` or `quantities` made known to pydantic, with what an editor is told of it (JSON Schema)
and the name that the reference calls it by (`title`). The functions get the text that was written, and do all of the
judging, so that every message is our own and none repeats a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from anchorwatch.config import quantities, texts
from anchorwatch.config.places import Places
from anchorwatch.config.wrong import WrongValue
from anchorwatch.model.values import Secret

BEST_FROM_FILE = "secret"
"""The title of the kinds that are better read from a file."""


def kind(judge: Callable[..., Any], title: str, **schema: Any) -> tuple[PlainValidator, WithJsonSchema]:
    """The kind of a key whose text `judge` reads; `title` names it in the reference, `schema` is what an editor is told."""
    return PlainValidator(judge), WithJsonSchema({"title": title, "type": "string", **schema})


def _seconds(value: Any) -> float:
    return quantities.duration(texts.text(value))


def _some_seconds(value: Any) -> float:
    seconds = _seconds(value)
    if not seconds:
        raise WrongValue("is no time at all", instead="write more than 0s", value=str(value))
    return seconds


def _bytes(value: Any) -> int:
    return quantities.size(texts.text(value))


def _secret(value: Any) -> Secret:
    return Secret(texts.text(value))


def _local(value: Any, info: ValidationInfo) -> str:
    return _places(info).local(value)


def _program(value: Any, info: ValidationInfo) -> str:
    return _local(value, info) if "/" in texts.text(value) else texts.text(value)


def _database(value: Any, info: ValidationInfo) -> Secret:
    return Secret(_places(info).database(texts.database_url(value)))


def _places(info: ValidationInfo) -> Places:
    if not isinstance(info.context, Places):
        raise TypeError("a section is validated with Places as the context")
    return info.context


_TIME = {"pattern": quantities.DURATION_PATTERN, "examples": ["500ms", "30s", "1h30m", "400d"]}

Text = Annotated[str, *kind(texts.text, "text", minLength=1)]
Duration = Annotated[float, *kind(_seconds, "duration", **_TIME)]
LongerThanNothing = Annotated[float, *kind(_some_seconds, "duration", **_TIME)]
Size = Annotated[int, *kind(_bytes, "size", pattern=quantities.SIZE_PATTERN, examples=["500MB", "2GB"])]
Switch = Annotated[
    bool,
    PlainValidator(texts.switch),
    WithJsonSchema({"title": "on/off", "type": ["boolean", "string"], "enum": [True, False, *texts.SWITCH]}),
]
SecretText = Annotated[Secret, *kind(_secret, BEST_FROM_FILE, minLength=1)]
LocalPath = Annotated[str, *kind(_local, "path", minLength=1)]
Program = Annotated[str, *kind(_program, "path", minLength=1)]
RemotePath = Annotated[str, *kind(texts.absolute, "absolute path", pattern="^/")]
RepoGlob = Annotated[str, *kind(texts.repo_glob, "glob", pattern=r"^[^/~!\\]")]
NameGlob = Annotated[str, *kind(texts.pattern, "glob", minLength=1)]
HostName = Annotated[str, *kind(texts.host_name, "name", pattern=r"^[^\s/]+$")]
DockerAddress = Annotated[str, *kind(texts.docker_address, "address", pattern="^(unix://|tcp://|ssh://|context:)")]
ListenAddress = Annotated[tuple[str, int], *kind(texts.listen_address, "host:port", pattern=":[0-9]{1,5}$")]
ProjectName = Annotated[str, *kind(texts.project_name, "name", pattern="^[a-z0-9][a-z0-9_-]*$")]
VariableName = Annotated[str, *kind(texts.variable_name, "name", pattern="^[A-Za-z_][A-Za-z0-9_.-]*$")]
VariableValue = Annotated[
    str,
    PlainValidator(texts.any_text),
    WithJsonSchema({"title": "text", "type": ["string", "number", "boolean"]}),
]
RepoUrl = Annotated[str, *kind(texts.repo_url, "URL", minLength=1)]
ServiceUrl = Annotated[
    Secret, *kind(lambda value: Secret(texts.service_url(value)), BEST_FROM_FILE, pattern="^[A-Za-z][A-Za-z0-9+.-]*://")
]
PageUrl = Annotated[str, *kind(texts.page_url, "URL", pattern="^https?://")]
SecretPageUrl = Annotated[Secret, *kind(lambda value: Secret(texts.page_url(value)), BEST_FROM_FILE, pattern="^https?://")]
DatabaseUrl = Annotated[Secret, *kind(_database, "URL", pattern=r"^(sqlite:///|postgresql\+psycopg://)")]


def word(words: tuple[str, ...], what: str) -> tuple[PlainValidator, WithJsonSchema]:
    """The kind of a key that takes one of `words`."""
    return PlainValidator(lambda value: texts.one_of(value, words, what)), WithJsonSchema({"title": "word", "enum": list(words)})


def setting(default: Any = ..., *, meaning: str, example: Any = None, alias: str | None = None) -> Any:
    """A key of a section: its default as one would write it (`...`: required), and what the reference and editors say of it."""
    return Field(default, description=meaning, examples=None if example is None else [example], alias=alias)


class Section(BaseModel):
    """One mapping of the config. An unknown key is a mistake; a key with nothing after it counts as not written.

    Validated with `Places` as the context.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: value for key, value in tree.items() if value is not None}
        return {} if tree is None else tree
