"""Mail to many: newsletters and lists that say so, with a way out.

RFC 2919 (List-Id), RFC 2369 and RFC 8058 (List-Unsubscribe, one click). Any sender can write these fields, so they are
no proof of good will: they say "mail to many", and a list with posts by members speaks a little for the message. How
it is evaded: by adding the fields; then at least the way out is judged with the other links.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import EVIDENCE_CHARACTERS, Channel, Evidence, Finding, Group, Kind
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.view import View

BULK: Final = Signal(
    name="content.bulk",
    group=Group.CONTENT,
    seen=N_("It is a newsletter or a message to many, and names a way to unsubscribe."),
    why=N_("Such mail is unwanted rather than dangerous."),
    then=N_("If you know the sender, unsubscribe; otherwise move it to Junk."),
    weights={},
    good=-0.2,
    fact=False,
)
LIST: Final = Signal(
    name="content.list",
    group=Group.CONTENT,
    seen=N_("It came through a mailing list: {list}."),
    why=N_("Lists are written by their members and usually watched over."),
    then=advice.NOTHING,
    weights={},
    good=-0.6,
    fact=False,
)
TRACE: Final = Signal(
    name="content.mass-mailer",
    group=Group.CONTENT,
    seen=N_("It calls itself bulk mail, but names no way to unsubscribe."),
    why=N_("Honest senders of newsletters must name one."),
    then=advice.NO_ANSWER,
    weights={Kind.SPAM: 0.5},
    fact=False,
)


def bulk(view: View) -> Iterable[Finding]:
    """List fields of the header."""
    if view.channel is not Channel.MAIL:
        return
    post, name, out = view.header("list-post"), view.header("list-id"), view.header("list-unsubscribe")
    if post and name:
        evidence = Evidence("list-id", name[:EVIDENCE_CHARACTERS])
        yield Finding(LIST.name, LIST.group, 1.0, (evidence,), {"list": name[:EVIDENCE_CHARACTERS]})
    elif out:
        evidence = Evidence("list-unsubscribe", out[:EVIDENCE_CHARACTERS])
        one_click = "one-click" in (view.header("list-unsubscribe-post") or "").lower()
        yield Finding(BULK.name, BULK.group, 1.0 if one_click else 0.6, (evidence,))
    elif (precedence := (view.header("precedence") or "").strip().lower()) in ("bulk", "junk"):
        yield Finding(TRACE.name, TRACE.group, 1.0, (Evidence("precedence", precedence),))


SIGNALS: Final[tuple[Signal, ...]] = (BULK, LIST, TRACE)
LOOKS: Final[tuple[Look, ...]] = (bulk,)
