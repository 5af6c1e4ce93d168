"""How a command reaches the running service: JSON over a unix socket beside the database (`POST /do/VERB`).

One process writes to a database, so a verb that writes while the service runs asks it to. Whoever may open the socket may do what
the service may: it has mode 0600, and only the user that runs the service and root are heard (`web.server`).

    serve:  Server(asgi(verbs), socket_of(database, state_folder), answer_within=DO_WITHIN)
    ask:    ControlClient(socket_of(database, state_folder)).ask("prune", {"keep": 86400})
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch import errors
from anchorwatch.errors import AnchorwatchError, ControlError, NoService, StackError
from anchorwatch.model.values import JsonObject

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

Verb = Callable[[JsonObject], JsonObject]
"""What one verb does with its arguments, and answers."""

DO_WITHIN = 600.0
"""Seconds that a verb may take: to prune a large database copies all of it."""
AT_ONCE = 4
"""Verbs that run side by side; writing takes turns anyway."""
_LARGEST = 1_000_000
"""Bytes of arguments."""

log = logging.getLogger(__name__)


def socket_of(url: str, state_folder: Path) -> Path:
    """Where the service that holds the database behind an SQLAlchemy URL listens: beside a file, else in the state folder."""
    from sqlalchemy import make_url

    parsed = make_url(url)
    if parsed.drivername == "sqlite" and parsed.database:
        return Path(f"{parsed.database}.sock")
    return state_folder / "anchorwatch.sock"


def asgi(verbs: Mapping[str, Verb]) -> ASGIApp:
    """An application that runs `verbs`, each in a thread. An `AnchorwatchError` of one is an answer, and raised by the client."""
    import anyio
    import anyio.to_thread
    from starlette.responses import Response
    from starlette.routing import Route, Router

    places = anyio.Semaphore(AT_ONCE)

    def answer(document: JsonObject, status: int) -> Response:
        return Response(json.dumps(document), status, media_type="application/json")

    async def do(request: Request) -> Response:
        verb = verbs.get(request.path_params["verb"])
        if verb is None:
            return answer({"error": {"class": "control", "message": "the running service does not know this", "hint": _OLD}}, 404)
        try:
            body = bytearray()
            async for piece in request.stream():
                body += piece
                if len(body) > _LARGEST:
                    return answer({"error": {"class": "control", "message": "these are too many arguments", "hint": None}}, 413)
            arguments = json.loads(body or b"{}")
            async with places:
                return answer(await anyio.to_thread.run_sync(verb, arguments), 200)
        except AnchorwatchError as error:
            return answer({"error": {"class": error.kind, "message": error.message, "hint": error.hint}}, 422)

    return Router([Route("/do/{verb}", do, methods=["POST"])], redirect_slashes=False)


_OLD = "it is another version of anchorwatch than this command: start the service anew"


class ControlClient:
    """Asks the service behind a socket."""

    def __init__(self, path: Path, *, within: float = DO_WITHIN) -> None:
        self._path = path
        self._within = within

    def ask(self, verb: str, arguments: JsonObject) -> JsonObject:
        """What the service answers. Raises what the verb raised there, `NoService` where nobody listens, and `ControlError`
        where nothing sensible comes back."""
        with self._connection() as connection:
            connection.request("POST", f"/do/{verb}", json.dumps(arguments), {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read()
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ControlError(f"the service at {self._path} answers with no JSON (status {response.status})", hint=_OLD)
        if response.status != 200:
            raise _raised(document.get("error"), self._path)
        return document

    @contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        connection = _Connection(self._path, self._within)
        try:
            yield connection
        except TimeoutError as error:
            raise ControlError(
                f"the service at {self._path} has not answered within {self._within:.0f} s",
                hint="it may still do what it was asked to: look before you try again",
            ) from error
        except PermissionError as error:
            raise ControlError(
                f"{self._path} may not be opened by this user",
                hint="run the command as the user that runs the service, or as root",
            ) from error
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoService(f"no service listens at {self._path}", hint="is it running? Its log says more") from error
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(
                f"the service at {self._path} broke off: {str(error) or type(error).__name__}", hint="its log says more"
            ) from error
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, within: float) -> None:
        super().__init__("localhost", timeout=within)
        self._path = path

    def connect(self) -> None:
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")  # a socket's name holds 107 bytes at most
        finally:
            os.close(folder)


def _raised(said: object, path: Path) -> AnchorwatchError:
    """The error that the verb raised there."""
    if not isinstance(said, dict):
        return ControlError(f"the service at {path} failed over it", hint="its log says where")
    kind, message, hint = (said.get(key) for key in ("class", "message", "hint"))
    text, advice = str(message), None if hint is None else str(hint)
    if kind in StackError.KINDS:
        return StackError(str(kind), text, hint=advice)
    return _KINDS.get(str(kind), ControlError)(text, hint=advice)


def _kinds(error: type[AnchorwatchError]) -> Iterator[type[AnchorwatchError]]:
    yield error
    for one in error.__subclasses__():
        yield from _kinds(one)


_KINDS = {one.kind: one for one in _kinds(AnchorwatchError) if one not in {StackError, errors.ConfigError}}
