"""The texts of POP3 replies in the client's language.  RFC 6856 §3 (LANG); matching RFC 4647 §3.4.

Replies are made in English; whoever chose another language gets the first line translated on its way out, so that
nothing is paid by those who did not.  Numbers in a text stand where the catalogue has ``{}``.
"""

from __future__ import annotations

import re
from typing import Final

from courriel.base.i18n import N_, translator

DEFAULT: Final = "en"

LANGUAGES: Final = {"en": "English", "fr": "Français"}
"""Tags, and each language's own name."""

TEXTS: Final = (
    N_("Capabilities"),
    N_("Bye"),
    N_("USER first"),
    N_("Mechanisms"),
    N_("Mechanism not on offer"),
    N_("Cancelled"),
    N_("TLS is on already"),
    N_("No TLS here"),
    N_("Begin TLS"),
    N_("UTF-8"),
    N_("Languages"),
    N_("No such language here"),
    N_("Language changed"),
    N_("{} messages"),
    N_("{} octets"),
    N_("{} messages ({} octets)"),
    N_("Deleted"),
    N_("No such message"),
    N_("Syntax error"),
    N_("Temporarily unavailable, try again later"),
    N_("The stored message cannot be read"),
    N_("Wrong name or password"),
    N_("Too many logins, try again later"),
    N_("No maildrop"),
    N_("The maildrop is gone"),
    N_("Not permitted"),
    N_("Not possible"),
    N_("The maildrop is open in another session"),
    N_("You logged in a moment ago, try again later"),
    N_("Not in this state"),
    N_("Unknown command"),
    N_("Line too long"),
    N_("Cleartext login needs TLS: STLS first"),
    N_("Too many errors"),
    N_("Too many connections, try again later"),
    N_("Internal error"),
    N_("Some deleted messages were not removed"),
)
"""Every text of a reply; a test walks the replies for others."""

_KNOWN: Final = frozenset(TEXTS)

_REPLY: Final = re.compile(rb"((?:\+OK|-ERR) (?:\[[A-Z/-]+\] |(?:en|fr) (?=Language))?)([^\r]+)(?=\r\n)")
_NUMBER: Final = re.compile(r"\d+")


def choose(wanted: str) -> str | None:
    """The language for a range such as "fr-CA" or "*" (our default); None when it is not spoken here."""
    if wanted == "*":
        return DEFAULT
    primary = wanted.partition("-")[0].lower()
    return primary if primary in LANGUAGES else None


def localised(reply: bytes, language: str) -> bytes:
    """A reply with the text of its first line in ``language``; what is no known text stays as it is."""
    found = _REPLY.match(reply)
    if found is None:
        return reply
    text = found[2].decode("utf-8", "replace")
    pattern, numbers = _NUMBER.sub("{}", text), _NUMBER.findall(text)
    if text in _KNOWN:
        said = translator(language)(text)
    elif pattern in _KNOWN:
        said = translator(language)(pattern).format(*numbers)
    else:
        return reply
    return found[1] + said.encode() + reply[found.end() :]
