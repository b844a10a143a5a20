"""Actions, variables, flags, editing, including: what a run wants done."""

from __future__ import annotations

import pytest

from courriel.sieve.actions import Discard, Fcc, FileInto, Keep, Notify, Redirect, Reject, Vacation
from courriel.sieve.check import compile_script
from courriel.sieve.message import Message
from courriel.sieve.run import Script, execute
from tests.sieve.scripts import MAIL, run, world

DONE = [
    ("", [Keep()]),
    ("keep;", [Keep()]),
    ("discard;", [Discard()]),
    ("keep; discard;", [Keep()]),
    ("stop; discard;", [Keep()]),
    ('require "fileinto"; fileinto "Work";', [FileInto("Work")]),
    ('require "fileinto"; fileinto "Work"; fileinto "Work"; keep;', [FileInto("Work"), Keep()]),
    ('require "fileinto"; keep; fileinto "inbox";', [FileInto("INBOX")]),
    ('require ["fileinto", "copy"]; fileinto :copy "Work";', [FileInto("Work"), Keep()]),
    ('require ["fileinto", "mailbox"]; fileinto :create "New";', [FileInto("New", create=True)]),
    (
        'require ["fileinto", "special-use"]; fileinto :specialuse "\\\\Junk" "Spam";',
        [FileInto("Spam", special_use="\\Junk")],
    ),
    ('redirect "a@example.org";', [Redirect("a@example.org")]),
    ('require "copy"; redirect :copy "a@example.org";', [Redirect("a@example.org"), Keep()]),
    ('require "reject"; reject "No.";', [Reject("No.")]),
    ('require "ereject"; ereject text:\nNo.\n..\n.\n;', [Reject("No.\n.\n")]),
    ('if false { discard; } elsif true { keep; } else { redirect "a@b.example"; }', [Keep()]),
    ('require ["imap4flags"]; setflag "\\\\Seen $Work";', [Keep(("\\Seen", "$Work"))]),
    ('require ["imap4flags"]; addflag ["a", "b A"]; removeflag "b"; keep;', [Keep(("a",))]),
    ('require ["imap4flags"]; addflag "\\\\Recent"; keep :flags ["x y"];', [Keep(("x", "y"))]),
    ('require ["imap4flags"]; keep :flags ["é x\\"y (z $Ok x]"];', [Keep(("$Ok",))]),
    (
        'require ["imap4flags", "fileinto", "variables"]; setflag "f" ["a b"]; addflag "f" "c";'
        'if hasflag :contains "f" "c" { fileinto :flags "${f}" "Work"; }',
        [FileInto("Work", ("a", "b", "c"))],
    ),
    (
        'require ["variables", "fileinto"]; set :lower :upperfirst "n" "WORK"; fileinto "${n}/${nothing}x";',
        [FileInto("Work/x")],
    ),
    (
        'require ["variables", "fileinto"]; set :length "n" "four"; fileinto "${n} ${N}";',
        [FileInto("4 4")],
    ),
    (
        'require ["foreverypart", "mime", "extracttext", "variables", "fileinto"]; foreverypart {'
        ' if header :mime :type "content-type" "text" { extracttext :first 6 :upper "t"; fileinto "${t}"; break; } }',
        [FileInto("A CAFÉ")],
    ),
    (
        'require ["foreverypart", "fileinto"]; foreverypart :name "o" { foreverypart { break :name "o"; }'
        ' fileinto "never"; }',
        [Keep()],
    ),
    (
        'require "enotify"; notify :importance "1" :message "Mail!" "mailto:a%2bb@example.org?subject=Hi%20you";',
        [Notify("a+b@example.org", "Mail!", "", "Hi you", 1), Keep()],
    ),
    (
        'require ["ihave", "fileinto"]; if ihave "vnd.nothing" { nothing_known :here "x"; } fileinto "Work";',
        [FileInto("Work")],
    ),
]


@pytest.mark.parametrize(("script", "actions"), DONE)
def test_what_is_done(script: str, actions: list[object]) -> None:
    outcome = run(script)
    assert outcome.error is None
    assert list(outcome.actions) == actions


