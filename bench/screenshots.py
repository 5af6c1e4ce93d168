"""Makes what docs/messages.md shows anew: the messages as text, and pictures of the mail as Chromium shows it.

    python -m bench.screenshots            # needs `chromium` (Debian: apt install chromium fonts-inter fonts-jetbrains-mono)
    python -m bench.screenshots --texts    # the texts only

The mails are real ones: rendered, sent through Apprise to a mail server on loopback, and taken from there.
"""

from __future__ import annotations

import html
import subprocess
import sys
import tempfile
from datetime import UTC
from email.message import EmailMessage
from pathlib import Path

from tests.notify.endpoints import post

from anchorwatch.model.messages import Arrival, Message
from anchorwatch.model.values import Secret
from anchorwatch.notify.render import render
from anchorwatch.notify.samples import bundles
from anchorwatch.notify.send import Sender
from anchorwatch.notify.templates import VARIABLES
from anchorwatch.notify.words import Tongue

DOCS = Path(__file__).parents[1] / "docs"
IMAGES = DOCS / "images"
TONGUE = Tongue(zone=UTC)

PICTURES = {
    "mail-drift": ("a drift", 660, 380, False),
    "mail-several": ("several places", 660, 1165, False),
    "mail-dark": ("several in a stack", 660, 855, True),
    "mail-phone": ("behind Git", 390, 530, False),
    "mail-thirty": ("thirty at once", 660, 1145, False),
}
"""The file, the sample, how wide and how high, and whether in the dark."""

PLAIN = ("mail-plain", "several places", 660, 900)


def message(name: str) -> Message:
    """A sample as it goes out."""
    return render(bundles()[name], TONGUE)


def examples() -> str:
    """Every message as text, for the docs."""
    blocks = []
    for name in bundles():
        told = message(name)
        blocks.append(f"### {name[0].upper()}{name[1:]}\n\n```text\n{told.title}\n{'─' * len(told.title)}\n{told.text}\n```\n")
    return "\n".join(blocks)


def variables() -> str:
    """The table of what templates can use."""
    rows = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items())
    return f"| variable | is |\n|---|---|\n{rows}\n"


def write_texts() -> None:
    """Puts both between their marks in docs/messages.md."""
    path = DOCS / "messages.md"
    page = path.read_text()
    for mark, made in (("examples", examples()), ("variables", variables())):
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{made}\n{end}{rest.partition(end)[2]}"
    path.write_text(page)


def mails() -> dict[str, EmailMessage]:
    """Each sample as it arrives at a mail server."""
    names = [*dict.fromkeys(name for name, *_ in PICTURES.values()), PLAIN[1]]
    sender = Sender()
    with post() as office:
        for name in names:
            outcome = sender.send(Secret(office.url("anna@example.org")), message(name))
            assert outcome.arrival is Arrival.ARRIVED, outcome
        return dict(zip(names, (mail for _, mail in office.mails), strict=True))


def shoot(page: str, name: str, width: int, height: int, *, dark: bool = False) -> None:
    """A picture of a page, as Chromium shows it."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "mail.html")
        source.write_text(page)
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        subprocess.run(
            [
                "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--user-data-dir={folder}/profile", f"--window-size={width},{height}", *scheme,
                f"--screenshot={IMAGES / name}.png", source.as_uri(),
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def plain_page(mail: EmailMessage) -> str:
    """The plain part, in the letters of a mail program that shows no HTML."""
    body = mail.get_body(("plain",))
    assert body is not None
    head = "\n".join(f"{name}: {mail[name]}" for name in ("From", "To", "Subject"))
    text = html.escape(f"{head}\n\n{body.get_content()}")
    style = (
        "margin:0;padding:20px 24px;font:13px/1.5 'JetBrains Mono',monospace;background:#fff;color:#1f2328;white-space:pre-wrap"
    )
    return f'<!doctype html><meta charset="utf-8"><body style="{style}">{text}'


def main() -> int:
    """Makes the texts, and the pictures unless told not to."""
    write_texts()
    if "--texts" in sys.argv[1:]:
        return 0
    arrived = mails()
    for file, (name, width, height, dark) in PICTURES.items():
        body = arrived[name].get_body(("html",))
        assert body is not None
        shoot(body.get_content(), file, width, height, dark=dark)
    shoot(plain_page(arrived[PLAIN[1]]), PLAIN[0], *PLAIN[2:])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
