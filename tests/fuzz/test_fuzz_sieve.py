"""Any bytes at all, given to Sieve and to ManageSieve: a script, its mistakes, a command; never anything else."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.managesieve.wire import Commands
from courriel.sieve.advice import advice
from courriel.sieve.check import compile_script
from courriel.sieve.message import Message
from courriel.sieve.problems import BadScript
from courriel.sieve.run import Environment, execute

EVERYTHING = compile_script(
    b"""require ["body", "date", "foreverypart", "mime", "extracttext", "variables", "editheader", "regex", "index"];
    if anyof (header :contains "subject" "zzz", address :domain :is ["from", "to"] "zzz", exists ["x", "y"],
              date :originalzone "date" "iso8601" "x", header :regex :index 2 :last "received" "(a|b)*c$",
              body :text :contains "zzz", body :content "text" :matches "*z?z*", body :raw :is "z") { discard; }
    foreverypart { extracttext "t"; if header :mime :anychild :param "filename" "content-disposition" "${t}" { stop; } }
    deleteheader :matches "subject" "*a*"; addheader "X-A" "${t}";"""
)


def fuzz_script(data: bytes) -> None:
    try:
        script = compile_script(data, traced=True)
    except BadScript as error:
        assert error.problems and str(error)
        return
    advice(data, frozenset())
    execute(script, Message(b"Subject: x\r\n\r\nx\r\n"), _world())


def fuzz_sorted_message(data: bytes) -> None:
    assert execute(EVERYTHING, Message(data.replace(b"\0", b"")), _world()).actions


def fuzz_managesieve(data: bytes) -> None:
    reader = Commands(100)
    reader.feed(data + b"\r\n")
    while reader.next() is not None:
        pass


def _world() -> Environment:
    return Environment("a@example.org", "b@example.org", 1.8e9, time.thread_time)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for target in (fuzz_script, fuzz_sorted_message, fuzz_managesieve):
        target(data)


@settings(max_examples=100)
@given(st.binary(max_size=200), st.text(max_size=100))
def test_any_fields_and_parts(head: bytes, text: str) -> None:
    fields = b"Subject: %b\r\nFrom: %b\r\nDate: %b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    word = text.encode("utf-8", "replace")
    fuzz_sorted_message(fields % (head, word, head) + b"--x\r\n" + word + b"\r\n--x\r\n" + head + b"\r\n--x--")