def test_a_vacation_with_all_it_takes() -> None:
    outcome = run(
        'require ["vacation", "fcc", "mailbox"]; vacation :days 3 :subject "Away" :from "r@acme.example.com"'
        ' :addresses ["x@acme.example.com"] :handle "h" :fcc "Sent" :create "Gone fishing.";'
    )
    [vacation, keep] = outcome.actions
    assert isinstance(vacation, Vacation)
    assert (vacation.reason, vacation.interval_s, vacation.subject) == ("Gone fishing.", 3 * 86_400, "Away")
    assert vacation.addresses == ("x@acme.example.com",)
    assert vacation.fcc == Fcc("Sent", create=True)
    assert keep == Keep()


def test_the_handle_is_made_of_what_is_said() -> None:
    """RFC 5230 §4.2: other words are another answer."""
    handles = []
    for words in ('"One."', '"Two."', ':subject "s" "One."', ':handle "h" "One."', ':handle "h" "Two."'):
        first = run(f'require "vacation"; vacation {words};').actions[0]
        assert isinstance(first, Vacation)
        handles.append(first.handle)
    assert len(set(handles)) == 4
    assert handles[3] == handles[4]


def test_seconds_and_days_have_their_bounds() -> None:
    """RFC 6131 §2: :seconds 0 answers each message."""
    for words, interval_s in ((":seconds 0", 0), (":days 0", 86_400), ("", 7 * 86_400), (":days 9999", 90 * 86_400)):
        first = run(f'require ["vacation", "vacation-seconds"]; vacation {words} "x";').actions[0]
        assert isinstance(first, Vacation)
        assert first.interval_s == interval_s


ERRORS = [
    'require ["reject"]; keep; reject "no";',
    'require ["reject", "fileinto"]; reject "no"; fileinto "x";',
    'require ["reject", "vacation"]; reject "no"; vacation "x";',
    'require ["vacation"]; vacation "x"; vacation "y";',
    'require ["variables"]; redirect "${nothing}";',
    'require ["variables", "fileinto"]; fileinto "${nothing}";',
    'require ["ihave"]; error "enough";',
    'require ["ihave"]; nothing_known "x";',
    'require ["include"]; include "nothing";',
    'require ["editheader", "variables"]; set "n" "received"; addheader "${n}" "x";',
    'require ["editheader"]; addheader "From" "other@example.org";',
    'require ["enotify", "variables"]; notify "${x}";',
    'require ["regex", "variables"]; set "r" "(("; if header :regex "subject" "${r}" { discard; }',
]


@pytest.mark.parametrize("script", ERRORS)
def test_an_error_on_the_way_keeps_the_mail(script: str) -> None:
    """RFC 5228 §2.10.6."""
    outcome = run(f"{script}")
    assert outcome.error is not None
    assert outcome.actions == (Keep(),)


def test_fields_are_added_and_deleted() -> None:
    """RFC 5293 §4–5: what is filed is the message as it is then; later tests see it so."""
    outcome = run(
        'require ["editheader", "fileinto", "copy"]; addheader "X-New" "Grüße"; deleteheader "x-priority";'
        'if header :is "x-new" "grüße" { fileinto :copy "Work"; } addheader :last "X-Last" "1";'
        'deleteheader :index 1 :contains "subject" "nothing of this";'
    )
    filed, kept = outcome.actions
    assert isinstance(filed, FileInto)
    assert isinstance(kept, Keep)
    assert filed.content is not None
    assert kept.content is not None
    assert filed.content.startswith(b"X-New: =?utf-8?b?R3LDvMOfZQ==?=\r\nReceived: ")
    assert b"X-Priority" not in filed.content
    assert b"X-Last" not in filed.content
    header, _, body = kept.content.partition(b"\r\n\r\n")
    assert header.endswith(b"X-Last: 1")
    assert b"\r\nSubject: " in header
    assert body == MAIL.partition(b"\r\n\r\n")[2]


