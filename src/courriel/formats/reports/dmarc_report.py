"""Aggregate reports of DMARC: what receivers saw of a domain's mail.  RFC 9990 §3.1; older ones RFC 7489 §C.

Reading is lenient in what reports leave out or make up (empty numbers, "1337270400.0", unknown elements and words), and
strict in what XML is: no DTD, so no entities (AUTH attack row 24); nesting, elements and texts are bounded.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final
from xml.parsers import expat

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.reports.dsn import one_line
from courriel.formats.reports.payload import documents, unpack

RECORDS: Final = 50_000
"""``dmarc_report.records``: rows of one report; the largest of big receivers have some 20,000."""

DEPTH: Final = 32
"""``dmarc_report.depth``: elements inside one another; a report has 6."""

ELEMENTS: Final = 1_000
"""``dmarc_report.elements``: of one row, and of the report around the rows."""

TEXT_CHARACTERS: Final = 1_000
"""``dmarc_report.text``: of one text; a name has 255."""


class DkimRow(msgspec.Struct, frozen=True):
    """What the receiver found of one signature."""

    domain: str
    selector: str
    result: str
    human_result: str = ""


class SpfRow(msgspec.Struct, frozen=True):
    """``scope`` is "mfrom", "helo" or "" where none was told."""

    domain: str
    scope: str
    result: str
    human_result: str = ""


class Reason(msgspec.Struct, frozen=True):
    """Why the disposition is not the policy's."""

    kind: str
    comment: str = ""


class Extension(msgspec.Struct, frozen=True):
    """That there is one; what is in it is not read."""

    name: str
    definition: str


class Row(msgspec.Struct, frozen=True):
    """So many messages from one address that fared alike.

    ``source_ip`` is "" where it was no address.  Words are those of the report in lower case, "" where there were none.
    """

    source_ip: str
    count: int
    disposition: str
    dkim: str
    spf: str
    header_from: str
    envelope_from: str = ""
    envelope_to: str = ""
    reasons: tuple[Reason, ...] = ()
    dkim_results: tuple[DkimRow, ...] = ()
    spf_results: tuple[SpfRow, ...] = ()
    extensions: tuple[Extension, ...] = ()


class Published(msgspec.Struct, frozen=True):
    """The policy that the receiver found, words as in ``Row``."""

    domain: str
    p: str
    sp: str = ""
    np: str = ""
    adkim: str = ""
    aspf: str = ""
    testing: bool = False
    fo: str = ""
    discovery_method: str = ""


class DmarcReport(msgspec.Struct, frozen=True):
    """One report.  ``begin`` and ``end`` are POSIX seconds."""

    org_name: str
    email: str
    report_id: str
    begin: int
    end: int
    policy: Published
    rows: tuple[Row, ...]
    version: str = ""
    extra_contact_info: str = ""
    errors: tuple[str, ...] = ()
    generator: str = ""
    extensions: tuple[Extension, ...] = ()


def read_message(message: bytes) -> DmarcReport:
    """The report that a message carries.  Raises FormatError where it carries none."""
    for document in documents(message, b"<"):
        return read(document)
    raise FormatError("DMARC report", rule="no XML in it")


def read(octets: bytes) -> DmarcReport:
    """A report, packed or not.  Raises FormatError, LimitExceeded."""
    reader = _Reader()
    root = reader.read(unpack(octets))
    if root.name != "feedback":
        raise FormatError("DMARC report", 0, "no feedback (RFC 9990 §3.1.1)")
    meta, policy = root.child("report_metadata"), root.child("policy_published")
    span = meta.child("date_range")
    if not meta.children or not policy.text_of("domain"):
        raise FormatError("DMARC report", 0, "neither reporter nor domain (RFC 9990 §3.1.1)")
    return DmarcReport(
        meta.text_of("org_name"),
        meta.text_of("email"),
        meta.text_of("report_id"),
        span.number_of("begin"),
        span.number_of("end"),
        _published(policy),
        tuple(reader.rows),
        root.text_of("version"),
        meta.text_of("extra_contact_info"),
        tuple([node.value for node in meta.all("error") if node.value]),
        meta.text_of("generator"),
        _extensions(root),
    )


