"""Whether words that a finding quotes really stand in the message."""

from __future__ import annotations

from collections.abc import Iterator

from courriel.model.threat import EVIDENCE_CHARACTERS, Evidence
from courriel.threats.view import View


def stands(view: View, evidence: Evidence) -> bool:
    """Blanks are counted as one; nothing else is forgiven.  An empty quote stands nowhere."""
    wanted = " ".join(evidence.words.split()).removesuffix("…").strip()
    if not wanted or len(evidence.words) > EVIDENCE_CHARACTERS:
        return False
    return any(wanted in " ".join(text.split()) for text in _places(view, evidence.where))


def _places(view: View, where: str) -> Iterator[str]:
    if where == "text":
        yield from (view.visible, view.plain, view.subject)
    elif where == "hidden":
        yield from (view.hidden, view.styles, *view.scripts)
    elif where == "link":
        for link in view.links:
            yield from (link.href, link.text, link.host)
    elif where == "attachment":
        for file in view.attachments:
            yield from (file.name, file.media_type, file.content(1 << 20).decode("utf-8", "replace"))
    elif where == "envelope":
        arrival = view.arrival
        yield from (arrival.client_ip, arrival.helo, arrival.reverse_name, arrival.mail_from, *arrival.recipients)
    elif where == "history":
        yield from (f"{one.local}@{one.domain}" for one in view.authors)
        yield from (one.domain for one in view.authors)
    else:
        yield from (value for name, value in view.headers if name == where)
