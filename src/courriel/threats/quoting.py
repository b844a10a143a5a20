"""Evidence as it stands in the message.  What a person is shown as a quote is one, or is not shown.

Signals look at folded text, so a finding may quote "march" where the message says "March": the spelling of the message
is found again.  Words that do not stand where the finding says are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from courriel.model.threat import EVIDENCE_CHARACTERS, Evidence
from courriel.threats.view import View

__all__ = ["as_they_stand"]

QUOTES: Final = 5
"""``quoting.quotes``: shown of one finding; more convince nobody further."""
_FILE_OCTETS: Final = 65_536
"""Of an attachment that are searched for a quote."""


def as_they_stand(evidence: Iterable[Evidence], view: View) -> tuple[Evidence, ...]:
    """Those of ``evidence`` that stand in the message, in its own spelling; none that is part of another."""
    found: list[Evidence] = []
    for one in evidence:
        words = _spelling(one, view)[:EVIDENCE_CHARACTERS]
        if words and not any(words in other.words for other in found if other.where == one.where):
            found = [other for other in found if other.where != one.where or other.words not in words]
            found.append(Evidence(one.where, words))
    return tuple(found[:QUOTES])


def _spelling(one: Evidence, view: View) -> str:
    """The words as the message has them, "" where it has not; blanks between words may be any, case too."""
    wanted = one.words.removesuffix("…").split()
    if not wanted:
        return ""
    pattern = re.compile(r"\s+".join(map(re.escape, wanted)), re.IGNORECASE)
    for text in _places(view, one.where):
        # Nearly all stand as they are quoted; a search by letters of any case costs more.
        if one.words in text:
            return one.words
        if (match := pattern.search(text)) is not None:
            return match[0]
    return ""


def _places(view: View, where: str) -> Iterator[str]:
    """The texts that a finding's ``where`` means (``model.threat.Evidence``)."""
    if where == "text":
        yield from (view.visible, view.plain, view.subject)
    elif where == "hidden":
        yield from (view.hidden, view.styles, *view.scripts)
    elif where == "link":
        for link in view.links:
            yield from (link.href, link.text, link.host)
    elif where == "attachment":
        yield from (text for one in view.attachments for text in (one.name, one.media_type))
        yield from (one.content(_FILE_OCTETS).decode("utf-8", "replace") for one in view.attachments)
    elif where == "envelope":
        arrival = view.arrival
        yield from (arrival.client_ip, arrival.helo, arrival.reverse_name, arrival.mail_from, *arrival.recipients)
    elif where == "history":
        yield from (text for one in view.authors for text in (f"{one.local}@{one.domain}", one.domain))
    else:
        yield from (value for name, value in view.headers if name == where)