def test_a_value_that_is_added_stays_in_its_field() -> None:
    outcome = run('require ["editheader"]; addheader "X" "a\r\nEvil: 1\n\nbody";')
    [kept] = outcome.actions
    assert isinstance(kept, Keep)
    assert kept.content is not None
    assert b"\nEvil" not in kept.content


def test_ids_are_seen_once() -> None:
    """RFC 7352 §3: the id is kept when the run is over; a known one is not kept anew without :last."""
    script = 'require "duplicate"; if duplicate :seconds 60 { discard; }'
    first = run(script)
    assert first.actions == (Keep(),)
    [seen] = first.seen
    assert seen.seconds == 60
    again = run(script, seen=lambda id: id == seen.id)
    assert (again.actions, again.seen) == ((Discard(),), ())
    last = run(script.replace(":seconds", ":last :seconds"), seen=lambda id: id == seen.id)
    assert last.seen == (seen,)
    other = run(script.replace("duplicate :", 'duplicate :handle "h" :', 1), seen=lambda id: id == seen.id)
    assert other.actions == (Keep(),)


def _scripts(**sources: str) -> object:
    made = {name: compile_script(source.encode()) for name, source in sources.items()}

    def find(location: str, name: str) -> Script | None:
        return made.get(name) if location == "personal" else None

    return find


def test_an_included_script_has_its_own_variables_and_shares_global_ones() -> None:
    """RFC 6609 §3.4."""
    inner = 'require ["include", "variables"]; global "a"; set "a" "inner"; set "b" "inner"; return; discard;'
    outer = (
        'require ["include", "variables", "fileinto"]; global "a"; set "b" "outer"; include "inner";'
        ' fileinto "${a} ${b} ${global.a}";'
    )
    assert run(outer, script=_scripts(inner=inner)).actions == (FileInto("inner outer inner"),)


def test_included_scripts_end() -> None:
    """One that includes itself, or many, is an error; one that stops, stops everything."""
    loop = 'require "include"; include "loop";'
    assert run(loop, script=_scripts(loop=loop)).error is not None
    wide = 'require "include"; ' + 'include "leaf"; ' * 33
    assert run(wide, script=_scripts(leaf="keep;")).error is not None
    once = 'require "include"; ' + 'include :once "leaf"; ' * 33
    assert run(once, script=_scripts(leaf="keep;")).error is None
    assert run('require "include"; include "s"; discard;', script=_scripts(s="stop;")).actions == (Keep(),)
    assert run('require "include"; include :optional "nothing"; discard;').actions == (Discard(),)


def test_scripts_include_each_other_so_deep() -> None:
    """``sieve.include_depth``."""
    chain = {f"s{number}": f'require "include"; include "s{number + 1}";' for number in range(10)} | {"s10": "discard;"}
    ten = run('require "include"; include "s1";', script=_scripts(**chain))
    assert ten.actions == (Discard(),)
    eleven = run('require "include"; include "s0";', script=_scripts(**chain))
    assert eleven.error is not None


def test_so_much_is_added_to_a_header() -> None:
    """``sieve.added_octets``."""
    big = 'addheader "X" "' + "a" * 800 + '";'
    assert run('require "editheader";' + big * 20).error is None
    assert run('require "editheader";' + big * 21).error is not None


def test_ids_are_remembered_so_long_at_most() -> None:
    """``sieve.duplicate_days_most``."""
    [seen] = run('require "duplicate"; if duplicate :seconds 99999999 { stop; }').seen
    assert seen.seconds == 30 * 86_400
    [seen] = run('require "duplicate"; if duplicate { stop; }').seen
    assert seen.seconds == 7 * 86_400


def test_a_trace_says_what_was_looked_at_and_done() -> None:
    script = compile_script(b'if anyof (header :is "x" "y",\n exists "from") {\n discard;\n}', traced=True)
    outcome = execute(script, Message(MAIL), world())
    told = [(step.line, step.what.split()[0], step.result, step.depth) for step in outcome.trace]
    assert told == [
        (1, "anyof", True, 0),
        (1, "header", False, 1),
        (2, "exists", True, 1),
        (3, "discard", None, 1),
    ]
