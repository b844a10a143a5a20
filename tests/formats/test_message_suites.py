"""Public MIME samples: no crash, octets kept, and the structure other parsers state.  CONFORMANCE.md.

mime4j ships each sample with its token stream as XML, mail-parser with its parse as JSON.  Shapes are compared:
where the two of them and we differ, the sample is malformed and is named below with the reason.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from courriel.formats.message.canonical import to_crlf
from courriel.formats.message.parse import Part, parse
from courriel.formats.message.section import Section, SectionKind, decode_binary, extract
from courriel.formats.message.structure import body_form
from courriel.formats.message.summary import summarise
from courriel.formats.message.text import decoded_header, decoded_text
from tests.trial import SHARED

SUITES = SHARED / "suites" / "mime"
Shape = str | list["Shape"]

pytestmark = pytest.mark.skipif(not SUITES.exists(), reason=f"no {SUITES}")


def samples(*suffixes: str) -> list[Path]:
    return sorted(path for path in SUITES.rglob("*") if path.suffix in suffixes and path.is_file())


@pytest.mark.slow
def test_every_sample_is_read_and_every_octet_kept() -> None:
    paths = samples(".eml", ".msg", ".txt", ".bin", ".out", "")
    assert len(paths) > 300
    for path in paths:
        raw = path.read_bytes()
        for form in (raw, to_crlf(raw)):
            summary = summarise(form)
            assert extract(form, summary.parts, 0, Section()) == form
            header = extract(form, summary.parts, 0, Section((), SectionKind.HEADER))
            assert header + extract(form, summary.parts, 0, Section((), SectionKind.TEXT)) == form
            assert body_form(summary.bodystructure).count(b"(") <= summary.bodystructure.count(b"(")
            assert len(summary.preview) <= 200
            assert decoded_header(form, summary.parts, 0) is not None
            assert all(isinstance(text, str) for text in decoded_text(form, summary.parts, 0))


def shape(part: Part) -> Shape:
    if part.message is not None:
        return ["message", shape(part.message)]
    if part.children:
        return ["multipart", *map(shape, part.children)]
    return "leaf"


_TAG = re.compile(r"<(/?)(message|multipart|body-part|body)\b[^>]*?(/?)>")


def stated_by_mime4j(xml: str) -> Shape:
    """The shape in its token stream.  The samples' text is not escaped, so tags are matched, not parsed."""
    stack: list[list[Shape]] = [[]]
    names: list[str] = []
    for closing, name, empty in _TAG.findall(xml):
        if not closing:
            if name == "body" and empty:
                stack[-1].append("leaf")
                continue
            stack.append([])
            names.append(name)
        elif names and names[-1] == name:
            names.pop()
            inner = stack.pop()
            if name == "body":
                stack[-1].append("leaf")
            elif name == "multipart":
                stack[-1].append(["multipart", *inner] if inner else "leaf")
            elif name == "message" and names:
                stack[-1].append(["message", *inner])
            else:
                stack[-1] += inner
    return stack[0][0]


def mime4j() -> list[Path]:
    return [path for path in samples(".msg") if path.with_suffix(".xml").exists()]


_ENCODED = "a base64 message/rfc822: RFC 2045 §6.4 forbids it, and IMAP has no numbers for parts inside"
_PREFIX = "a line that begins with the boundary is a delimiter (RFC 2046 §5.1.1); mime4j wants the whole line"
MIME4J_DIFFERS = {
    "multi-2gifs-base64": _ENCODED,
    "bad-newlines-multiple-parts-base64": _ENCODED,
    "base64encoded-rfc822message-nested": _ENCODED,
    "very-long-boundary": _PREFIX,
    "very-very-long-boundary": _PREFIX,
    "weird-boundary": _PREFIX,
}
MAIL_PARSER_DIFFERS = {
    "rfc/008": _ENCODED,
    "thirdparty/015": "a delimiter inside an attached message ends the attachment; Dovecot reads it as we do",
}


def stated_by_mail_parser(parts: list[dict[str, Any]], number: int) -> Shape:
    body = parts[number]["body"]
    if isinstance(body, dict) and body.get("Multipart"):
        return ["multipart", *[stated_by_mail_parser(parts, child) for child in body["Multipart"]]]
    if isinstance(body, dict) and "Message" in body:
        return ["message", stated_by_mail_parser(body["Message"]["parts"], 0)]
    return "leaf"


def mail_parser() -> list[Path]:
    return [path for path in samples(".eml") if path.with_suffix(".json").exists()]


@pytest.mark.parametrize("path", mime4j(), ids=lambda path: path.stem)
def test_shape_stated_by_mime4j(path: Path) -> None:
    raw = to_crlf(path.read_bytes())
    stated = stated_by_mime4j(path.with_suffix(".xml").read_text("latin-1"))
    ours = shape(parse(raw))
    if path.stem in MIME4J_DIFFERS:
        assert ours != stated, "no longer differs: take it off the list"
    else:
        assert ours == stated


@pytest.mark.parametrize("path", mail_parser(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_shape_stated_by_mail_parser(path: Path) -> None:
    raw = to_crlf(path.read_bytes())
    stated = stated_by_mail_parser(json.loads(path.with_suffix(".json").read_text("utf-8"))["parts"], 0)
    ours = shape(parse(raw))
    if f"{path.parent.name}/{path.stem}" in MAIL_PARSER_DIFFERS:
        assert ours != stated, "no longer differs: take it off the list"
    else:
        assert ours == stated


def test_a_base64_part_decodes_to_the_octets_mime4j_states() -> None:
    path = next(path for path in mime4j() if path.stem == "base64-encoded-text")
    raw = to_crlf(path.read_bytes())
    stated = path.with_name(path.stem + "_decoded_1.txt")
    if not stated.exists():
        pytest.skip(f"no {stated}")
    assert to_crlf(decode_binary(raw, summarise(raw).parts, 0, (1,))) == to_crlf(stated.read_bytes())
