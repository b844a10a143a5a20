"""GETQUOTA, GETQUOTAROOT, SETQUOTA: grammar of the commands and of their replies.  RFC 9208 §4, §7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from courriel.imap.wire import mailbox
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.response import mailbox_name, string
from courriel.model.quota import Quota

STORAGE_OCTETS: Final = 1_024
"""STORAGE is counted in units of so many octets.  RFC 9208 §5.1."""

QUOTA_RESOURCES: Final = 16
"""Most resources in one SETQUOTA; the registry has four."""


class GetQuota(msgspec.Struct, frozen=True):
    root: bytes


class GetQuotaRoot(msgspec.Struct, frozen=True):
    path: str


class SetQuota(msgspec.Struct, frozen=True):
    """``limits``: resource names in capitals, and how much of each."""

    root: bytes
    limits: tuple[tuple[bytes, int], ...]


def parse_get(command: Command, pos: int, utf8: bool = False) -> GetQuota:
    """getquota = "GETQUOTA" SP quota-root-name; quota-root-name = astring."""
    reader = Reader(command, pos)
    reader.space()
    root = reader.astring()
    reader.end()
    return GetQuota(root)


def parse_get_root(command: Command, pos: int, utf8: bool = False) -> GetQuotaRoot:
    """getquotaroot = "GETQUOTAROOT" SP mailbox."""
    reader = Reader(command, pos)
    reader.space()
    path = mailbox.read_path(reader, utf8)
    reader.end()
    return GetQuotaRoot(path)


def parse_set(command: Command, pos: int, utf8: bool = False) -> SetQuota:
    """setquota = "SETQUOTA" SP quota-root-name SP setquota-list;
    setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")"."""
    reader = Reader(command, pos)
    reader.space()
    root = reader.astring()
    reader.space()
    reader.need(b"(")
    limits: list[tuple[bytes, int]] = []
    while not reader.take(b")"):
        if limits:
            reader.space()
        name = reader.word()
        reader.space()
        limits.append((name, reader.number63()))
        if len(limits) > QUOTA_RESOURCES:
            reader.fail(f"more than {QUOTA_RESOURCES} resources")
    reader.end()
    return SetQuota(root, tuple(limits))


def quota_line(root: bytes, quota: Quota) -> bytes:
    """The QUOTA reply: use and limit of each resource that is limited.  RFC 9208 §4.2.1."""
    resources = []
    if quota.limit_octets:
        # Use is rounded up, the limit down: a client must not believe that there is room where there is none.
        used, limit = -(-quota.used_octets // STORAGE_OCTETS), quota.limit_octets // STORAGE_OCTETS
        resources.append(b"STORAGE %d %d" % (used, limit))
    if quota.limit_messages:
        resources.append(b"MESSAGE %d %d" % (quota.used_messages, quota.limit_messages))
    return b"* QUOTA %b (%b)\r\n" % (string(root), b" ".join(resources))


def root_line(path: str, roots: Sequence[bytes], utf8: bool) -> bytes:
    """The QUOTAROOT reply: none is a mailbox without limits.  RFC 9208 §4.2.2."""
    return b"* QUOTAROOT %b%b\r\n" % (mailbox_name(path, utf8), b"".join([b" " + string(root) for root in roots]))
