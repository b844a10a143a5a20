"""Which mailboxes of a shard name somebody in their access lists: identifier → mailboxes.

A mirror of table ``acl``, made from it at opening and after a repair, and kept up with each group that is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import apsw

from courriel.model.ids import AccountId, MailboxId
from courriel.model.rights import Acl

Key: TypeAlias = tuple[AccountId, MailboxId]


class Grants:
    """See above.  On the loop thread."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._named: dict[str, set[Key]] = {}
        self.load(connection)

    def load(self, connection: apsw.Connection) -> None:
        self._named.clear()
        for account, mailbox, who in connection.execute("SELECT acct, coll, who FROM acl"):
            self._named.setdefault(who, set()).add((AccountId(account), MailboxId(mailbox)))

    def replace(self, key: Key, before: Acl, after: Acl) -> None:
        """The list of one mailbox was ``before`` and is ``after``."""
        for who in before.keys() - after.keys():
            mailboxes = self._named[who]
            mailboxes.discard(key)
            if not mailboxes:
                del self._named[who]
        for who in after.keys() - before.keys():
            self._named.setdefault(who, set()).add(key)

    def naming(self, identifiers: Iterable[str]) -> set[Key]:
        """The mailboxes whose lists have an entry for one of these."""
        named, found = self._named, set[Key]()
        for who in identifiers:
            if who in named:
                found |= named[who]
        return found
