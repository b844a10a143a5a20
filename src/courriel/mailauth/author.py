"""The author's domain: the one that people see, and that DMARC protects.  RFC 9989 §4.2, §11.5."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.base.errors import FormatError
from courriel.formats import address, domain


def author_domains(values: Sequence[bytes]) -> tuple[str, ...]:
    """Domains of all mailboxes in all From fields, as A-labels, each once; () where one of them is no domain.

    Read as those readers do that refuse what can be read in two ways; what only lenient ones can read counts if all it
    gives are domains.
    """
    try:
        return tuple(dict.fromkeys(_domain(one) for value in values for one in _mailboxes(value)))
    except (FormatError, UnicodeDecodeError):
        return ()


def _mailboxes(value: bytes) -> list[address.Mailbox]:
    try:
        return address.parse_from_strict(value)
    except FormatError:
        return address.parse_mailbox_list(value)


def _domain(mailbox: address.Mailbox) -> str:
    return domain.normalise(mailbox.domain.decode("utf-8"))
