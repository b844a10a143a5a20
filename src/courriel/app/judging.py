"""A message in a file, judged as if it came in now: SPF, DKIM, ARC and DMARC by our own judges, asking the DNS.

Only the DNS is asked, and only for what these checks need; nothing that the message names is fetched.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import suppress
from typing import Final

from courriel.app import config
from courriel.app.outbound import resolver_of
from courriel.base.clock import SystemClock
from courriel.base.errors import FormatError
from courriel.formats.header import split_block
from courriel.mailauth import evaluate
from courriel.mailauth.replay import Replays
from courriel.mailauth.signatures import SignatureJudge
from courriel.model.envelope import NULL_PATH, Client, Door, Envelope, reverse_path_of_text
from courriel.model.judgement import Iprev, Judgement, Origin
from courriel.model.verdict import Result, SpfVerdict
from courriel.ports.resolver import Resolver

LIMIT_S: Final = 30.0
"""For all questions about one message."""

_LINE_END: Final = re.compile(rb"\r?\n")
_UNKNOWN: Final = Origin(SpfVerdict(Result.NONE, "", "mfrom"), None, Iprev(Result.NONE, ""))


def judge_message(content: bytes, client: Client, mail_from: str) -> Judgement | None:
    """``client.ip`` "" is for a client nobody knows: SPF says nothing then.  None when the DNS takes too long."""
    return asyncio.run(_judge(_LINE_END.sub(b"\r\n", content), client, mail_from))


async def _judge(content: bytes, client: Client, mail_from: str) -> Judgement | None:
    settings = config.load(None, os.environ, ())
    resolver = resolver_of(settings, SystemClock())
    try:
        async with asyncio.timeout(LIMIT_S):
            return await judgement(content, client, mail_from, settings.name, resolver)
    except TimeoutError:
        return None
    finally:
        await resolver.close()


async def judgement(content: bytes, client: Client, mail_from: str, receiver: str, resolver: Resolver) -> Judgement:
    """The verdicts; ``content`` has CRLF line ends, ``receiver`` is our name."""
    reverse_path = NULL_PATH
    with suppress(FormatError):
        reverse_path = reverse_path_of_text(mail_from)
    now = SystemClock().now()
    origin = _UNKNOWN
    if client.ip:
        origin = await evaluate.of_connection(client, reverse_path, receiver, now, resolver)
    envelope = Envelope(Door.MX, client, reverse_path, ())
    findings = await SignatureJudge(resolver, Replays()).judge(content, envelope, now)
    senders = [value for name, value in split_block(content).items() if name.lower() == b"from"]
    return await evaluate.of_message(origin, senders, findings, resolver)
