"""Running scripts in tests: a message, a world, what came out."""

from __future__ import annotations

import time
from typing import Any

from courriel.sieve.check import compile_script
from courriel.sieve.message import Message
from courriel.sieve.problems import BadScript
from courriel.sieve.run import Environment, Outcome, execute
from courriel.sieve.settings import DEFAULT, SieveSettings

NOW = 1_795_000_000.0

MAIL = (
    b"Received: from a.example by b.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Received: from c.example by a.example; Mon, 23 Nov 2026 23:30:00 -0700\r\n"
    b"From: Coyote <coyote@desert.example.org>\r\n"
    b"To: roadrunner+acme@acme.example.com, Friends: bugs@example.net;\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= [list] $$$ I have a present\r\n"
    b"Date: Tue, 24 Nov 2026 10:30:00 +0200\r\n"
    b"Message-ID: <one@desert.example.org>\r\n"
    b"X-Priority: 3\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"Prologue\r\n--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nA caf=E9 in the plain\r\n"
    b"--x\r\nContent-Type: text/html\r\n\r\n<p>Words of <b>HTML</b></p>\r\n"
    b'--x\r\nContent-Type: application/pdf; name="bill.pdf"\r\nContent-Disposition: attachment; filename=bill.pdf\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--x--\r\nEpilogue\r\n"
)


def world(**changes: Any) -> Environment:
    """The environment of a run."""
    values: dict[str, Any] = {
        "sender": "coyote@desert.example.org",
        "recipient": "roadrunner+acme@acme.example.com",
        "now": NOW,
        "cpu": time.thread_time,
        "mailboxes": frozenset({"INBOX", "Work", "Junk"}),
        "special_uses": {"\\junk": "Junk"},
        "items": {"domain": "example.com", "name": "Courriel"},
    }
    return Environment(**(values | changes))


def run(script: str, mail: bytes = MAIL, settings: SieveSettings = DEFAULT, /, **changes: Any) -> Outcome:
    """What a script makes of a message."""
    return execute(compile_script(script.encode(), settings), Message(mail), world(**changes), settings)


def holds(test: str, require: str = "", mail: bytes = MAIL, **changes: Any) -> bool:
    """Whether a test is true."""
    needs = "".join(f'require "{one}";\n' for one in require.split())
    outcome = run(f"{needs}if {test} {{ discard; }}", mail, **changes)
    assert outcome.error is None, outcome.error
    return "Discard" in type(outcome.actions[0]).__name__


def mistakes(script: str | bytes, settings: SieveSettings = DEFAULT) -> list[str]:
    """All that is wrong with a script, in words."""
    try:
        compile_script(script if isinstance(script, bytes) else script.encode(), settings)
    except BadScript as error:
        return [problem.sentence(str) for problem in error.problems]
    return []
