"""One reading of a message for all signals: what a person would see, what is hidden from them, and what is known.

Everything here is decoded once and bounded; signals read it and never the raw message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from courriel.model.judgement import Judgement
from courriel.model.threat import Channel

LINKS: Final = 500
"""Links that are looked at; the rest are counted."""
TEXT_CHARACTERS: Final = 200_000
"""Of the text, visible or hidden, that is looked at."""


@dataclass(frozen=True, slots=True)
class Person:
    """One mailbox of an address field.  ``display`` is decoded; ``domain`` is lower case, A-labels; ``organisation``
    is the registrable domain above it by the public suffix list ("" for none)."""

    display: str
    local: str
    domain: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Link:
    """``text`` is what the reader sees, ``href`` as it stands; the rest is taken apart from ``href``, lower case,
    "" where it has none.  ``kind`` is "a", "form", "image", "area", "text" (written out in the text)."""

    kind: str
    text: str
    href: str
    scheme: str
    userinfo: str
    host: str
    port: int | None
    path: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text.  ``content`` decodes it on demand, at most so many octets as it is asked for."""

    name: str
    media_type: str
    octets: int
    inline: bool
    content: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Hop:
    """A Received field, newest first.  ``at`` is seconds since the epoch, None when it cannot be read."""

    text: str
    from_name: str
    from_ip: str
    by: str
    with_: str
    at: float | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the server that took the message saw.  "" for what nobody knows."""

    client_ip: str = ""
    helo: str = ""
    reverse_name: str = ""
    mail_from: str = ""
    recipients: tuple[str, ...] = ()
    tls: bool = False
    judgement: Judgement | None = None
    """None: nobody has judged it, which is not the same as a failure."""


@dataclass(frozen=True, slots=True)
class Executive:
    """Somebody in whose name money is asked for.  ``addresses`` are all they write from."""

    name: str
    title: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """What the account has seen of one address before."""

    received: int = 0
    answered: int = 0
    marked_good: int = 0
    marked_junk: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What the account and its house know.  All of it may be empty."""

    own_domains: frozenset[str] = frozenset()
    owner_names: tuple[str, ...] = ()
    executives: tuple[Executive, ...] = ()
    colleagues: tuple[str, ...] = ()
    """Names of the people of the house."""
    senders: Mapping[str, Sender] = field(default_factory=dict)
    """By address and by domain, lower case; a key that is missing has never written, if ``remembers``."""
    remembers: bool = False
    """Whether ``senders`` is complete, so that an unknown sender is a fact."""
    known_message_ids: Callable[[str], bool] | None = None
    known_names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By the name of a correspondent (its words, lower case, without accents): the addresses it wrote from."""


@dataclass(frozen=True, slots=True)
class View:
    """``visible`` is what a reader sees (the HTML part's text where there is one, otherwise the plain text), with
    blanks run together; ``plain`` the plain part's own; ``hidden`` what the HTML hides from readers; ``folded`` is
    ``subject`` and ``visible`` in NFKC, lower case, without zero-width and direction characters, look-alike letters
    made Latin, accents kept."""

    channel: Channel
    headers: tuple[tuple[str, str], ...]
    """Names in lower case and values decoded, unfolded, in order, doubles kept."""
    subject: str
    authors: tuple[Person, ...]
    sender: Person | None
    reply_to: tuple[Person, ...]
    recipients: tuple[Person, ...]
    return_path: Person | None
    plain: str
    visible: str
    hidden: str
    folded: str
    links: tuple[Link, ...]
    links_in_all: int
    scripts: tuple[str, ...]
    """Texts of script elements and handlers, each cut to 2,000 characters."""
    styles: str
    images: int
    has_html: bool
    attachments: tuple[Attachment, ...]
    hops: tuple[Hop, ...]
    language: str
    """"en", "fr", "de" … by its commonest words, "" when too short to tell."""
    arrival: Arrival
    context: Context

    def header(self, name: str) -> str | None:
        """The first field of this name (lower case)."""
        return next((value for key, value in self.headers if key == name), None)
