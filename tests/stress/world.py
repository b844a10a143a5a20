"""What must be there: one account's mail, as it follows from the commands that were said, and from nothing else.

The server is never asked; names are canonical paths.  All commands of a stress come one after the other, so each
has one right outcome.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

Flags = frozenset[bytes]


@dataclass(eq=False)
class Letter:
    """A message in a mailbox.  ``origin`` is the same for all copies; ``version`` rises with each change of flags."""

    uid: int
    origin: int
    octets: bytes
    flags: Flags
    version: int = 0

    @property
    def seen(self) -> bool:
        return b"\\Seen" in self.flags

    def change(self, flags: Flags) -> None:
        if flags != self.flags:
            self.flags = flags
            self.version += 1


@dataclass(eq=False)
class Box:
    """A mailbox.  It stays the same one when it is renamed.  ``uidvalidity`` is learnt when first told."""

    letters: list[Letter] = field(default_factory=list)
    uidnext: int = 1
    uidvalidity: int | None = None
    gone: bool = False

    def add(self, origin: int, octets: bytes, flags: Flags) -> int:
        self.letters.append(Letter(self.uidnext, origin, octets, flags))
        self.uidnext += 1
        return self.uidnext - 1

    def some(self, uids: Iterable[int]) -> list[Letter]:
        wanted = set(uids)
        return [letter for letter in self.letters if letter.uid in wanted]

    def remove(self, letters: Iterable[Letter]) -> None:
        doomed = set(letters)
        self.letters = [letter for letter in self.letters if letter not in doomed]


class World:
    """The account.  What returns a bool says whether the server must say OK."""

    def __init__(self, names: Iterable[str]) -> None:
        self.boxes = {name: Box() for name in names}
        self.subscribed = set(self.boxes)
        self.validities: set[int] = set()
        self.origins = count(1)

    def name(self, box: Box) -> str:
        return next(name for name, one in self.boxes.items() if one is box)

    def below(self, name: str) -> list[str]:
        return [other for other in self.boxes if other.startswith(name + "/")]

    def append(self, box: Box, octets: bytes, flags: Flags) -> int:
        return box.add(next(self.origins), octets, flags)

    def copy(self, letters: list[Letter], target: Box) -> list[int]:
        return [target.add(letter.origin, letter.octets, letter.flags) for letter in letters]

    def create(self, name: str) -> bool:
        if name in self.boxes:
            return False
        levels = name.split("/")
        for depth in range(1, len(levels) + 1):
            self.boxes.setdefault("/".join(levels[:depth]), Box())
        return True

    def delete(self, name: str) -> bool:
        if name == "INBOX" or name not in self.boxes or self.below(name):
            return False
        self.boxes.pop(name).gone = True
        return True

    def rename(self, name: str, new: str) -> bool:
        if name not in self.boxes or new in self.boxes:
            return False
        if name == "INBOX":
            self.create(new)
            inbox = self.boxes[name]
            self.copy(inbox.letters, self.boxes[new])
            inbox.remove(list(inbox.letters))
            return True
        if new.startswith(name + "/"):
            return False
        moving = {other: new + other[len(name) :] for other in [name, *self.below(name)]}
        boxes = {moved: self.boxes.pop(other) for other, moved in moving.items()}
        if "/" in new and new.rpartition("/")[0] not in self.boxes:
            self.create(new.rpartition("/")[0])
        self.boxes.update(boxes)
        return True

    def learn_validity(self, box: Box, told: int) -> None:
        """The same for a mailbox's whole life, and no other one's ever."""
        if box.uidvalidity is None:
            assert told not in self.validities, "a UIDVALIDITY was given twice"
            self.validities.add(told)
            box.uidvalidity = told
        assert told == box.uidvalidity
