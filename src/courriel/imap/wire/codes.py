"""Response codes.  RFC 9051 §7.1, RFC 5530, and the extensions named beside each."""

from __future__ import annotations

from typing import Final

ALREADYEXISTS: Final = b"[ALREADYEXISTS] "
AUTHENTICATIONFAILED: Final = b"[AUTHENTICATIONFAILED] "
BADCHARSET: Final = b"[BADCHARSET (US-ASCII UTF-8)] "
CANNOT: Final = b"[CANNOT] "
EXPUNGEISSUED: Final = b"[EXPUNGEISSUED] "
HASCHILDREN: Final = b"[HASCHILDREN] "
LIMIT: Final = b"[LIMIT] "
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
