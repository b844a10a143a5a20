"""Which mailbox here takes what is in a mailbox elsewhere.  Special uses RFC 6154; namespaces RFC 2342.

Pure.  A special use finds our mailbox of that role, whatever either is called; where the server tells no special uses,
the usual names do.  Views that show what is elsewhere too (Gmail's starred and important) are left out; the one with
all mail comes last, so that only what nothing else had is taken from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.imap.wire.client_values import Listed
from courriel.model.mailbox import SEPARATOR, Role, canonical_path

ROLES: Final = {
    "\\sent": Role.SENT,
    "\\drafts": Role.DRAFTS,
    "\\trash": Role.TRASH,
    "\\junk": Role.JUNK,
    "\\archive": Role.ARCHIVE,
    "\\all": Role.ARCHIVE,
}

VIEWS: Final = frozenset({"\\flagged", "\\important"})

NAMES: Final = {
    "sent": Role.SENT, "sent items": Role.SENT, "sent messages": Role.SENT, "sent mail": Role.SENT,
    "éléments envoyés": Role.SENT, "messages envoyés": Role.SENT, "envoyés": Role.SENT, "gesendet": Role.SENT,
    "drafts": Role.DRAFTS, "brouillons": Role.DRAFTS, "entwürfe": Role.DRAFTS,
    "trash": Role.TRASH, "deleted items": Role.TRASH, "deleted messages": Role.TRASH, "corbeille": Role.TRASH,
    "éléments supprimés": Role.TRASH, "papierkorb": Role.TRASH,
    "junk": Role.JUNK, "junk e-mail": Role.JUNK, "junk email": Role.JUNK, "spam": Role.JUNK, "bulk mail": Role.JUNK,
    "courrier indésirable": Role.JUNK, "indésirables": Role.JUNK,
    "archive": Role.ARCHIVE, "archives": Role.ARCHIVE,
}  # fmt: skip
"""What servers and programs call them at the top, in lower case."""


class Route(msgspec.Struct, frozen=True):
    """One mailbox elsewhere and the path it goes to here.  ``only_new``: what came from elsewhere already is left."""

    source: Listed
    path: str
    only_new: bool = False


def routes(
    folders: Sequence[Listed], own: Sequence[bytes], others: Sequence[bytes], mine: Mapping[Role, str]
) -> list[Route]:
    """INBOX first, all mail last.  ``own`` and ``others`` are namespace prefixes, ``mine`` our paths by role."""
    special = any(ROLES.keys() & one.attributes for one in folders)
    found: list[Route] = []
    for one in folders:
        if not one.can_be_selected or one.attributes & VIEWS or _is_elsewhere(one.name, own, others):
            continue
        levels = _levels(one, own)
        role = next((ROLES[word] for word in sorted(one.attributes) if word in ROLES), None)
        if role is None and not special and len(levels) == 1:
            role = NAMES.get(levels[0].lower())
        path = mine.get(role, "") if role is not None else ""
        found.append(Route(one, path or _path(levels), "\\all" in one.attributes))
    return sorted(found, key=lambda route: (route.only_new, route.path != "INBOX", route.path))


def _is_elsewhere(name: bytes, own: Sequence[bytes], others: Sequence[bytes]) -> bool:
    """In another person's namespace, or one for all, and not in a longer prefix of one's own."""
    longest = max((prefix for prefix in own if name.startswith(prefix)), key=len, default=b"")
    return any(prefix and name.startswith(prefix) and len(prefix) > len(longest) for prefix in others)


def _levels(one: Listed, own: Sequence[bytes]) -> list[str]:
    """The name's levels without the prefix of the namespace ("INBOX." at Cyrus and Courier)."""
    raw = one.name
    prefix = max((prefix for prefix in own if prefix and raw.startswith(prefix)), key=len, default=b"")
    text = one.text[len(prefix) :] if len(raw) > len(prefix) else one.text
    return text.split(one.delimiter) if one.delimiter else [text]


def _path(levels: Sequence[str]) -> str:
    """A path that is allowed here; what is not in a name becomes "_"."""
    clean = [_clean(level) for level in levels if level]
    try:
        return canonical_path(SEPARATOR.join(clean) or "INBOX")
    except FormatError:
        return canonical_path("".join(char if char.isalnum() else "_" for char in "_".join(clean))[:100] or "_")


def _clean(level: str) -> str:
    kept = "".join("_" if char in "/%*" or not char.isprintable() else char for char in level).strip()
    return kept if kept not in ("", ".", "..") else "_"
