"""From clear text to TLS on a client's connection.  RFC 3207 §5, RFC 2595 §4, RFC 9051 §6.2.1.

Whatever the server said in clear behind its "go ahead" was said by somebody in between: it is not to be believed as
if it had come through TLS, and the connection is not to be trusted either.
"""

from __future__ import annotations

import asyncio
import ssl

from courriel.base.errors import FormatError


async def upgrade(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str
) -> None:
    """Shake hands.  Raises FormatError when octets in clear wait unread, ssl.SSLError, OSError."""
    if reader._buffer:  # type: ignore[attr-defined]  # asyncio has no other way to ask
        raise FormatError("TLS handshake", 0, "octets in clear before it")
    await writer.start_tls(context, server_hostname=host)
