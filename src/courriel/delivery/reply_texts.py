"""What servers write behind their codes, where the words say more: the phrases of the big providers and programs.

Phrases are regular expressions without case, searched in the order of the table: narrow ones stand before wide ones.
Each kind has its examples in the tests.  English, and what French providers write in French.
"""

from __future__ import annotations

import re
from typing import Final

from courriel.delivery.explanations import Kind

# An address says nothing, whatever words it is made of.
_ADDRESS: Final = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@,;:]{1,255}>?")


def kind_of_text(reply: str) -> Kind | None:
    """The kind that the words of a reply name, None where they name none.  The caller bounds the reply."""
    words = _ADDRESS.sub(" ", reply)
    return next((kind for kind, pattern in _PATTERNS if pattern.search(words)), None)


_PHRASES: Final[tuple[tuple[Kind, tuple[str, ...]], ...]] = (
    (Kind.GREYLISTED, (r"gr[ae]y[- ]?list",)),
    (
        Kind.SENDER_REFUSED,
        (
            r"\bsender (?:address )?(?:rejected|refused|invalid|unknown|verif\w+ fail)",
            r"\b(?:invalid|unknown|bad) sender",
            r"could not verify (?:the )?sender|domain of (?:the )?sender",
        ),
    ),
    (
        Kind.RECIPIENT_BUSY,
        (r"receiving mail (?:too quickly|at a rate)", r"recipient.{0,40}(?:receiv\w+ (?:rate|limit)|rate limit)"),
    ),
    (Kind.TOO_MANY_RECIPIENTS, (r"too many recipients",)),
    (
        Kind.RATE_LIMITED,
        (
            r"rate.?limit|frequency limit|throttl|too fast|slow down|unusual rate|unexpected volume",
            r"too many (?:messages|mails?|e-?mails|connections|sessions|concurrent)",
            r"(?:send\w*|hourly|daily|message|connection|rate) (?:quota|limit)\b",
        ),
    ),
    (
        Kind.FULL,
        (
            r"over ?quota|quota (?:is )?(?:exceeded|full|d[eé]pass)|exceed\w* .{0,30}(?:quota|storage)",
            r"out of storage|storage (?:is )?full|mailbox size limit|full mailbox",
            r"(?:mailbox|inbox|account|user)\b.{0,30}\bfull\b",
            r"bo[iî]te.{0,20}pleine",
        ),
    ),
    (Kind.SYSTEM_FULL, (r"insufficient (?:system |disk )?(?:storage|space|resources)", r"disk full")),
    (
        Kind.TOO_BIG,
        (
            r"(?:message|mail|size)\b.{0,40}\b(?:too (?:big|large)|exceeds?\b.{0,40}(?:size|limit|maximum))",
            r"message size limit|too much mail data|max\w* (?:message |allowed )?size",
        ),
    ),
    (Kind.DMARC, (r"\bdmarc\b", r"5\.7\.9 message not accepted for policy reasons")),
    (
        Kind.UNPROVEN,
        (
            r"\bspf\b.{0,200}\bdkim\b|\bdkim\b.{0,200}\bspf\b",
            r"unauthenticated (?:e-?mail|mail|sender)|sender is unauthenticated",
            r"authentication (?:checks|results|information)",
        ),
    ),
    (Kind.SPF, (r"\bspf\b|sender policy framework",)),
    (Kind.DKIM, (r"\bdkim\b",)),
    (
        Kind.REVERSE_DNS,
        (
            r"reverse.?(?:dns|host|lookup|name|mapping)|\bptr\b|\brdns\b",
            r"cannot find your (?:reverse )?hostname",
        ),
    ),
    (
        Kind.TLS_WANTED,
        (
            r"must issue (?:a )?starttls|not sent over a tls",
            r"(?:tls|encryption) (?:is |connection )?(?:required|mandatory|needed)",
            r"requires? (?:a )?(?:tls|encrypt|secure conn)",
        ),
    ),
    (
        Kind.BLOCKLISTED,
        (
            r"spamhaus|spamcop|barracudacentral|sorbs\.net|abusix|uceprotect|mailspike",
            r"dns[rw]?bl|\brbl\b|block ?list|black ?list|banned sending ip",
            r"\blisted (?:at|in|by|on)\b|blocked using",
        ),
    ),
    (
        Kind.REPUTATION,
        (
            r"reputation|\btss0[0-9]\b|user complaints|not (?:in )?(?:white|allow)-?list",
            r"bad (?:sender )?ip\b|suspicious ip",
            # Orange and La Poste, to senders they do not know
            r"\bservice refuse",
        ),
    ),
    (
        Kind.RELAY_DENIED,
        (
            r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed)|prohibited)",
            r"(?:unable|not allowed) to relay",
        ),
    ),
    (Kind.LOOP, (r"too many hops|hop count", r"mail ?loop|loop(?:ing)? (?:detected|back)|routing loop")),
    (
        Kind.NO_SUCH_DOMAIN,
        (
            r"(?:domain|host)\b.{0,30}\b(?:not found|does(?: not|n't) exist|unknown)",
            r"(?:unknown|no such) domain|nxdomain",
        ),
    ),
    (
        Kind.RESTRICTED,
        (
            r"resolver\.rst|requiresenderauth|authrequired",
            r"only accepts? (?:e-?mail|mail|messages) from",
            r"(?:not (?:allowed|permitted|authori[sz]ed)) to (?:send|mail|write|post)",
        ),
    ),
    (
        Kind.DISABLED,
        (
            r"(?:account|mailbox|user|recipient|inbox)\b.{0,30}"
            r"\b(?:disabled|inactive|suspended|deactivated|closed|expired|locked|frozen|blocked)\b",
        ),
    ),
    (
        Kind.NO_SUCH_USER,
        (
            r"(?:user|recipient|mailbox|account|alias|(?<!ip )address)\b.{0,40}"
            r"\b(?:unknown|invalid|undeliverable|not (?:be )?(?:found|known|listed)|not exist|doesn't (?:exist|have))",
            r"no such (?:user|recipient|mailbox|address|account|person)|recipi?e?nt?notfound",
            r"(?:unknown|invalid|non-?existent|no) (?:e-?mail )?"
            r"(?:user|recipient|mailbox|address|account|local.?part|alias)\b",
            r"not a (?:valid|known|registered) (?:\w+ )?(?:user|mailbox|recipient|address)",
            r"recipient address rejected: access denied|#5\.1\.0 address rejected|not our (?:customer|user)",
            r"(?:adresse|utilisateur|destinataire)\b.{0,30}\b(?:inconnue?|invalide|inexistante?)",
        ),
    ),
    (Kind.VIRUS, (r"\bvirus|malware|infected|trojan",)),
    (
        Kind.ATTACHMENT,
        (
            r"attachment|blocked (?:file|extension)|banned (?:file|content)|file (?:type|extension)|executable",
            r"potential security issue",
        ),
    ),
    (
        Kind.SPAM,
        (
            r"\b(?:anti-?)?spam(?:my)?\b|unsolicited|phish|\bjunk\b|bulk mail",
            r"content (?:rejected|refused)",
        ),
    ),
    (Kind.BUSY, (r"too busy|server busy|overload|system load",)),
    (Kind.EXPIRED, (r"message expired|queue\.expired",)),
    (
        Kind.POLICY,
        (r"(?:by|for|due to) (?:local |security |site )?(?:policy|policies)\b|policy (?:violation|reasons)",),
    ),
)

_PATTERNS: Final = tuple((kind, re.compile("|".join(phrases), re.IGNORECASE)) for kind, phrases in _PHRASES)
