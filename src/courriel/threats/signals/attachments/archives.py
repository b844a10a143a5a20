"""Archives: what is in them, whether they are locked and the key stands in the message, whether they are bombs.

ZIP (APPNOTE.TXT 4.3), gzip and tar are opened, bounded; of RAR the names and the lock are read; of the rest only that
they are there. How it is evaded: a password in a picture or in the next message; a type nobody opens.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from courriel.base.i18n import N_
from courriel.formats.archive.zip import directory, member
from courriel.model.threat import Finding, Group, Kind
from courriel.threats.signal import Signal
from courriel.threats.signals import advice
from courriel.threats.signals.attachments.file import DEPTH, File, extension, finding
from courriel.threats.signals.attachments.types import IMAGES, NOTEBOOKS, PROGRAMS, SCRIPTS, SHORTCUTS

MEMBERS: Final = 20
"""Files of one archive that are opened."""
MEMBER_OCTETS: Final = 1 << 20
NAMES: Final = 1_000
"""Names of one archive that are looked at."""
BOMB_RATIO: Final = 200
"""A whole archive that unpacks to so many times its size, and to BOMB_OCTETS, is no document."""
BOMB_OCTETS: Final = 100 << 20

_HARMFUL: Final = PROGRAMS | SCRIPTS | SHORTCUTS | IMAGES | NOTEBOOKS
_ARCHIVES: Final = frozenset(["zip", "rar", "7z", "gz", "tgz", "tar", "cab", "ace", "arj", "iso", "img"])
_OPENED: Final = _ARCHIVES | frozenset(
    [
        "doc",
        "docm",
        "docx",
        "xls",
        "xlsm",
        "xlsx",
        "ppt",
        "pptm",
        "rtf",
        "pdf",
        "html",
        "htm",
        "shtml",
        "svg",
        "xhtml",
        "",
    ]
)
_PASSWORD: Final = re.compile(
    r"\b(?:pass(?:word|wort|code)?|pwd|pw|mot de passe|mdp|code|kennwort|contraseña|senha)\b"
    r"[\s:=\"'«“is-]{1,12}([^\s<>]{3,30})"
)
_OFFICE: Final = "[Content_Types].xml"

INSIDE: Final = Signal(
    name="attachments.archive-program",
    group=Group.ATTACHMENTS,
    seen=N_("The archive {file} contains {inner}, which can run on your computer."),
    why=N_("Packing is a way to bring programs past the checks of mail servers."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.4},
)
LOCKED: Final = Signal(
    name="attachments.archive-locked",
    group=Group.ATTACHMENTS,
    seen=N_("The archive {file} is locked with a password, so that nobody can check it."),
    why=N_("A lock keeps virus scanners out; it protects you from nothing when anyone can write you."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 1.0},
)
KEY_GIVEN: Final = Signal(
    name="attachments.archive-key",
    group=Group.ATTACHMENTS,
    seen=N_("The archive {file} is locked, and its password stands in the message."),
    why=N_("A lock whose key hangs beside it keeps out only the virus scanner."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 2.8},
)
NESTED: Final = Signal(
    name="attachments.archive-nested",
    group=Group.ATTACHMENTS,
    seen=N_("The archive {file} contains an archive again: {inner}."),
    why=N_("Archives in archives are there to tire out virus scanners."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 1.0},
)
BOMB: Final = Signal(
    name="attachments.archive-bomb",
    group=Group.ATTACHMENTS,
    seen=N_("Unpacked, the archive {file} would be {times} times as large."),
    why=N_("Such archives are made to bring down whoever unpacks them."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 2.0},
)
RARE: Final = Signal(
    name="attachments.archive-rare",
    group=Group.ATTACHMENTS,
    seen=N_("The file {file} is an archive of a kind that hardly anybody uses in mail."),
    why=N_("Rare kinds are chosen because virus scanners cannot open them."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 1.2},
)


def zipped(file: File) -> Iterable[Finding]:
    """What a ZIP file says of itself, without unpacking anything.  Office documents are no archives to people."""
    infos = directory(file.octets)[:NAMES]
    names = [info.filename for info in infos]
    if _OFFICE in names:
        return
    yield from _names(file, names)
    if any(info.flag_bits & 1 for info in infos):
        yield from _locked(file)
    unpacked = sum(info.file_size for info in infos)
    if unpacked > max(BOMB_OCTETS, BOMB_RATIO * file.size):
        yield finding(file, BOMB, times=str(unpacked // max(1, file.size)))


def compressed(file: File) -> Iterable[Finding]:
    """The names in a packed tar, or of what was packed."""
    yield from _names(file, [name for name, _, _ in members(file)])


def locked_rar(file: File) -> Iterable[Finding]:
    """RAR: names stand in the open unless they are locked too.  The block headers of RAR 1.5-4 and RAR 5."""
    if _rar_is_locked(file.octets):
        yield from _locked(file)
    names = [match[0].decode("utf-8", "replace") for match in _RAR_NAME.finditer(file.octets[:200_000])][:NAMES]
    yield from _names(file, names)


def opaque(file: File) -> Iterable[Finding]:
    """An archive that nobody here opens; a 7z may be quite honest."""
    yield finding(file, RARE, 0.3 if file.kind == "7z" else 1.0)
    if file.kind == "7z" and _key_given(file):
        yield from _locked(file)


def members(file: File) -> Iterator[tuple[str, bytes, int]]:
    """(name, octets, whole size) of the files in an archive that are worth a look, as far as the budget goes."""
    found = _unzipped(file) if file.kind == "zip" else _ungzipped(file) if file.kind == "gzip" else iter(())
    for number, (name, octets, size) in enumerate(found):
        file.budget.inflated -= len(octets)
        yield name, octets, size
        if file.budget.inflated <= 0 or number + 1 >= MEMBERS:
            return


def _unzipped(file: File) -> Iterator[tuple[str, bytes, int]]:
    infos = directory(file.octets)[:NAMES]
    if any(info.filename == _OFFICE for info in infos):
        return
    for info in infos:
        if not info.is_dir() and extension(info.filename) in _OPENED | _HARMFUL:
            octets = member(file.octets, info, min(MEMBER_OCTETS, max(0, file.budget.inflated)))
            if octets:
                yield info.filename, octets, info.file_size


def _ungzipped(file: File) -> Iterator[tuple[str, bytes, int]]:
    limit = min(MEMBER_OCTETS, max(0, file.budget.inflated))
    try:
        octets = zlib.decompressobj(wbits=31).decompress(file.octets, limit)
    except zlib.error:
        return
    if octets[257:262] != b"ustar":
        yield file.name.removesuffix(".gz"), octets, len(octets)
        return
    try:
        with tarfile.open(fileobj=io.BytesIO(octets), mode="r:") as tar:
            for info in tar:
                reader = tar.extractfile(info) if info.isfile() else None
                if reader is not None and extension(info.name) in _OPENED | _HARMFUL:
                    yield info.name, reader.read(MEMBER_OCTETS), info.size
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return


def _names(file: File, names: list[str]) -> Iterator[Finding]:
    for name in names:
        if extension(name) in _HARMFUL:
            yield finding(file, INSIDE, 1.0 if len(names) <= 5 else 0.5, name, inner=name[-80:])
            break
    inner = next((name for name in names if extension(name) in _ARCHIVES), None)
    if inner is not None and len(names) <= 3:
        yield finding(file, NESTED, 1.0 if file.depth + 1 >= DEPTH else 0.5, inner, inner=inner[-80:])


def _locked(file: File) -> Iterator[Finding]:
    key = _key_given(file)
    yield finding(file, KEY_GIVEN, 1.0, key) if key else finding(file, LOCKED)


def _key_given(file: File) -> str:
    """The words of the message that give a password, "" for none."""
    match = _PASSWORD.search(file.view.folded)
    return match[0] if match else ""


_RAR_NAME: Final = re.compile(
    rb"[\x20-\x7e]{1,100}\.(?:" + b"|".join(sorted(name.encode() for name in _HARMFUL)) + rb")(?![\x21-\x7e])", re.I
)


def _rar_is_locked(octets: bytes) -> bool:
    """Block flags: RAR 4 main header 0x0080 (headers) or file header 0x0004; RAR 5 has a header of type 4."""
    if octets.startswith(b"Rar!\x1a\x07\x01\x00"):
        return len(octets) > 14 and octets[13] == 4
    if len(octets) < 32:
        return False
    main = int.from_bytes(octets[10:12], "little")
    first = 7 + int.from_bytes(octets[12:14], "little")
    return bool(main & 0x80) or (octets[first + 2 : first + 3] == b"\x74" and bool(octets[first + 3] & 0x04))


SIGNALS: Final[tuple[Signal, ...]] = (INSIDE, LOCKED, KEY_GIVEN, NESTED, BOMB, RARE)
