"""Tests of the language and its extensions, as tables: what is true of one message."""

from __future__ import annotations

import pytest

from tests.sieve.scripts import MAIL, holds

TRUE = [
    # RFC 5228 §2.7.1, §5
    ('header :is "x-priority" "3"', ""),
    ('header :contains "subject" "PRESENT"', ""),
    ('header :matches "subject" "*[list]*pr?sent"', ""),
    ('header :is "subject" "Grüße [list] $$$ I have a present"', ""),
    ('header :contains "x-priority" ""', ""),
    ('not header :contains "x-nothing" ""', ""),
    ('header :contains ["x-nothing", "subject"] ["zzz", "$$$"]', ""),
    ('header :comparator "i;octet" :contains "subject" "present"', ""),
    ('not header :comparator "i;octet" :contains "subject" "PRESENT"', ""),
    ('address :all :is "from" "coyote@desert.example.org"', ""),
    ('address :domain :is ["from", "to"] "EXAMPLE.NET"', ""),
    ('address :localpart :is "from" "coyote"', ""),
    ('address :is "to" "bugs@example.net"', ""),
    ('exists ["from", "date"]', ""),
    ('not exists ["from", "x-nothing"]', ""),
    ("size :over 500", ""),
    ("size :under 1K", ""),
    ("not size :over 1G", ""),
    ("allof (true, not false)", ""),
    ("not allof (true, false)", ""),
    ("anyof (false, true)", ""),
    ('envelope :is "from" "coyote@desert.example.org"', "envelope"),
    ('envelope :domain :is "to" "acme.example.com"', "envelope"),
    ('not envelope :contains "auth" ""', "envelope"),
    ('header :contains "subject" "${hex:24 24}"', "encoded-character"),
    ('header :contains "subject" "${unicode:fc}"', "encoded-character"),
    ('not header :contains "subject" "${hex:24 24}"', ""),
    # RFC 5231
    ('header :value "ge" :comparator "i;ascii-numeric" "x-priority" "3"', "relational comparator-i;ascii-numeric"),
    ('not header :value "gt" :comparator "i;ascii-numeric" "x-priority" "21"', "relational comparator-i;ascii-numeric"),
    ('header :count "eq" "received" "2"', "relational"),
    ('address :count "ge" "to" "2"', "relational"),
    ('header :is :comparator "i;ascii-numeric" "x-priority" "003"', "comparator-i;ascii-numeric"),
    ('header :contains :comparator "i;unicode-casemap" "subject" "GRÜ"', "comparator-i;unicode-casemap"),
    # RFC 5233
    ('address :user :is "to" "roadrunner"', "subaddress"),
    ('address :detail :is "to" "acme"', "subaddress"),
    ('not address :detail :contains "from" ""', "subaddress"),
    ('envelope :detail "to" "acme"', "envelope subaddress"),
    # RFC 5173
    ('body :contains "café"', "body"),
    ('body :text :contains "words of html"', "body"),
    ('body :raw :contains "caf=E9"', "body"),
    ('not body :raw :contains "café"', "body"),
    ('body :content "text" :contains "<b>HTML"', "body"),
    ('body :content "application/pdf" :is "%PDF"', "body"),
    ('body :content "multipart" :contains "Prologue"', "body"),
    ('body :content "" :contains "epilogue"', "body"),
    ('not body :content "image" :contains ""', "body"),
    # RFC 5260
    ('date "date" "hour" "08"', "date"),
    ('date :originalzone "date" "hour" "10"', "date"),
    ('date :zone "-0500" "date" "time" "03:30:00"', "date"),
    ('date "date" "weekday" "2"', "date"),
    ('date "date" "julian" "61368"', "date"),
    ('date :originalzone "date" "iso8601" "2026-11-24T10:30:00+02:00"', "date"),
    ('date :originalzone "date" "std11" "Tue, 24 Nov 2026 10:30:00 +0200"', "date"),
    ('date :originalzone "date" "zone" "+0200"', "date"),
    ('date :value "ge" "date" "date" "2026-11-01"', "date relational"),
    ('date :index 2 "received" "date" "2026-11-24"', "date index"),
    ('date :index 1 :last :originalzone "received" "date" "2026-11-23"', "date index"),
    ('currentdate :matches "year" "2026"', "date"),
    ('currentdate :zone "+1400" :is "zone" "+1400"', "date"),
    ('header :index 2 :contains "received" "c.example"', "index"),
    ('header :index 1 :last :contains "received" "c.example"', "index"),
    ('not header :index 3 :contains "received" ""', "index"),
    # RFC 5183, 5490, 8579, 5463, 5435, 5235
    ('environment :is "domain" "example.com"', "environment"),
    ('not environment :contains "nothing" ""', "environment"),
    ('mailboxexists ["Work", "inbox"]', "mailbox"),
    ('not mailboxexists ["Work", "Elsewhere"]', "mailbox"),
    ('specialuse_exists "\\\\Junk"', "special-use"),
    ('specialuse_exists "Junk" "\\\\Junk"', "special-use"),
    ('not specialuse_exists "Work" "\\\\Junk"', "special-use"),
    ('ihave ["fileinto", "body"]', "ihave"),
    ('not ihave "vnd.other.nothing"', "ihave"),
    ('valid_notify_method "mailto:a@example.org?subject=x"', "enotify"),
    ('not valid_notify_method ["mailto:a@example.org", "tel:+1"]', "enotify"),
    ('notify_method_capability "mailto:a@example.org" "online" "maybe"', "enotify"),
    ('spamtest :value "eq" :comparator "i;ascii-numeric" "0"', "spamtest relational comparator-i;ascii-numeric"),
    ('virustest "0"', "virustest"),
    # regex, RFC 5703 §4
    ('header :regex "subject" "^gr..e \\\\[[a-z]+\\\\]"', "regex"),
    ('not header :regex "subject" "^present"', "regex"),
    ('header :mime :anychild :contenttype "content-type" "application/pdf"', "mime"),
    ('not header :mime :contenttype "content-type" "application/pdf"', "mime"),
    ('header :mime :type "content-type" "multipart"', "mime"),
    ('header :mime :anychild :subtype "content-type" "html"', "mime"),
    ('header :mime :anychild :param "filename" "content-disposition" "bill.pdf"', "mime"),
    ('exists :mime :anychild "content-disposition"', "mime"),
]


