"""A post to a mailing list: whether it is taken, and the fields it gets.  RFC 2369, RFC 2919, RFC 3834.  Pure.

Fields are added before the message; its own fields and its body stay as they are, so the author's DKIM signature
lives on, and From is the author's (a subject prefix breaks that, so it is off unless somebody insists).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

from courriel.formats import encoded_word
from courriel.formats.seal import is_sealed, seal
from courriel.model.envelope import Door
from courriel.model.mailing_list import Joining, MailingList, Posting, Role

KEY: Final = "{key}"
"""Stands for a member's key in fields that each member has of their own."""

_MEMBER: Final = "member"
_ANSWER: Final = "answer"
_KEY: Final = re.compile(r"([0-9]{1,18})-([a-z2-7]{8})")
_TOKEN: Final = re.compile(r"([yn])([0-9]{1,18})-([a-z2-7]{8})")


class Verdict(Enum):
    """What becomes of a post; the value is its name in events."""

    POST = "posted"
    HOLD = "held"
    REFUSE = "refused"
    LOOP = "loop"
    """It has been on this list already: it is dropped."""
    AUTOMATIC = "automatic"
    """A program's answer: it is dropped, or lists would talk to vacations for ever."""


# ---------------------------------------------------------------------------------------------------------- header
@lru_cache(maxsize=32)
def _pattern(name: str) -> re.Pattern[bytes]:
    field = rb"^%b[ \t]*+:((?>(?:[^\n]*+\n?(?=[ \t]))*)[^\n]*+)" % name.encode("ascii")
    return re.compile(field, re.IGNORECASE | re.MULTILINE)


def raw_values(header: bytes, name: str) -> list[bytes]:
    """Values of a field as they stand."""
    return _pattern(name).findall(header)


def values(header: bytes, name: str) -> list[str]:
    """Values of a field, unfolded, in lower case."""
    return [" ".join(one.decode("utf-8", "replace").split()).lower() for one in raw_values(header, name)]


def subjects(header: bytes) -> list[str]:
    """Subjects (one, if all is well) as people read them."""
    return [encoded_word.decode(one.strip()) for one in raw_values(header, "subject")]


def is_plain_bounce(header: bytes) -> bool:
    """Whether a report without fields for programs says by its sender or its subject that delivery failed."""
    from_mailer = any(re.search(r"mailer-daemon|postmaster", one) for one in values(header, "from"))
    return from_mailer and any(_FAILURE.search(one) for one in values(header, "subject"))


_FAILURE: Final = re.compile(r"undeliver|returned mail|delivery (?:status|.*fail)|failure notice|mail delivery failed")


def is_automatic(header: bytes, *, null_sender: bool) -> bool:
    """Whether a program has answered: null reverse-path, Auto-Submitted (RFC 3834 §5), Precedence of old."""
    replied = any(one.startswith("auto-replied") for one in values(header, "auto-submitted"))
    return null_sender or replied or any(one in ("bulk", "junk") for one in values(header, "precedence"))


# ---------------------------------------------------------------------------------------------------------- judging
def judge(kept: MailingList, header: bytes, author: str, door: Door, *, null_sender: bool, is_member: bool) -> Verdict:
    """``author`` is the canonical address of From; ``is_member`` says whether it is on the list."""
    if any(f"<{kept.id}>" in one for one in values(header, "list-id")):
        return Verdict.LOOP
    if is_automatic(header, null_sender=null_sender):
        return Verdict.AUTOMATIC
    if _may_post(kept, author, door, is_member):
        return Verdict.POST
    return Verdict.HOLD if kept.moderators else Verdict.REFUSE


def _may_post(kept: MailingList, author: str, door: Door, is_member: bool) -> bool:
    if kept.posting is Posting.ANYONE or author in kept.moderators or author in kept.owners:
        return True
    if kept.posting is Posting.DOMAIN:  # anyone can write that From: only a login proves it
        return door is Door.SUBMISSION and author.endswith(f"@{kept.domain}")
    return kept.posting is Posting.MEMBERS and is_member


