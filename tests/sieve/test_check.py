"""What is wrong with a script: every mistake, its line, in words; and scripts that are bytes of any kind."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.sieve.check import compile_script
from courriel.sieve.extensions import CAPABILITIES, COMMANDS, TESTS
from courriel.sieve.grammar import Node, Number, Strings, Tag, parse, render
from courriel.sieve.message import Message
from courriel.sieve.problems import PROBLEMS, BadScript, OutOfTime
from courriel.sieve.run import execute
from courriel.sieve.settings import SieveSettings
from tests.sieve.scripts import MAIL, mistakes, world

WRONG = [
    ("keep", "line 1: a semicolon is missing after “keep”, before “EOF”"),
    ("\n\nfoo;", "line 3: there is no command “foo”"),
    ("if foo { }", "line 1: there is no test “foo”"),
    ('fileinto "x";', 'line 1: “fileinto” needs: require "fileinto";'),
    ('require "nothing";', "line 1: there is no extension “nothing” here"),
    ('keep; require "fileinto";', "line 1: “require” stands before all other commands"),
    ("else { }", "line 1: “else” follows no “if”"),
    ("if true { } else { } else { }", "line 1: “else” follows no “if”"),
    ("header;", "line 1: “header” is a test: it belongs behind “if”"),
    ("if keep { }", "line 1: “keep” is a command, not a test"),
    ('if header :is :contains "a" "b" { }', "line 1: “:contains” and “:is” exclude each other"),
    ('if header :nonsense "a" "b" { }', "line 1: “header” has no tag “:nonsense”"),
    ('if header "a b" "c" { }', "line 1: “a b” is no name of a field"),
    ('if address "subject" "c" { }', "line 1: the field “subject” does not hold addresses"),
    ('if header :comparator "i;none" "a" "b" { }', "line 1: there is no comparator “i;none”"),
    ('redirect "nobody at home";', "line 1: “nobody at home” is no address"),
    (
        'require "fileinto"; fileinto "a//b";',
        "line 1: “a//b” is no name for a mailbox: a level is empty or made of dots",
    ),
    ("if size 3 { }", "line 1: “size” takes :over or :under"),
    ("if size :over 3 ", "line 1: a semicolon is missing after “if”, before “EOF”"),
    ("stop { }", "line 1: “stop” takes no block"),
    ("stop true;", "line 1: “stop” takes no test; is a semicolon missing?"),
    ("if true;", "line 1: “if” takes one test, a block"),
    ('keep; "open', "line 1: the string begun here has no closing quote"),
    ("/* open", "line 1: the comment begun here has no end: */"),
    ("redirect text:\nopen\n", "line 1: the text begun here has no end: a line with only a dot"),
    ("if size :over 9999999999 { }", "line 1: 9999999999 is too large a number"),
    ("keep; }", "line 1: “}” closes nothing"),
    ("if true { keep;", "line 1: the block of “if” has no end: }"),
    (
        'require "regex"; if header :regex "a" "(" { }',
        "line 1: a regular expression cannot be read: a group has no end",
    ),
    ('require "date"; if currentdate "century" "21" { }', "line 1: a date has no part “century”"),
    ('require "variables"; set "a.b" "c";', "line 1: “a.b” is no name for a variable"),
    ("b\xff".encode("latin-1"), "line 1: this is not UTF-8"),
    ("§", "line 1: “§” has no meaning here"),
]


@pytest.mark.parametrize(("script", "told"), WRONG)
def test_a_mistake_is_told(script: str | bytes, told: str) -> None:
    assert mistakes(script)[0] == told


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes('foo;\nif header "a" { bar "x" }\nfileinto "x";\nif [ { keep; }\nredirect;\n')
    assert [line.split(":")[0] for line in found] == ["line 1", "line 2", "line 2", "line 3", "line 4", "line 5"]


def test_of_a_thousand_mistakes_some_are_told() -> None:
    assert len(mistakes("foo;\n" * 1_000)) == PROBLEMS
    assert len(mistakes("foo\n;;" * 1_000)) == PROBLEMS


def test_scripts_have_a_size() -> None:
    """``sieve.script_octets``."""
    settings = SieveSettings(script_octets=100)
    assert mistakes("#" * 100, settings) == []
    assert mistakes("#" * 101, settings) == ["line 1: the script has more than 100 octets"]


def test_blocks_and_tests_are_nested_so_deep() -> None:
    """``sieve.depth``.  RFC 5228 §2.10.7."""
    settings = SieveSettings()
    assert mistakes("if true {" * 15 + "}" * 15, settings) == []
    assert mistakes("if true {" * 16 + "}" * 16, settings) == ["line 1: blocks are nested more than 15 deep"]
    assert mistakes("if " + "not " * 14 + "true { }", settings) == []
    assert mistakes("if " + "not " * 15 + "true { }", settings) == ["line 1: tests are nested more than 15 deep"]
    assert mistakes("if " + "not(" * 20_000, SieveSettings(script_octets=100_000)) != []


def test_every_capability_can_be_required() -> None:
    names = ", ".join(f'"{name}"' for name in sorted(CAPABILITIES))
    assert mistakes(f"require [{names}];") == []


# --- any bytes ------------------------------------------------------------------------------------------------------
WORDS = [
    *COMMANDS,
    *TESTS,
    *("if", "elsif", "else", "require", "{", "}", "(", ")", "[", "]", ",", ";", ":is", ":matches", ":count", ":copy"),
    *(
        '"subject"',
        '"*"',
        '"${1}"',
        '"a@b.example"',
        "10K",
        "text:\nx\n.\n",
        "# c\n",
        "/* c */",
        ":mime",
        ":index",
        "1",
    ),
    *(f'require "{name}";' for name in CAPABILITIES),
]


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join).map(str.encode)))
def test_any_bytes_are_a_script_or_have_mistakes(raw: bytes) -> None:
    try:
        script = compile_script(raw)
    except BadScript as error:
        assert error.problems
        assert all(problem.sentence(str) for problem in error.problems)
        return
    assert execute(script, Message(MAIL), world()).actions


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "text")
TEXTS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12)
ARGUMENTS = st.one_of(
    st.builds(lambda value: Strings((value,), 1), TEXTS),
    st.builds(lambda values: Strings(tuple(values), 1, True), st.lists(TEXTS, min_size=1, max_size=3)),
    st.builds(lambda value: Number(value, 1), st.integers(0, 2**31 - 1)),
    st.builds(lambda name: Tag(name, 1), NAMES),
)
ARGUMENT_LISTS = st.lists(ARGUMENTS, max_size=3).map(tuple)
TEST_NODES = st.recursive(
    st.builds(lambda name, arguments: Node(name, 1, arguments), NAMES, ARGUMENT_LISTS),
    lambda inner: st.builds(
        lambda name, arguments, tests: Node(name, 1, arguments, tuple(tests)),
        *(NAMES, ARGUMENT_LISTS, st.lists(inner, max_size=3)),
    ),
    max_leaves=4,
)
NODES = st.recursive(
    st.builds(
        lambda name, arguments, tests: Node(name, 1, arguments, tuple(tests)),
        *(NAMES, ARGUMENT_LISTS, st.lists(TEST_NODES, max_size=2)),
    ),
    lambda inner: st.builds(
        lambda name, arguments, block: Node(name, 1, arguments, (), tuple(block)),
        *(NAMES, ARGUMENT_LISTS, st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)


@given(st.lists(NODES, max_size=3).map(tuple))
def test_what_is_rendered_reads_the_same(nodes: tuple[Node, ...]) -> None:
    """Apart from lines."""
    again, problems = parse(render(nodes).encode())
    assert not problems
    assert render(again) == render(nodes)
    assert _bare(again) == _bare(nodes)


def _bare(nodes: tuple[Node, ...]) -> list[object]:
    return [
        (
            node.name,
            [(type(one).__name__, getattr(one, "values", None) or getattr(one, "value", "")) for one in node.arguments],
            _bare(node.tests),
            None if node.block is None else _bare(node.block),
        )
        for node in nodes
    ]


# --- bounds of a run ------------------------------------------------------------------------------------------------
def test_there_are_so_many_redirects() -> None:
    """``sieve.redirects``."""
    four = "".join(f'redirect "a{number}@example.org";' for number in range(4))
    assert execute(compile_script(four.encode()), Message(MAIL), world()).error is None
    five = four + 'redirect "b@example.org";'
    assert execute(compile_script(five.encode()), Message(MAIL), world()).error is not None


def test_there_are_so_many_actions() -> None:
    """``sieve.actions``."""
    script = 'require "fileinto";' + "".join(f'fileinto "{number}";' for number in range(33))
    assert execute(compile_script(script.encode()), Message(MAIL), world()).error is not None


def test_there_are_so_many_variables_of_such_a_length() -> None:
    """``sieve.variables``, ``sieve.variable_characters``."""
    many = 'require "variables";' + "".join(f'set "v{number}" "x";' for number in range(129))
    assert execute(compile_script(many.encode()), Message(MAIL), world()).error is not None
    grows = 'require ["variables"]; set "a" "0123456789";' + 'set "a" "${a}${a}${a}${a}";' * 40
    grows += 'set :length "n" "${a}"; if string "${n}" "4096" { discard; }'
    outcome = execute(compile_script(grows.encode()), Message(MAIL), world())
    assert type(outcome.actions[0]).__name__ == "Discard"


def test_a_run_has_so_much_processor_time() -> None:
    """``sieve.cpu_ms``: the clock here runs a millisecond a look."""
    now = iter(range(10**6))
    script = compile_script(("if true { }" * 4_000).encode())
    with pytest.raises(OutOfTime):
        execute(script, Message(MAIL), world(cpu=lambda: next(now) / 1000), SieveSettings(cpu_ms=50))


LONG = 70_000
HOSTILE = {
    "a long field": (b"Subject: " + b"a" * 10**6 + b"\r\n\r\n", 'if header :regex "subject" "(a|aa)*b" { discard; }'),
    "many addresses": (b"To: " + b"a@b," * 250_000 + b"\r\n\r\n", 'if address :domain "to" "x" { discard; }'),
    "many words": (
        b"Subject: " + b"=?utf-8?q?a?= " * LONG + b"\r\n\r\n",
        'if header :matches "subject" "*b*" { stop; }',
    ),
    "many tags": (b"Content-Type: text/html\r\n\r\n" + b"<b>&amp;" * 125_000, 'if body :contains "x" { discard; }'),
    "many parts": (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n\r\n" * 90_000,
        'foreverypart { if header :mime "a" "b" { discard; } }',
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_megabyte_costs_little(case: str) -> None:
    """``sieve.value_octets``, ``regex_characters``, ``html_characters``: without them 170 to 1,000 ms; now 10 to 90."""
    mail, rule = HOSTILE[case]
    script = compile_script(b'require ["regex", "body", "foreverypart", "mime"];' + rule.encode())
    began = time.thread_time()
    assert execute(script, Message(mail), world()).error is None
    assert time.thread_time() - began < 0.3


def test_parts_in_parts_end_in_time() -> None:
    """Loops in loops over a message of many parts look at the clock in each of them."""
    parts = b"".join(b"--x\r\n\r\n\r\n" for _ in range(200))
    mail = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + parts + b"--x--\r\n"
    script = 'require ["foreverypart", "mime"];' + "foreverypart {" * 14
    script += 'if header :mime :anychild "a" "b" { keep; }' + "}" * 14
    now = iter(range(10**6))
    with pytest.raises(OutOfTime):
        execute(
            compile_script(script.encode()),
            Message(mail),
            world(cpu=lambda: next(now) / 1000),
            SieveSettings(cpu_ms=300),
        )
    assert next(now) < 500
