"""Time limits and sizes of the client, each with its unit, default and source.

RFC 5321 §4.5.3.2 gives the least that a client must wait; the defaults are those.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """One value for all connections of a relay."""

    connect_s: float = 30.0
    """Longest wait for a TCP connection.  The kernel alone would try for two minutes."""
    handshake_s: float = 60.0
    """Longest TLS handshake."""
    greeting_s: float = 300.0
    """RFC 5321 §4.5.3.2.1."""
    hello_s: float = 300.0
    """EHLO, STARTTLS, AUTH, RSET: no figure in RFC 5321, as for MAIL."""
    mail_s: float = 300.0
    """RFC 5321 §4.5.3.2.2."""
    rcpt_s: float = 300.0
    """RFC 5321 §4.5.3.2.3."""
    data_s: float = 120.0
    """RFC 5321 §4.5.3.2.4."""
    block_s: float = 180.0
    """Longest wait until the server reads on.  RFC 5321 §4.5.3.2.5."""
    final_s: float = 600.0
    """RFC 5321 §4.5.3.2.6."""
    quit_s: float = 5.0
    """Longest wait for the answer to QUIT: everything that matters was said before."""
    commands_s: float = 1_800.0
    """All commands of one transaction together: a server may not take 5 minutes for each of 1,000 recipients."""
    content_s: float = 1_800.0
    """Longest time for the octets of one message: 50 MB at 28 KB/s, as our server has it."""
    check_s: float = 1.0
    """How often a connection's time limit is looked at; limits are exact to this much."""
    block_octets: int = 65_536
    """Octets of a message that are handed to the kernel at a time."""
    chunk_octets: int = 4 * 1024 * 1024
    """Octets of one BDAT chunk.  RFC 3030 leaves it to us; our mail is seldom larger than one."""
    eager_octets: int = 0
    """A message up to this size follows its recipients without waiting for what is said to them (BDAT only): a round
    trip less, but octets are sent in vain where all recipients are refused.  0: never."""
