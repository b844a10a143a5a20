"""MESSAGELIMIT and SAVELIMIT, off unless set.  RFC 9738 §3."""

from __future__ import annotations

import asyncio

from courriel.imap.settings import ImapSettings
from tests.dialogues.runner import Player, parse
from tests.imap.house import make_house
from tests.imap.test_dialogues import stage


def play(settings: ImapSettings, text: str) -> None:
    async def run() -> None:
        house = await make_house(settings=settings)
        for number in range(1, 6):
            await house.deliver("alice", b"Subject: %d\r\n\r\nbody\r\n" % number)
        await Player(stage(house, None)).play(parse(text))

    asyncio.run(run())


LIMITED = """\
A< * OK …
A: a1 LOGIN alice secret
A< a1 OK [CAPABILITY … MESSAGELIMIT=2] …
A: a2 SELECT INBOX
A< …
A< a2 OK …
A: a3 FETCH 1:4 (UID)
A< * 4 FETCH (UID 4)
A< * 3 FETCH (UID 3)
A< a3 OK [MESSAGELIMIT 2 3] …
A: a4 UID FETCH 1:2 (UID)
A< * 1 FETCH (UID 1)
A< * 2 FETCH (UID 2)
A< a4 OK FETCH completed
A: a5 UID FETCH 1:* (UID) (PARTIAL -1:-3)
A< a5 NO [MESSAGELIMIT 2] …
A: a6 UID SEARCH UID 1:4 UNDELETED
A< * SEARCH 3 4
A< a6 OK [MESSAGELIMIT 2 3] …
A: a7 SEARCH UIDBEFORE 3
A< * SEARCH 1 2
A< a7 OK SEARCH completed
A: a8 SEARCH UIDAFTER 4 ALL
A< * SEARCH 5
A< a8 OK SEARCH completed
A: a9 UID SEARCH RETURN (SAVE) ALL
A< a9 OK [MESSAGELIMIT 2 4] …
A: b1 SEARCH $
A< * SEARCH 4 5
A< b1 OK …
A: b2 STORE 1:* +FLAGS.SILENT (\\Deleted)
A< b2 OK [MESSAGELIMIT 2 4] …
A: b3 COPY 1:3 Trash
A< b3 NO [MESSAGELIMIT 2 2] …
A: b4 COPY 1:2 Trash
A< b4 OK [COPYUID …
A: b5 THREAD REFS UTF-8 ALL
A< b5 NO [MESSAGELIMIT 2] …
A: b6 THREAD REFS UTF-8 2:3
A< * THREAD (2)(3)
A< b6 OK …
A: b7 SORT (REVERSE SUBJECT) UTF-8 ALL
A< * SORT 5 4 3 2 1
A< b7 OK …
A: b8 APPEND Trash {1+}
A: x {1+}
A: y {1+}
A: z
A< b8 NO [MESSAGELIMIT 2] …
A: b9 STORE 3 +FLAGS.SILENT (\\Deleted)
A< b9 OK …
A: c1 UID EXPUNGE 1:*
A< * 4 EXPUNGE
A< * 4 EXPUNGE
A< c1 OK [MESSAGELIMIT 2 4] …
A: c2 MOVE 1:3 Trash
A< * OK [COPYUID …
A< * 2 EXPUNGE
A< * 2 EXPUNGE
A< c2 OK [MESSAGELIMIT 2 2] …
"""

SAVES_LIMITED = """\
A< * OK …
A: a1 LOGIN alice secret
A< a1 OK [CAPABILITY … SAVELIMIT=2] …
A: a2 SELECT INBOX
A< …
A< a2 OK …
A: a3 COPY 1:3 Trash
A< a3 NO [MESSAGELIMIT 2 2] …
A: a4 FETCH 1:3 (UID)
A< * 1 FETCH (UID 1)
A< * 2 FETCH (UID 2)
A< * 3 FETCH (UID 3)
A< a4 OK FETCH completed
A: a5 MOVE 1:3 Trash
A< * OK [COPYUID …
A< …
A< a5 OK MOVE completed
"""

UNLIMITED = """\
A< * OK …
A: a1 LOGIN alice secret
A< a1 OK [CAPABILITY … APPENDLIMIT=…] …
A: a2 SELECT INBOX
A< …
A< a2 OK …
A: a3 COPY 1:* Trash
A< a3 OK [COPYUID …
A: a4 SEARCH UIDAFTER 4294967295
A< * SEARCH
A< a4 OK SEARCH completed
A: a5 SEARCH UIDBEFORE 1
A< * SEARCH
A< a5 OK SEARCH completed
A: a6 SEARCH UIDAFTER 5
A< * SEARCH
A< a6 OK SEARCH completed
A: a7 SEARCH UIDBEFORE 0
A< a7 BAD …
"""


def test_message_limit() -> None:
    play(ImapSettings(message_limit=2), LIMITED)


def test_save_limit() -> None:
    play(ImapSettings(save_limit=2), SAVES_LIMITED)


def test_no_limit() -> None:
    play(ImapSettings(), UNLIMITED)
