"""What mail programs are told of our servers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats import autodiscover
from courriel.formats.autodiscover import OUTLOOK_SCHEMA, ROOT_SCHEMA
from courriel.mua import autoconfig
from tests.http.house import Answer, house

REQUEST = (
    '<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/'
    'outlook/requestschema/2006"><Request><EMailAddress>{address}</EMailAddress>'
    "<AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
)
MOBILE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"


def ask(directory: Path, host: str, path: str, *, body: bytes = b"") -> Answer:
    async def act() -> Answer:
        async with house(directory) as place:
            return await place.ask(host, path, method="POST" if body else "GET", body=body)

    return asyncio.run(act())


PLACES = [
    ("autoconfig.example.org", "/mail/config-v1.1.xml?emailaddress=a%40example.org"),
    ("autoconfig.example.org", "/mail/config-v1.1.xml"),
    ("example.org", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=a@example.org"),
    ("mx.example.org", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=a@example.org"),
]


@pytest.mark.parametrize(("host", "path"), PLACES)
def test_our_own_client_finds_the_servers_in_our_file(tmp_path: Path, host: str, path: str) -> None:
    given = ask(tmp_path, host, path)
    assert given.status == 200 and given.fields["content-type"].startswith("application/xml")
    found = autoconfig.parse_file(given.body, "a@example.org", "a", "example.org")
    assert found.imap == autoconfig.Endpoint("mx.example.org", 993, True)
    assert found.submission == autoconfig.Endpoint("mx.example.org", 465, True)
    assert found.user == "a@example.org"
    kinds = [(one.get("type"), one.findtext("port")) for one in ET.fromstring(given.body).iterfind(".//incomingServer")]
    assert kinds == [("imap", "993"), ("imap", "143"), ("pop3", "110")]


@pytest.mark.parametrize(
    ("host", "query"), [("autoconfig.example.org", "?emailaddress=a@elsewhere.example"), ("mx.example.org", "")]
)
def test_of_others_nothing_is_told(tmp_path: Path, host: str, query: str) -> None:
    assert ask(tmp_path, host, f"/mail/config-v1.1.xml{query}").status == 404


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"])
def test_outlook_is_told_of_each_server(tmp_path: Path, path: str) -> None:
    body = REQUEST.format(address="a&amp;b@example.org", schema=OUTLOOK_SCHEMA).encode()
    given = ask(tmp_path, "autodiscover.example.org", path, body=body)
    assert given.status == 200
    name = "{" + OUTLOOK_SCHEMA + "}"
    told = [
        tuple([one.findtext(f"{name}{tag}") for tag in ("Type", "Server", "Port", "LoginName", "SSL", "Encryption")])
        for one in ET.fromstring(given.body).iter(f"{name}Protocol")
    ]
    assert told == [
        ("IMAP", "mx.example.org", "993", "a&b@example.org", "on", "SSL"),
        ("IMAP", "mx.example.org", "143", "a&b@example.org", "off", "TLS"),
        ("POP3", "mx.example.org", "110", "a&b@example.org", "off", "TLS"),
        ("SMTP", "mx.example.org", "465", "a&b@example.org", "on", "SSL"),
    ]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]>'
    b"<a><EMailAddress>&c;@example.org</EMailAddress></a>"
)
ERRORS = [
    (REQUEST.format(address="a@elsewhere.example", schema=OUTLOOK_SCHEMA).encode(), "500"),
    (REQUEST.format(address="a@example.org", schema=MOBILE).encode(), "601"),
    (REQUEST.format(address="", schema=OUTLOOK_SCHEMA).encode(), "600"),
    (b"not XML", "600"),
    (BOMB, "600"),
]


@pytest.mark.parametrize(("body", "code"), ERRORS)
def test_what_cannot_be_answered_is_said_in_its_own_terms(tmp_path: Path, body: bytes, code: str) -> None:
    given = ask(tmp_path, "autodiscover.example.org", "/autodiscover/autodiscover.xml", body=body)
    assert given.status == 200
    assert ET.fromstring(given.body).findtext(".//{" + ROOT_SCHEMA + "}ErrorCode") == code


def test_a_request_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    body = b"<a>" + b" " * 200_000
    assert ask(tmp_path, "autodiscover.example.org", "/autodiscover/autodiscover.xml", body=body).status == 413


def test_limits_of_a_request() -> None:
    with pytest.raises(LimitExceeded):
        autodiscover.parse_request(b" " * (autodiscover.REQUEST_OCTETS + 1))
    many = b"<a>" + b"<b/>" * autodiscover.ELEMENTS + b"</a>"
    with pytest.raises(LimitExceeded):
        autodiscover.parse_request(many)


@given(st.binary(max_size=400))
def test_any_octets_are_a_request_or_a_format_error(octets: bytes) -> None:
    for body in (octets, b"<a><EMailAddress>" + octets + b"</EMailAddress></a>"):
        try:
            assert "@" in autodiscover.parse_request(body).address
        except FormatError:
            continue


JSON = [
    ("?Email=a@example.org&Protocol=AutodiscoverV1", 200),
    ("/v1.0/a@example.org?Protocol=autodiscoverv1", 200),
    ("?Email=a@example.org&Protocol=ActiveSync", 400),
    ("?Email=a@elsewhere.example&Protocol=AutodiscoverV1", 404),
]


@pytest.mark.parametrize(("query", "status"), JSON)
def test_the_json_service_leads_to_the_xml_one(tmp_path: Path, query: str, status: int) -> None:
    given = ask(tmp_path, "autodiscover.example.org", f"/autodiscover/autodiscover.json{query}")
    assert given.status == status
    if status == 200:
        assert json.loads(given.body)["Url"] == "https://autodiscover.example.org/autodiscover/autodiscover.xml"