def _published(policy: _Node) -> Published:
    return Published(
        policy.text_of("domain").lower(),
        policy.word_of("p"),
        policy.word_of("sp"),
        policy.word_of("np"),
        policy.word_of("adkim"),
        policy.word_of("aspf"),
        policy.word_of("testing") == "y",
        policy.text_of("fo"),
        policy.word_of("discovery_method"),
    )


def _row(record: _Node) -> Row:
    row, names, auth = record.child("row"), record.child("identifiers"), record.child("auth_results")
    evaluated = row.child("policy_evaluated")
    return Row(
        _address(row.text_of("source_ip")),
        row.number_of("count"),
        evaluated.word_of("disposition"),
        evaluated.word_of("dkim"),
        evaluated.word_of("spf"),
        names.text_of("header_from").lower(),
        names.text_of("envelope_from").lower(),
        names.text_of("envelope_to").lower(),
        tuple([Reason(one.word_of("type"), one.text_of("comment")) for one in evaluated.all("reason")]),
        tuple(
            [
                DkimRow(
                    one.text_of("domain"), one.text_of("selector"), one.word_of("result"), one.text_of("human_result")
                )
                for one in auth.all("dkim")
            ]
        ),
        tuple(
            [
                SpfRow(one.text_of("domain"), one.word_of("scope"), one.word_of("result"), one.text_of("human_result"))
                for one in auth.all("spf")
            ]
        ),
        _extensions(record),
    )


def _extensions(node: _Node) -> tuple[Extension, ...]:
    found = node.child("extensions").all("extension")
    return tuple([Extension(one.attributes.get("name", ""), one.attributes.get("definition", "")) for one in found])


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


# ------------------------------------------------------------------------------------------------------ XML


class _Node:
    """One element: its children by name, its text, its attributes."""

    __slots__ = ("attributes", "children", "name", "pieces")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: dict[str, list[_Node]] = {}
        self.pieces: list[str] = []

    @property
    def value(self) -> str:
        return one_line("".join(self.pieces), TEXT_CHARACTERS)

    def all(self, name: str) -> list[_Node]:
        return self.children.get(name, [])

    def child(self, name: str) -> _Node:
        found = self.children.get(name)
        return found[0] if found else _NOTHING

    def text_of(self, name: str) -> str:
        found = self.children.get(name)
        return found[0].value if found else ""

    def word_of(self, name: str) -> str:
        return self.text_of(name).lower()

    def number_of(self, name: str) -> int:
        """A whole number; 0 where there is none.  quirk: some reporters write seconds as "1337270400.0"."""
        digits = self.text_of(name).partition(".")[0]
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0


_NOTHING: Final = _Node("", {})
"""Stands for a child that is not there; never changed."""


class _Reader:
    """Rows are made as they end, so that a report of many rows is never in memory as elements."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._open: list[_Node] = []
        self._root: _Node | None = None
        self._elements = 0

    def read(self, document: bytes) -> _Node:
        """The root element, rows taken out of it."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse("a DTD is no part of a report")
        parser.ProcessingInstructionHandler = _refuse("a processing instruction is no part of a report")
        try:
            parser.Parse(document, True)
        except expat.ExpatError as error:
            raise FormatError(
                "DMARC report", parser.CurrentByteIndex, f"XML: {expat.ErrorString(error.code)}"
            ) from None
        except (LookupError, ValueError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError("DMARC report", 0, "an encoding that is not known") from None
        assert self._root is not None  # well-formed XML has one
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) >= DEPTH:
            raise LimitExceeded("DMARC report", -1, "dmarc_report.depth")
        if self._elements > ELEMENTS:
            raise LimitExceeded("DMARC report", -1, "dmarc_report.elements")
        self._open.append(_Node(name.rpartition(":")[2], attributes))

    def _text(self, text: str) -> None:
        pieces = self._open[-1].pieces
        if len(pieces) < TEXT_CHARACTERS:
            pieces.append(text[: 4 * TEXT_CHARACTERS])

    def _end(self, _name: str) -> None:
        node = self._open.pop()
        if not self._open:
            self._root = node
        elif len(self._open) == 1 and node.name == "record":
            if len(self.rows) == RECORDS:
                raise LimitExceeded("DMARC report", -1, "dmarc_report.records")
            self.rows.append(_row(node))
            self._elements = 0
        else:
            self._open[-1].children.setdefault(node.name, []).append(node)


def _refuse(rule: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise FormatError("DMARC report", -1, rule)

    return refuse
