"""Whom accounts get to know by their mail: who writes to them, and whom they write to."""

from __future__ import annotations

from typing import Final

from courriel.delivery.judge import FROM_OCTETS, header_length
from courriel.delivery.route import Plan
from courriel.formats import address
from courriel.formats.header import split_block
from courriel.model.envelope import Door
from courriel.model.transit import Transit
from courriel.ports.correspondents import Correspondents, Known

RECIPIENTS: Final = 50
"""``acquaintance.recipients``: of one message that is sent; more are an audience, not correspondents."""


class Acquaintance:
    """Notes it once a message is taken.  What goes among the junk makes nobody known."""

    def __init__(self, known: Correspondents) -> None:
        self._known = known

    def taken(self, transit: Transit, plan: Plan) -> None:
        """By the door that it came through."""
        envelope = transit.envelope
        if envelope.door is Door.SUBMISSION and envelope.client.account is not None:
            for recipient in envelope.recipients[:RECIPIENTS]:
                self._known.note(envelope.client.account, str(recipient.address).lower(), Known(answered=1))
        elif envelope.door is Door.MX and not transit.junk and (author := author_of(transit.content)):
            for drop in plan.drops:
                self._known.note(drop.account.id, author, Known(received=1))


def author_of(content: bytes) -> str:
    """The address of the first mailbox of From, lower case, "" for none."""
    fields = split_block(content[: header_length(content)]).all(b"from")
    if not fields or len(fields[0]) > FROM_OCTETS:
        return ""
    found = next(iter(address.mailboxes(address.parse_address_list(fields[0]))), None)
    return found.address.lower() if found is not None and found.domain else ""
