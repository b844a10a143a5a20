"""Autodiscover for mail programs that speak IMAP, POP3 and SMTP: the request's address, and the answer with servers.

    POST  <Autodiscover><Request><EMailAddress>…</EMailAddress><AcceptableResponseSchema>…</…></Request></Autodiscover>
    200   <Autodiscover><Response><Account><AccountType>email</…><Action>settings</…><Protocol><Type>IMAP</…> …

[MS-OXDSCLI] 2.2.3 (request), 2.2.4 (response); the IMAP, POP and SMTP protocols are those of the schema "outlook/
responseschema/2006a".  What is asked for in another schema (ActiveSync) is not answered here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.mail_servers import MailServer

MEDIA_TYPE: Final = "application/xml"

REQUEST_OCTETS: Final = 16_384
"""``autodiscover.request``: real ones have some 350."""

ELEMENTS: Final = 64
"""``autodiscover.elements``: a request has four."""

ADDRESS_CHARACTERS: Final = 320
"""``autodiscover.address``: RFC 5321 §4.5.3.1, local part, @ and domain."""

ROOT_SCHEMA: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
OUTLOOK_SCHEMA: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


class Asked(msgspec.Struct, frozen=True):
    """``schema`` is the form of answer the program understands, "" where it does not say."""

    address: str
    schema: str


def parse_request(octets: bytes) -> Asked:
    """The address a program asks for.  Raises FormatError, LimitExceeded; a DTD, and so an entity, is refused."""
    if len(octets) > REQUEST_OCTETS:
        raise LimitExceeded("Autodiscover request", REQUEST_OCTETS, "autodiscover.request")
    reader = _Reader()
    reader.read(octets)
    address = reader.texts.get("EMailAddress", "").strip()
    if not address or len(address) > ADDRESS_CHARACTERS or "@" not in address:
        raise FormatError("Autodiscover request", 0, "no EMailAddress ([MS-OXDSCLI] 2.2.3)")
    return Asked(address, reader.texts.get("AcceptableResponseSchema", "").strip())


class _Reader:
    """Texts of elements by their name; of a repeated one the first counts."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self._elements = 0

    def read(self, octets: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse
        try:
            parser.Parse(octets, True)
        except expat.ExpatError as error:
            rule = f"XML: {expat.ErrorString(error.code)}"
            raise FormatError("Autodiscover request", parser.CurrentByteIndex, rule) from None
        except (LookupError, ValueError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError("Autodiscover request", 0, "an encoding that is not known") from None

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS:
            raise LimitExceeded("Autodiscover request", -1, "autodiscover.elements")
        self._open.append("" if name in self.texts else name)

    def _text(self, text: str) -> None:
        if name := self._open[-1]:
            self.texts[name] = self.texts.get(name, "") + text

    def _end(self, _name: str) -> None:
        self._open.pop()


def _refuse(*_: object) -> None:
    raise FormatError("Autodiscover request", -1, "a DTD is no part of a request")


def render(address: str, servers: Sequence[MailServer]) -> bytes:
    """Settings for ``address``.  Programs take the first server of each kind."""
    protocols = [line for server in servers for line in _protocol(address, server)]
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<Autodiscover xmlns="{ROOT_SCHEMA}">',
        f'  <Response xmlns="{OUTLOOK_SCHEMA}">',
        f"    <User><DisplayName>{escape(address)}</DisplayName></User>",
        "    <Account>",
        "      <AccountType>email</AccountType>",
        "      <Action>settings</Action>",
        *protocols,
        "    </Account>",
        "  </Response>",
        "</Autodiscover>",
        "",
    ]
    return "\n".join(lines).encode()


def _protocol(address: str, server: MailServer) -> list[str]:
    kind = {"imap": "IMAP", "pop3": "POP3", "smtp": "SMTP"}[server.protocol]
    own_login = ["        <UsePOPAuth>off</UsePOPAuth>"] if server.protocol == "smtp" else []
    return [
        "      <Protocol>",
        f"        <Type>{kind}</Type>",
        f"        <Server>{escape(server.host)}</Server>",
        f"        <Port>{server.port}</Port>",
        f"        <LoginName>{escape(address)}</LoginName>",
        "        <DomainRequired>off</DomainRequired>",
        "        <SPA>off</SPA>",
        f"        <SSL>{'on' if server.implicit_tls else 'off'}</SSL>",
        f"        <Encryption>{'SSL' if server.implicit_tls else 'TLS'}</Encryption>",
        "        <AuthRequired>on</AuthRequired>",
        *own_login,
        "      </Protocol>",
    ]


def render_error(code: int, message: str) -> bytes:
    """Why there are no settings: 500 for an address that is not ours, 600 for a request that is none, 601 for a
    schema that is not spoken.  [MS-OXDSCLI] 2.2.4."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{ROOT_SCHEMA}">\n  <Response>\n'
        f'    <Error Time="00:00:00.0000000" Id="0">\n      <ErrorCode>{code}</ErrorCode>\n'
        f"      <Message>{escape(message)}</Message>\n      <DebugData />\n    </Error>\n"
        "  </Response>\n</Autodiscover>\n"
    ).encode()
