"""Our reading of `${…}` and of env files, held against real Compose."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab.compose import Compose

from anchorwatch.desired.dotenv import statements, text_of, values
from anchorwatch.desired.interpolation import Use, interpolate, split, variables

KNOWN = {"A": "1", "EMPTY": "", "LONG_name2": "x y", "B": "$A"}
TEXTS = [
    "$A", "${A}", "$A$A", "x${A}y", "$$A", "$$$A", "$$$$", "a$$b", "${A:-d}", "${NO:-d}", "${NO-d}", "${EMPTY:-d}", "${EMPTY-d}",
    "${NO:-}", "${A:+r}", "${NO:+r}", "${EMPTY:+r}", "${EMPTY+r}", "${NO+r}", "${A:?e}", "${A?e}", "${NO:-${A}}", "${NO:-x${A}y}",
    "${NO:-${NO2:-deep}}", "${NO:-a:b-c?d}", "${A:-${NO}}", "$LONG_name2-x", "${LONG_name2}", "${B}", "{$A}", "%A%", "${NO:-$$x}",
    "a ${A} b ${EMPTY} c", "${NO:-{}}", "${A:+${B}}", "http://${NO:-h}:${NO2:-80}/", "${NO--}", "${NO:--1}", "${A}}", "${_X:-u}",
]  # fmt: skip
ENV_FILE = r"""
# a comment
PLAIN=1
SPACED = two words  # comment
DOUBLE="q # none \n nl \t tab \\ bs \" dq \$X $PLAIN"  # c
SINGLE='sq $PLAIN \n it\'s'
HASH=x#y
FIRSTHASH=#z
MULTI="multi
line"
YAML: yaml
export EXPORTED=exp
exportJ=1
DOTTED.NAME=3
BLANK=
MIX=${PLAIN}b ${NOPE:-dflt} $$x
BACK=a\nb
QUOTES="a'b"
OTHERS='a"b'
TICKS=`x`
TAIL="tail" trailing
ESCAPES="é \a \x \/ \0101"
INNER=a "b" c
AGAIN=$PLAIN$BACK
	TABBED = tab
NOTVAR=a\$b
LATE=${OUTER}-${PLAIN}
INHERITED
"""
OUTER = {"OUTER": "out", "PLAIN": "outer wins", "INHERITED": "inh"}


def asked(compose: Compose, folder: Path, environment: dict[str, str]) -> dict[str, str]:
    answer = subprocess.run(
        [str(compose.program), "config", "--format", "json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(answer.stdout)["services"]["s"]["environment"]
    return {name: value.replace("$$", "$") for name, value in found.items()}


@pytest.mark.parametrize("version", ["oldest", "newest"])
def test_texts_are_interpolated_as_compose_does(version: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    compose: Compose = request.getfixturevalue(f"{version}_compose")
    file = {"services": {"s": {"image": "i", "environment": {f"T{number}": text for number, text in enumerate(TEXTS)}}}}
    (tmp_path / "compose.yaml").write_text(json.dumps(file))
    said = asked(compose, tmp_path, KNOWN)
    assert {text: interpolate(text, KNOWN.get) for text in TEXTS} == {text: said[f"T{n}"] for n, text in enumerate(TEXTS)}


@pytest.mark.parametrize("version", ["oldest", "newest"])
@pytest.mark.parametrize("outer", [{}, OUTER])
def test_env_files_are_read_as_compose_does(
    version: str, outer: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    compose: Compose = request.getfixturevalue(f"{version}_compose")
    (tmp_path / "compose.yaml").write_text("services: {s: {image: i, env_file: [some.env]}}")
    for text in (ENV_FILE, ENV_FILE.replace("\n", "\r\n")):
        (tmp_path / "some.env").write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert values(text_of((tmp_path / "some.env").read_bytes()), outer) == asked(compose, tmp_path, outer)


@pytest.mark.parametrize("text", ["A='x", 'A="x\\"', "A B=1", "A$=1", "=\n&=1"])
def test_an_env_file_that_compose_refuses_is_refused_with_its_line_and_without_its_value(
    text: str, newest_compose: Compose, tmp_path: Path
) -> None:
    (tmp_path / "compose.yaml").write_text("services: {s: {image: i, env_file: [some.env]}}")
    (tmp_path / "some.env").write_text(text)
    with pytest.raises(subprocess.CalledProcessError):
        asked(newest_compose, tmp_path, {})
    with pytest.raises(ValueError, match=r"line [12]"):
        values(text, {})


@given(st.text(alphabet="$${}AB_:-?+ x\n", max_size=40))
def test_pieces_joined_give_the_text_again(text: str) -> None:
    assert "".join(piece.raw if isinstance(piece, Use) else piece for piece in split(text)) == text
    assert all(use.raw in text for use in variables(text))


@given(st.text(alphabet="AB=: '\"\\\n#$", max_size=60))
def test_statements_lie_where_they_say(text: str) -> None:
    try:
        found = list(statements(text))
    except ValueError:
        return
    places = [(one.begin, one.start, one.end) for one in found]
    assert all(begin <= start <= end <= len(text) for begin, start, end in places)
    assert places == sorted(places)