@pytest.mark.parametrize(("test", "require"), TRUE)
def test_it_is_true(test: str, require: str) -> None:
    assert holds(test, require)
    assert not holds(f"not {test}", require)


MATCHES = [
    ("a*c", "abc", ["abc", "b"]),
    ("*a*", "banana", ["banana", "b", "nana"]),
    ("?b?", "abc", ["abc", "a", "c"]),
    ("\\\\*", "*", ["*"]),
    ("*", "", ["", ""]),
]


@pytest.mark.parametrize(("pattern", "text", "found"), MATCHES)
def test_wildcards_hold_as_little_as_they_can(pattern: str, text: str, found: list[str]) -> None:
    """RFC 5229 §3.2."""
    checks = "".join(f', string :is "${{{number}}}" "{value}"' for number, value in enumerate(found))
    assert holds(f'allof (string :matches "{text}" "{pattern}"{checks})', "variables")


def test_a_list_in_the_subject_names_the_mailbox() -> None:
    """RFC 5229 §3.2, its example."""
    assert holds('allof (header :matches "subject" "*[*]*", string "${2}" "list")', "variables")


def test_an_address_that_is_no_address_matches_nothing() -> None:
    assert not holds('address :contains "to" ""', mail=b"To: \r\nFrom: a@example.org\r\n\r\n")


def test_headers_of_the_trace_are_seen() -> None:
    assert holds('header :contains "received" "b.example"', mail=MAIL)


def test_a_spam_level_is_what_the_scanner_says() -> None:
    """RFC 5235 §3.2: 1 is clean, 10 is spam; :percent from 0 to 100."""
    numeric = ':value "ge" :comparator "i;ascii-numeric"'
    require = "spamtest spamtestplus relational comparator-i;ascii-numeric"
    assert holds(f'spamtest {numeric} "5"', require, spam=6)
    assert holds('spamtest :percent :is "100"', "spamtestplus", spam=10)
    assert holds('virustest :is "5"', "virustest", virus=5)
