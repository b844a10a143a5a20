"""Scripts as the RFCs show them, with what becomes of a message each is about."""

from __future__ import annotations

import pytest

from courriel.sieve.actions import Discard, FileInto, Keep, Notify, Redirect, Reject, Vacation
from tests.sieve.scripts import run

FROM_COYOTE = (
    b"Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\nFrom: coyote@desert.example.org\r\n"
    b"To: roadrunner@acme.example.com\r\nSubject: I have a present for you\r\n\r\nLook, I'm sorry about the anvil.\r\n"
)
FROM_LIST = (
    b"From: owner@lists.example.com\r\nSender: owner-ietf-mta-filters@imc.org\r\nTo: roadrunner@example.com\r\n"
    b"Subject: [acme-users] [fwd] version 1.0 is out\r\nList-Id: <acme.example.org>\r\n\r\nx\r\n"
)
SPAM = (
    b"Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\nFrom: youcouldberich!@reply-by-postal-mail.invalid\r\n"
    b"To: rube@landru.example.com\r\nSubject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$\r\n\r\n"
    b"You may already have won\r\n"
)

RFC5228_9 = """
#
# Example Sieve Filter
# Declare any optional features or extension used by the script
#
require ["fileinto"];
if header :is "Sender" "owner-ietf-mta-filters@imc.org" {
    fileinto "filter";  # move to "filter" mailbox
}
elsif address :DOMAIN :is ["From", "To"] "example.com" {
    keep;               # keep in "In" mailbox
}
elsif anyof (NOT address :all :contains ["To", "Cc", "Bcc"] "me@example.com",
             header :matches "subject" ["*make*money*fast*", "*university*dipl*mas*"]) {
    fileinto "spam";   # move to "spam" mailbox
}
else {
    fileinto "personal";
}
"""

