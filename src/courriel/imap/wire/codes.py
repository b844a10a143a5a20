"""Response codes.  RFC 9051 §7.1, RFC 5530, and the extensions named beside each."""

from __future__ import annotations

from typing import Final

ALREADYEXISTS: Final = b"[ALREADYEXISTS] "
AUTHENTICATIONFAILED: Final = b"[AUTHENTICATIONFAILED] "
BADCHARSET: Final = b"[BADCHARSET (US-ASCII UTF-8)] "
BADEVENT: Final = (  # RFC 5465 §3.1: all events there are
    b"[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange"
    b" ServerMetadataChange)] "
)
CANNOT: Final = b"[CANNOT] "
COMPRESSIONACTIVE: Final = b"[COMPRESSIONACTIVE] "  # RFC 4978 §3
EXPUNGEISSUED: Final = b"[EXPUNGEISSUED] "
HASCHILDREN: Final = b"[HASCHILDREN] "
LIMIT: Final = b"[LIMIT] "
METADATA_TOOMANY: Final = b"[METADATA TOOMANY] "  # RFC 5464 §4.3
NONEXISTENT: Final = b"[NONEXISTENT] "
NOPERM: Final = b"[NOPERM] "
OVERQUOTA: Final = b"[OVERQUOTA] "
PRIVACYREQUIRED: Final = b"[PRIVACYREQUIRED] "
SERVERBUG: Final = b"[SERVERBUG] "
TOOBIG: Final = b"[TOOBIG] "  # RFC 4469 §4.2, RFC 7889 §4
TRYCREATE: Final = b"[TRYCREATE] "
UIDREQUIRED: Final = b"[UIDREQUIRED] "  # RFC 9586 §3
UNAVAILABLE: Final = b"[UNAVAILABLE] "
UNKNOWN_CTE: Final = b"[UNKNOWN-CTE] "  # RFC 3516 §4.3
