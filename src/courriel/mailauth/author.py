"""The author's domain: the one that people see, and that DMARC protects.  RFC 9989 §4.2, §11.5."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats import address, domain

_AFTER_AT: Final = re.compile(rb"@([A-Za-z0-9][A-Za-z0-9.-]*+)")


def author_domains(values: Sequence[bytes]) -> tuple[str, ...]:
    """Domains of all mailboxes in all From fields, as A-labels, each once; () where one of them is no domain.

    A value with one meaning has its mailboxes' domains.  Of any other, readers may show whatever looks like an address,
    so all those domains count, and the worst of them decides (AUTH attack row 12, A18).
    """
    try:
        return tuple(dict.fromkeys(one for value in values for one in _domains(value)))
    except (FormatError, UnicodeDecodeError):
        return ()


def _domains(value: bytes) -> Iterator[str]:
    try:
        mailboxes = address.parse_from_strict(value)
    except FormatError:
        yield from [domain.normalise(one.domain.decode("utf-8")) for one in address.parse_mailbox_list(value)]
        for found in _AFTER_AT.findall(value):
            yield domain.normalise(found.rstrip(b".-").decode("ascii"))
    else:
        yield from [domain.normalise(one.domain.decode("utf-8")) for one in mailboxes]
