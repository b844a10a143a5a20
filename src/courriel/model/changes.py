"""What happened in a mailbox, in the order in which it became visible."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from courriel.model.ids import MailboxId, ModSeq, Uid


class Arrived(msgspec.Struct, frozen=True):
    """``count`` messages were added at the end; ``first_uid`` is the lowest of their UIDs."""

    modseq: ModSeq
    first_uid: Uid
    count: int


class Flagged(msgspec.Struct, frozen=True):
    """The flags of these messages changed.  ``uids`` is ascending; the new flags stand in the view.

    ``places`` are their indexes in the arrays that the view had then: good for as long as it has the same ones.
    """

    modseq: ModSeq
    uids: Sequence[int]
    places: Sequence[int]


class Gone(msgspec.Struct, frozen=True):
    """These messages were expunged.  ``uids`` is ascending."""

    modseq: ModSeq
    uids: Sequence[int]


class Dropped(msgspec.Struct, frozen=True):
    """The mailbox itself was deleted (or its UIDVALIDITY changed): a session on it must end."""

    modseq: ModSeq


ViewChange = Arrived | Flagged | Gone | Dropped


class FlagResult(msgspec.Struct, frozen=True):
    """Outcome of a flag change.

    ``changed`` are the UIDs whose flags are now as asked (ascending), ``conflicts`` those left alone because
    they changed after UNCHANGEDSINCE (RFC 7162 §3.1.3), ``modseq`` the highest number given (or the mailbox's,
    when nothing changed: ``altered`` is then False, and the number may be that of somebody else's change).
    """

    changed: Sequence[int]
    conflicts: Sequence[int]
    modseq: ModSeq
    altered: bool = True


class Copied(msgspec.Struct, frozen=True):
    """COPYUID of a COPY or MOVE: ``sources[i]`` became ``targets[i]``.  RFC 4315 §3."""

    uidvalidity: int
    sources: Sequence[int]
    targets: Sequence[int]


class JournalEntry(msgspec.Struct, frozen=True):
    """One committed change of an account, for those who follow it: JMAP, DAV, search index, caches.

    ``kinds`` names the sorts of object touched ("mail", "mailbox", …).
    """

    modseq: ModSeq
    kinds: tuple[str, ...]
    mailboxes: tuple[MailboxId, ...]
