"""Maildir: what file and folder names say.  D. J. Bernstein, maildir(5); Maildir++ folders as Courier lays them out.

    file name = unique [",S=" octets] [",W=" octets] [":2," flags]        flags in ASCII order: D F P R S T, a–z
    folder    = "." component *( "." component )                           the Inbox is the Maildir itself

Components are modified UTF-7, with ``\\2e`` for a dot and ``\\2f`` for a slash inside one, as Dovecot's listescape
writes them.  Names only: no file is opened here, and no name that leaves its directory is ever rendered.
"""

from __future__ import annotations

import re

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import mutf7

FLAGS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
"""Letters of the info part and the IMAP flags they stand for; ``P`` (passed) is the keyword ``$Forwarded``."""
_LETTER = {flag: letter for letter, flag in FLAGS.items()}

NAME_OCTETS = 255
"""``maildir.name_octets``: the longest file name Linux file systems take."""

_NAME = re.compile(r"([^:/\0\r\n]+?)((?:,[A-Z]=[0-9]+)*)(?::2,([A-Za-z]*)|:1,[^/\0\r\n]*|:)?")
_SIZE = re.compile(r",S=([0-9]+)")
_ESCAPED = re.compile(r"\\([0-9a-f]{2})")
_TO_ESCAPE = re.compile(r"[./\\~]")


class MaildirName(msgspec.Struct, frozen=True):
    """A message file's name."""

    unique: str
    letters: str = ""
    """Info letters in ASCII order, each once; ``a``–``z`` mean keywords that a file beside the mail names."""
    size_octets: int | None = None

    @property
    def flags(self) -> frozenset[str]:
        """The IMAP flags of the letters that stand for one."""
        return frozenset([FLAGS[letter] for letter in self.letters if letter in FLAGS])


def parse_name(name: str) -> MaildirName:
    """A file name of ``cur`` or ``new``; FormatError for what cannot be one."""
    match = _NAME.fullmatch(name)
    if match is None or name.startswith("."):
        raise FormatError("maildir name", 0, "maildir(5)")
    size = _SIZE.search(match[2])
    return MaildirName(match[1], "".join(sorted(set(match[3] or ""))), int(size[1][:18]) if size else None)


def render_name(name: MaildirName) -> str:
    """The file name for ``cur``: always with an info part."""
    size = "" if name.size_octets is None else f",S={name.size_octets}"
    rendered = f"{name.unique}{size}:2,{''.join(sorted(set(name.letters)))}"
    if len(rendered.encode("utf-8", "surrogateescape")) > NAME_OCTETS or parse_name(rendered) != name:
        raise FormatError("maildir name", 0, "maildir(5)")
    return rendered


def letters(flags: frozenset[str]) -> str:
    """The info letters for these IMAP flags; flags without a letter are left out."""
    return "".join(sorted(_LETTER[flag] for flag in flags if flag in _LETTER))


def parse_folder(name: str) -> tuple[str, ...]:
    """A Maildir++ folder's directory name as the path of its mailbox; ``()`` for the Inbox (an empty name)."""
    if not name or name == ".":
        return ()
    if not name.startswith("."):
        raise FormatError("maildir folder", 0, 'begins with "."')
    return tuple([_parse_component(part) for part in name[1:].split(".")])


def render_folder(path: tuple[str, ...]) -> str:
    """The directory name of a mailbox path; FormatError for an empty component or a name too long."""
    name = "".join(["." + _render_component(part) for part in path])
    if len(name) > NAME_OCTETS:
        raise FormatError("maildir folder", NAME_OCTETS, "maildir.name_octets")
    return name


def _parse_component(part: str) -> str:
    if not part or "/" in part or "\0" in part:
        raise FormatError("maildir folder", 0, "a component is empty or holds a slash")
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), part)
    try:
        return mutf7.decode(text.encode("ascii"))
    except ValueError:
        return text  # not modified UTF-7: taken as it stands, UTF-8 names included


def _render_component(part: str) -> str:
    if not part or "\0" in part:
        raise FormatError("maildir folder", 0, "a component is empty or holds a NUL")
    return _TO_ESCAPE.sub(lambda match: f"\\{ord(match[0]):02x}", mutf7.encode(part).decode("ascii"))
