"""Reverse-paths of mail that is sent on: the Sender Rewriting Scheme.  M. W. Wong, "SRS", 2004 (libsrs2.net/srs).

    SRS0=HHHHHHHH=TT=domain=local@ours               by the first that sends on
    SRS1=HHHHHHHH=first==rest-of-its-SRS0@ours        by each one after it: bounces jump back to the first

``T`` is the day modulo 1024 in two characters of base32, ``H`` a seal over what follows it.  What we did not write, or
wrote too long ago, has no meaning.  Pure: keys and time are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats.path import DEFAULT, Path, parse_address
from courriel.formats.seal import is_sealed, seal

EXPIRE_DAYS: Final = 21
"""``srs.expire_days``: how long a bounce may take.  The paper's own proposal; queues give up after five days."""

_DAY_S: Final = 86_400
_DAYS: Final = 1024
_DIGITS: Final = "abcdefghijklmnopqrstuvwxyz234567"
# The separator behind the tag is one of three in the paper; between the fields it is "=".
_MARK: Final = re.compile(r"srs([01])[=+-]", re.IGNORECASE)
_FIRST: Final = re.compile(r"([a-z2-7]{8})=([a-z2-7]{2})=([^=]+)=(.+)", re.IGNORECASE | re.DOTALL)
_AFTER: Final = re.compile(r"([a-z2-7]{8})=([^=]+)=([=+-].+)", re.IGNORECASE | re.DOTALL)


class BadReturn(FormatError):
    """An SRS address that is not ours, is forged, or is too old."""


def is_rewritten(local: str) -> bool:
    """Whether a local part looks like SRS0 or SRS1, whoever wrote it."""
    return _MARK.match(local) is not None


def rewrite(keys: Sequence[bytes], sender: Path, domain: str, now: float) -> Path | None:
    """The reverse-path at ``domain`` for mail of ``sender`` that is sent on; None when it has no room.

    ``sender`` is not null.  A local part has 64 octets (RFC 5321 §4.5.3.1.1), and some senders need them all.
    """
    mark = _MARK.match(sender.local)
    if mark is None:
        local = _first(keys, sender.domain, sender.local, now)
    else:
        again = _AFTER.fullmatch(sender.local, mark.end()) if mark[1] == "1" else None
        # A second one keeps what points to the first, and puts its own seal before it.
        first, rest = (again[2], again[3]) if again else (sender.domain, sender.local[mark.end() - 1 :])
        local = f"SRS1={seal(keys, 'srs1', first, rest)}={first}={rest}"
    if len(local.encode("utf-8")) > DEFAULT.local_octets:
        return None
    rewritten = Path(local, domain)
    return rewritten if len(rewritten.to_smtp()) <= DEFAULT.path_octets else None


def _first(keys: Sequence[bytes], domain: str, local: str, now: float) -> str:
    day = _stamp(now)
    return f"SRS0={seal(keys, 'srs0', day, domain, local)}={day}={domain}={local}"


def restore(keys: Sequence[bytes], local: str, now: float) -> Path:
    """Whom a bounce to this local part is for.  Raises BadReturn."""
    mark = _MARK.match(local)
    if mark is None:
        raise BadReturn("SRS address", 0, "neither SRS0 nor SRS1")
    if mark[1] == "0":
        return _restore_first(keys, local, mark.end(), now)
    return _restore_after(keys, local, mark.end())


def _restore_first(keys: Sequence[bytes], local: str, start: int, now: float) -> Path:
    found = _FIRST.fullmatch(local, start)
    if found is None or not is_sealed(keys, found[1], "srs0", found[2], found[3], found[4]):
        raise BadReturn("SRS address", start, "not sealed by us")
    if _age_days(found[2], now) > EXPIRE_DAYS:
        raise BadReturn("SRS address", start, "srs.expire_days")
    return _path(found[4], found[3])


def _restore_after(keys: Sequence[bytes], local: str, start: int) -> Path:
    """The first one's own address; how old it is, is the first one's to judge."""
    found = _AFTER.fullmatch(local, start)
    if found is None or not is_sealed(keys, found[1], "srs1", found[2], found[3]):
        raise BadReturn("SRS address", start, "not sealed by us")
    return _path(f"SRS0{found[3]}", found[2])


def _path(local: str, domain: str) -> Path:
    try:
        return parse_address(Path(local, domain).address)
    except FormatError as error:
        raise BadReturn("SRS address", 0, error.rule) from None


def _stamp(now: float) -> str:
    day = int(now // _DAY_S) % _DAYS
    return _DIGITS[day >> 5] + _DIGITS[day & 31]


def _age_days(stamp: str, now: float) -> int:
    high, low = (_DIGITS.index(character) for character in stamp.lower())
    return (int(now // _DAY_S) - (high << 5 | low)) % _DAYS
