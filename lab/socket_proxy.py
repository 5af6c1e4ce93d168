"""A stand-in for wollomatic/socket-proxy, which cannot be pulled here: the same arguments, the same meaning, for the lab alone.

`-allowGET=REGEX` and `-allowHEAD=REGEX` say which paths may be asked for, as a whole; everything else is answered 403, any other
method 405. `-allowfrom` and `-listenip` are taken and not needed. It runs in a container of its own, on the port of the real one.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading

PORT = 2375
ENGINE = "/var/run/docker.sock"


def main(arguments: list[str]) -> None:
    """Serves until it is ended."""
    given = dict(argument.lstrip("-").split("=", 1) for argument in arguments)
    allowed = {method: re.compile(given[f"allow{method}"]) for method in ("GET", "HEAD") if f"allow{method}" in given}
    with socket.create_server((given.get("listenip", "127.0.0.1"), PORT)) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, allowed), daemon=True).start()


def _serve(client: socket.socket, allowed: dict[str, re.Pattern[str]]) -> None:
    with client, contextlib.suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return
            head += piece
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        path = target.partition("?")[0]
        if method not in allowed or not allowed[method].fullmatch(path):
            status = b"403 Forbidden" if method in allowed else b"405 Method Not Allowed"
            print(f"refused: {method} {path}", flush=True)
            client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            engine.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            threading.Thread(target=_until_closed, args=(client, engine), daemon=True).start()
            while data := engine.recv(65536):
                client.sendall(data)


def _until_closed(client: socket.socket, engine: socket.socket) -> None:
    """A stream ends when who listens to it goes."""
    with contextlib.suppress(OSError):
        while client.recv(65536):
            pass
        engine.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(sys.argv[1:])