EXAMPLES = {
    "RFC 5228 §9, a list": (RFC5228_9, FROM_LIST, [FileInto("filter")]),
    "RFC 5228 §9, not to me": (RFC5228_9, SPAM, [FileInto("spam")]),
    "RFC 5228 §4.2": ('if header :contains ["From"] ["coyote"] { redirect "acm@example.com"; }', FROM_COYOTE,
                      [Redirect("acm@example.com")]),
    "RFC 5228 §3.1": (
        'if header :contains ["From"] ["coyote"] { redirect "acm@example.com"; }'
        'elsif header :contains "Subject" "$$$" { redirect "postmaster@example.com"; }'
        'else { redirect "field@example.com"; }', SPAM, [Redirect("postmaster@example.com")]),
    "RFC 5228 §4.4": ('if header :contains ["from"] ["idiot@example.org"] { discard; }', SPAM, [Keep()]),
    "RFC 5228 §5.9": (
        "if size :over 100K { discard; } elsif size :under 1M { keep; } else { discard; }", SPAM, [Keep()]),
    "RFC 5229 §3.2": (
        'require ["fileinto", "variables"]; if header :matches "List-ID" "*<*@*" { fileinto "INBOX/lists/${2}"; }'
        'elsif header :matches "Subject" "[acme-users] [fwd] *" { fileinto "INBOX/${1}"; }', FROM_LIST,
        [FileInto("INBOX/version 1.0 is out")]),
    "RFC 5229 §4.1": (
        'require ["variables", "fileinto"]; set "a" "juMBlEd lETteRS"; set :length "b" "${a}"; set :lower "c" "${a}";'
        'set :upperfirst "d" "${a}"; set :upperfirst :lower "e" "${a}"; set :quotewildcard "f" "Rock*";'
        'if string :is "${f}" "Rock\\\\*" { fileinto "${b}|${c}|${d}|${e}"; }', FROM_COYOTE, None),
    "RFC 5231 §7": (
        'require ["relational", "comparator-i;ascii-numeric", "fileinto"];'
        'if header :value "lt" :comparator "i;ascii-numeric" ["x-priority"] ["3"] { fileinto "Priority"; }'
        'elsif address :count "gt" :comparator "i;ascii-numeric" ["to"] ["5"] { fileinto "SPAM"; }'
        'elsif address :value "gt" :all :comparator "i;ascii-casemap" ["from"] ["M"] { fileinto "From N-Z"; }'
        'else { fileinto "From A-M"; }', FROM_COYOTE, [FileInto("From A-M")]),
    "RFC 5232 §9": (
        'require ["fileinto", "imap4flags", "relational"]; if size :over 500K { setflag "\\\\Deleted"; }'
        'if header :contains "from" "coyote" { addflag "\\\\Flagged"; addflag ["\\\\Deleted", "\\\\Answered"];'
        ' removeflag ["\\\\Deleted"]; fileinto "INBOX/From Boss"; }', FROM_COYOTE,
        [FileInto("INBOX/From Boss", ("\\Flagged", "\\Answered"))]),
    "RFC 5233 §4": (
        'require ["envelope", "subaddress", "fileinto"]; if envelope :detail "to" "acme" { fileinto "acme"; }'
        'if address :detail :contains "to" "x" { discard; }', FROM_COYOTE, [FileInto("acme")]),
    "RFC 5173 §5.1": (
        'require ["body", "fileinto"]; if body :raw :contains "MAKE MONEY FAST" { discard; }'
        'if body :content "text" :contains ["missile", "coordinates"] { fileinto "secrets"; }'
        'if not body :text :contains "anvil" { discard; }', FROM_COYOTE, [Keep()]),
    "RFC 5260 §4.4": (
        'require ["date", "relational", "fileinto"]; if allof (header :is "from" "boss@example.com",'
        'date :value "ge" :originalzone "date" "hour" "09", date :value "lt" :originalzone "date" "hour" "17")'
        ' { fileinto "urgent"; } if anyof (currentdate :is "weekday" "0", currentdate :is "weekday" "6",'
        'currentdate :value "ge" "hour" "00") { keep; }', FROM_COYOTE, [Keep()]),
    "RFC 5293 §5": (
        'require ["editheader"]; deleteheader :contains "X-Hello" "World";'
        'if not header :contains "X-Sieve-Filtered" ["<kim@job.example.com>", "<kim@home.example.com>"]'
        ' { redirect "kim@home.example.com"; }', FROM_COYOTE, [Redirect("kim@home.example.com")]),
    "RFC 5429 §2.2": (
        'require ["reject"]; if header :contains "from" "coyote@desert.example.org" { reject text:\r\n'
        "I am not taking mail from you, and I don't\r\nwant your birdseed, either!\r\n.\r\n; }", FROM_COYOTE,
        [Reject("I am not taking mail from you, and I don't\nwant your birdseed, either!\n")]),
    "RFC 5435 §3.7": (
        'require ["enotify"]; if header :contains "from" "coyote" { notify :importance "3" :message "A present"'
        ' "mailto:0123456789@sms.example.net?body=x"; }', FROM_COYOTE,
        [Notify("0123456789@sms.example.net", "A present", "", "", 3), Keep()]),
    "RFC 5463 §4": (
        'require ["ihave"]; if ihave "vnd.example.nothing" { nothing :x 1 ["a"] (true); }'
        'else { redirect "a@b.example"; }',
        FROM_COYOTE, [Redirect("a@b.example")]),
    "RFC 5703": (
        'require ["foreverypart", "fileinto", "mime"]; foreverypart { if allof (header :mime :param "filename"'
        ' :contains "Content-Disposition" "important") { fileinto "INBOX.important"; break; } }',
        FROM_COYOTE, [Keep()]),
    "RFC 7352 §5": (
        'require ["duplicate", "fileinto", "mailbox"]; if duplicate { fileinto :create "Trash/Duplicate"; }',
        FROM_COYOTE, [Keep()]),
    "RFC 8579": (
        'require ["fileinto", "special-use", "mailbox"]; if header :contains "subject" "$$$"'
        ' { fileinto :specialuse "\\\\Junk" :create "Spam"; }', SPAM,
        [FileInto("Spam", create=True, special_use="\\Junk")]),
    "RFC 3894 §3": (
        'require ["fileinto", "copy"]; redirect :copy "backup@example.org"; discard;', SPAM,
        [Redirect("backup@example.org")]),
}  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_the_rfc_shows(example: str) -> None:
    script, mail, actions = EXAMPLES[example]
    outcome = run(script, mail)
    assert outcome.error is None
    if actions is not None:
        assert list(outcome.actions) == actions


def test_the_modifiers_of_variables() -> None:
    """RFC 5229 §4.1: its values, line by line."""
    script = EXAMPLES["RFC 5229 §4.1"][0]
    [filed] = run(script, FROM_COYOTE).actions
    assert filed == FileInto("15|jumbled letters|JuMBlEd lETteRS|Jumbled letters")


def test_a_vacation_as_the_rfc_shows_it() -> None:
    """RFC 5230 §4.4: a MIME entity as the reason."""
    script = (
        'require "vacation"; vacation :mime text:\nContent-Type: multipart/alternative; boundary=foo\n\n--foo\n\n'
        "I'm at the beach relaxing.\n\n--foo--\n.\n;"
    )
    [vacation, keep] = run(script, FROM_COYOTE).actions
    assert isinstance(vacation, Vacation) and vacation.mime and keep == Keep()
    assert vacation.reason.startswith("Content-Type: multipart/alternative; boundary=foo\n\n--foo\n")


def test_keep_after_discard() -> None:
    """RFC 5228 §4.3–4.4: discard only takes the implicit keep away."""
    assert run("discard; keep;", SPAM).actions == (Keep(),)
    assert run("discard;", SPAM).actions == (Discard(),)
