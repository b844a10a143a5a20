"""Folded text of messages that were searched without the help of an index, for the next search.  PERFORMANCE §2.3.

Nothing here is needed for an answer to be right.  Reading, decoding and folding a message takes 8 µs, looking through
what is kept of it 2 to 3 µs.  Who searches a mailbox mostly searches it again: with another word, or the same one
after new mail has come.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Final

import msgspec

from courriel.imap.wire import search as keys
from courriel.model.ids import AccountId, MailboxId

FOLDED_OCTETS: Final = 64 << 20
"""Most octets kept for all mailboxes: some 18,000 messages of 3.6 KB."""

ENTRY_OCTETS: Final = 300
"""What an entry costs beside its texts."""

BETWEEN: Final = "\0"
"""Stands between texts of one message; a search for it is answered from the messages themselves."""


class Folded(msgspec.Struct, frozen=True, gc=False):
    """``body``: the texts of all parts; ``header``: of the message as it is stored, None when nobody asked yet."""

    body: str
    header: str | None
    octets: int
    """Of memory."""

    @classmethod
    def of(cls, body: str, header: str | None) -> Folded:
        taken = sys.getsizeof(body) + (0 if header is None else sys.getsizeof(header))
        return cls(body, header, taken + ENTRY_OCTETS)

    def holds(self, key: keys.Header | keys.InBody | keys.InText) -> bool:
        """Only for keys that ``answers`` says yes to."""
        if key.text in self.body:
            return True
        return self.header is not None and isinstance(key, keys.InText) and key.text in self.header


def answers(key: keys.Header | keys.InBody | keys.InText) -> bool:
    """Whether folded text is all it takes."""
    return not isinstance(key, keys.Header) and not key.loose and BETWEEN not in key.text and bool(key.text)


class FoldedTexts:
    """By mailbox and message.  Mailboxes searched longest ago make room; one that has it all keeps what it has."""

    def __init__(self, limit_octets: int = FOLDED_OCTETS) -> None:
        self._limit = limit_octets
        self._mailboxes: OrderedDict[tuple[AccountId, MailboxId], dict[int, Folded]] = OrderedDict()
        self.octets = 0

    def of(self, account: AccountId, mailbox: MailboxId) -> dict[int, Folded]:
        """What is kept of a mailbox, by the messages' ids; to be read."""
        key = (account, mailbox)
        known = self._mailboxes.get(key)
        if known is None:
            known = self._mailboxes[key] = {}
        self._mailboxes.move_to_end(key)
        return known

    def keep(self, account: AccountId, mailbox: MailboxId, id: int, text: Folded) -> None:
        """If there is room."""
        known = self.of(account, mailbox)
        old = known.pop(id, None)
        self.octets -= 0 if old is None else old.octets
        while self.octets + text.octets > self._limit and len(self._mailboxes) > 1:
            _, dropped = self._mailboxes.popitem(last=False)
            self.octets -= sum(one.octets for one in dropped.values())
            dropped.clear()
        if self.octets + text.octets <= self._limit:
            known[id] = text
            self.octets += text.octets
