"""Base subjects.  RFC 5256 §2.1, §5; collation keys RFC 5051 §2."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.collation import casemap
from courriel.formats.message.base_subject import base_subject

CASES = [
    ("", "", False),
    ("hello", "hello", False),
    ("Re: hello", "hello", True),
    ("RE : hello", "hello", True),
    ("Fw: Fwd: FWD:hello", "hello", True),
    ("Re[2]: hello", "hello", True),
    ("Re [x] : hello", "hello", True),
    ("Reply: hello", "Reply: hello", False),
    ("Re", "Re", False),
    ("Re:", "", True),
    ("hello (fwd)", "hello", True),
    ("hello (FWD) (fwd)\t", "hello", True),
    ("(fwd) hello", "(fwd) hello", False),
    ("  hello \t world\r\n again ", "hello world again", False),
    ("[list] hello", "hello", False),
    ("[list] [topic] hello", "hello", False),
    ("[list] Re: [topic] Re: hello", "hello", True),
    ("[list]", "[list]", False),
    ("[a][b]", "[b]", False),  # the last blob stays when nothing else would
    ("[a] [b] (fwd)", "[b]", True),
    ("[unclosed hello", "[unclosed hello", False),
    ("[a[b]] hello", "[a[b]] hello", False),  # no blob in a blob
    ("[fwd: hello]", "hello", True),
    ("[Fwd: Re: hello (fwd)] (fwd)", "hello", True),
    ("Re: [fwd: [FWD: [list] hello]]", "hello", True),
    ("[fwd: hello] world", "world", False),
    ("[fwd:]", "", True),
    ("[fwd: a] [fwd: b]", "b", True),
    ("Aw: hello", "Aw: hello", False),  # §7: only English is known
]


@pytest.mark.parametrize(("subject", "base", "answer"), CASES)
def test_base_subject(subject: str, base: str, answer: bool) -> None:
    assert base_subject(subject) == (base, answer)


PIECES = st.sampled_from(["re", "fw", "fwd", ":", " ", "[", "]", "[list]", "(fwd)", "[fwd:", "hello", "\t", "é"])


@given(st.lists(PIECES, max_size=14).map("".join))
def test_a_base_subject_is_its_own(subject: str) -> None:
    base, _ = base_subject(subject)
    assert base_subject(base)[0] == base
    assert not base.startswith(" ") and not base.endswith(" ")


@given(st.lists(PIECES, max_size=8).map("".join))
def test_an_answer_has_the_same_base(subject: str) -> None:
    base, _ = base_subject(subject)
    assert base_subject("Re: " + subject) == (base, True)
    assert base_subject(subject + " (fwd)") == (base, True)


@pytest.mark.parametrize(
    "subject",
    [
        "[a]" * 200_000,
        "re:" * 300_000,
        "(fwd)" * 200_000,
        "[fwd:" * 99_000 + "]" * 99_000,
        "[" * 900_000,
        "[a]" * 9 + " ",
    ],
)
def test_hostile_subjects_cost_no_more_than_their_length(subject: str) -> None:
    began = time.process_time()
    base_subject(subject)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Hello", "HELLO"),
        ("_a", "_A"),
        ("é", "E\u0301"),
        ("ǆ", "D\u017d".replace("\u017d", "z\u030c")),
        ("ß", "ß"),
        ("ﬁ", "fi"),
    ],
)
def test_collation_key(text: str, key: str) -> None:
    assert casemap(text) == key


def test_ascii_is_compared_in_capitals() -> None:
    """i;ascii-casemap: "_" sorts behind letters, as it does behind capitals.  RFC 4790 §9.2."""
    assert sorted(["_", "a", "B"], key=casemap) == ["a", "B", "_"]