# ---------------------------------------------------------------------------------------------------------- fields
def fields(kept: MailingList) -> bytes:
    """What every member gets before a post."""
    lines = [f"List-Id: {_phrase(kept.name)}<{kept.id}>"]
    lines.append(f"List-Post: {_mailto(kept.address) if kept.posting is not Posting.MODERATORS else 'NO'}")
    lines.append(f"List-Help: {_mailto(kept.beside(Role.REQUEST), 'help')}")
    if kept.joining is Joining.CONFIRM:
        lines.append(f"List-Subscribe: {_mailto(kept.beside(Role.SUBSCRIBE))}")
    lines.append(f"List-Owner: {_mailto(kept.beside(Role.OWNER))}")
    if kept.archive:
        lines.append(f"List-Archive: <{kept.archive}>")
    lines.append("Precedence: list")
    if not kept.verp:
        lines.append(f"List-Unsubscribe: {_mailto(kept.beside(Role.UNSUBSCRIBE))}")
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8")


def personal(kept: MailingList) -> str:
    """What each member gets of their own: leaving takes one mail and no question."""
    return f"List-Unsubscribe: {_mailto(kept.beside(Role.UNSUBSCRIBE, KEY))}\r\n" if kept.verp else ""


def _phrase(name: str) -> str:
    return encoded_word.encode_phrase(name).decode("ascii") + " " if name else ""


def _mailto(address: str, subject: str = "") -> str:
    """RFC 6068; what a local part may hold and a URI may not is written in per cent."""
    safe = re.sub(r"[^A-Za-z0-9@.+_{}~-]", lambda found: "".join(f"%{o:02X}" for o in found[0].encode()), address)
    return f"<mailto:{safe}{'?subject=' + subject if subject else ''}>"


_SUBJECT: Final = re.compile(
    rb"^(subject[ \t]*+:[ \t]*+)((?>(?:[^\n]*+\n?(?=[ \t]))*)[^\n]*+)", re.IGNORECASE | re.MULTILINE
)


def with_prefix(content: bytes, header_octets: int, prefix: str) -> bytes:
    """The message with ``prefix`` before its subject, unless it stands there (in an answer, say) already."""
    found = _SUBJECT.search(content, 0, header_octets)
    word = encoded_word.encode_unstructured(prefix, 0).strip()
    if found is None or prefix in found[2].decode("utf-8", "replace") or word in found[2]:
        return content
    return b"%b%b %b" % (content[: found.end(1)], word, content[found.end(1) :])


# ---------------------------------------------------------------------------------------------------------- keys
def member_key(keys: Sequence[bytes], kept: MailingList, member: int) -> str:
    """What stands behind ``+`` in a member's own addresses: for bounces (VERP), and to leave the list."""
    return f"{member}-{seal(keys, _MEMBER, kept.address, str(member))}"


def read_member_key(keys: Sequence[bytes], kept: MailingList, key: str) -> int | None:
    """The member, None where we did not write that."""
    found = _KEY.fullmatch(key.lower())
    if found is None or not is_sealed(keys, found[2], _MEMBER, kept.address, found[1]):
        return None
    return int(found[1])


def answer_token(keys: Sequence[bytes], kept: MailingList, question: int, *, yes: bool) -> str:
    """What stands behind ``+`` in an address that answers a question."""
    verdict = "y" if yes else "n"
    return f"{verdict}{question}-{seal(keys, _ANSWER, kept.address, verdict, str(question))}"


def read_answer(keys: Sequence[bytes], kept: MailingList, token: str) -> tuple[int, bool] | None:
    """The question, and whether the answer is yes; None where we did not write that."""
    found = _TOKEN.fullmatch(token.lower())
    if found is None or not is_sealed(keys, found[3], _ANSWER, kept.address, found[1], found[2]):
        return None
    return int(found[2]), found[1] == "y"
