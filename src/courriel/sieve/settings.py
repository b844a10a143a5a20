"""Limits of Sieve, each with its unit, default and source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SieveSettings:
    """What a script may be, and what one run of it may take."""

    script_octets: int = 65_536
    """Longest script.  Rules of the most diligent people stay below 20 KB; webmail's filters far below."""
    scripts: int = 32
    """Scripts an account may keep."""
    depth: int = 15
    """Blocks within blocks, and tests within tests.  RFC 5228 §2.10.7 asks for 15."""
    redirects: int = 4
    """``redirect`` in one run.  RFC 5228 §10: few, so that nobody makes of one message many."""
    actions: int = 32
    """Actions in one run."""
    cpu_ms: int = 1_000
    """Processor time of one run."""
    loop_ms: int = 5
    """Processor time a run may take between other people's commands; what takes longer begins anew in a thread."""
    variables: int = 128
    """Variables of one run.  RFC 5229 §6 asks for 128."""
    variable_characters: int = 4_096
    """Longest value; what is longer is cut.  RFC 5229 §6 asks for 4,000."""
    includes: int = 32
    """Scripts included in one run, all together."""
    include_depth: int = 10
    """Scripts included by included ones.  RFC 6609 §3.2 asks for 3."""
    pattern_steps: int = 2_000
    """Instructions of one regular expression, ``{n,m}`` written out."""
    added_octets: int = 16_384
    """Header fields that ``addheader`` adds in one run."""
    vacation_days: int = 7
    """Between two answers to one sender, where a script says nothing.  RFC 5230 §4.1."""
    vacation_days_most: int = 90
    """Longest time asked for that is kept.  RFC 5230 §4.1 wants more than 30 to be possible."""
    duplicate_days_most: int = 30
    """How long an id of ``duplicate`` is remembered at most; without a word 7 days, RFC 7352 §3."""
    remembered: int = 10_000
    """Senders answered and ids seen that are kept for one account; the oldest give way."""


DEFAULT = SieveSettings()
