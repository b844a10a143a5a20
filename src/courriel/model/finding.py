"""What an examination of a domain and its server found."""

from __future__ import annotations

from enum import Enum

import msgspec


class Group(Enum):
    """What is examined, in the order in which it is told."""

    DNSSEC = "dnssec"
    ADDRESS = "address"
    REVERSE = "reverse"
    MX = "mx"
    PORT_IN = "port-25-in"
    PORT_OUT = "port-25-out"
    TLS = "tls"
    DANE = "dane"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    TLS_REPORTS = "tls-reports"
    MTA_STS = "mta-sts"
    SERVICE = "service"
    AUTOCONFIG = "autoconfig"
    AUTODISCOVER = "autodiscover"
    CAA = "caa"
    BLOCKLISTS = "blocklists"


class Health(Enum):
    GOOD = "good"
    WARNING = "warning"
    """Mail goes, but not as well or as safely as it could."""
    BAD = "bad"
    """Mail is lost, refused or disbelieved."""
    UNKNOWN = "unknown"
    """It could not be found out."""


class Symptom(Enum):
    """What was seen.  People read a sentence about each, and what to do."""

    RIGHT = "right"
    MISSING = "missing"
    DIFFERENT = "different"
    NO_ANSWER = "no-answer"
    NOT_SIGNED = "not-signed"
    LOOKUPS = "too-many-lookups"
    LONG = "record-too-long"
    ANYONE = "anyone-may-send"
    NO_REPLY_THERE = "no-connection"
    NO_STARTTLS = "no-starttls"
    BAD_CERTIFICATE = "bad-certificate"
    NO_KEY = "no-key"
    LISTED = "listed"
    STRAY = "record-without-policy"
    NO_FILE = "no-file"
    OTHER_FILE = "other-file"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was seen.

    ``subject``: the record, address or name it is about.  ``detail``: what stands or was said there.  ``publish``: the
    record that mends it, as a line of a zone file, "" where a record does not.
    """

    group: Group
    health: Health
    symptom: Symptom
    subject: str
    detail: str = ""
    publish: str = ""
