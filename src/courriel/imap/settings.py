"""Limits and habits of the IMAP server, each with its unit and source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """What an operator may change.

    login_s: time to log in, from the first byte (ours; RFC 9051 §5.4 asks for ≥ 30 minutes only after login).
    autologout_s: silence after login, RFC 9051 §5.4: at least 30 minutes.
    line_octets / login_line_octets: longest command text after / before login (AUTH attack row 26; RFC 7162 §4 asks
        for 8,192 at least).
    login_literal_octets: largest literal before login, RFC 7888 §5 (LITERAL-).
    literal_octets: all literals of one command that is no APPEND.
    jmap_url: the JMAP session resource of the same accounts (RFC 9698); "": there is none.
    metadata_octets: largest value of an annotation (ours; RFC 5464 §4.3 asks for 1,024 at least).
    append_octets: largest message (APPENDLIMIT, RFC 7889).
    append_memory_octets: all messages being received over all connections.
    login_failures: wrong passwords before BYE.
    bad_commands: broken commands in a row before BYE; login_bad_commands the same before login.
    contexts: results a client may be kept informed of at the same time (RFC 5267 §4.3.1: one at least).
    progress_s: time between two words about how far a long command is (RFC 9585 §4: 10 to 15 s).
    message_limit / save_limit: messages one command / one COPY or APPEND may be about (RFC 9738 §3: 1,000 at least);
        0: no limit, and none is announced.
    chunk_octets: output between two looks at how fast the client reads.
    share_with_many: whether people may give rights to anyone and to whole domains (SETACL); what they share with many
        stands in many people's lists.  ``courriel mailbox`` may always.
    fact_cache_octets: what SORT, THREAD and SEARCH derived from envelopes, over all mailboxes; one of 100,000 messages
        takes 35 MB when all of it is asked for.
    answer_cache_octets: FETCH answers kept ready, over all mailboxes (PERFORMANCE rule 5).
    """

    login_s: float = 60.0
    autologout_s: float = 1_860.0
    line_octets: int = 65_536
    login_line_octets: int = 8_192
    login_literal_octets: int = 4_096
    literal_octets: int = 65_536
    jmap_url: str = ""
    metadata_octets: int = 32_768
    append_octets: int = 50_000_000
    append_memory_octets: int = 200_000_000
    login_failures: int = 3
    bad_commands: int = 20
    login_bad_commands: int = 5
    contexts: int = 8
    progress_s: float = 10.0
    message_limit: int = 0
    save_limit: int = 0
    chunk_octets: int = 1_000_000
    share_with_many: bool = True
    answer_cache_octets: int = 32_000_000
    fact_cache_octets: int = 64_000_000
