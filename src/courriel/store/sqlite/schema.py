"""The tables of a shard file.  STORAGE §3; account first in every key, no foreign keys.

Deviations from STORAGE §3, all for fewer pages per delivery (each is 4 KB of log):
- ``obj`` holds ENVELOPE and BODYSTRUCTURE ready for the wire, next to each other for one account, so a mailbox is
  listed from neighbouring pages; ``parts`` and ``preview`` follow the body and live once per ``blob``.
- The link rows of blob collection are the index ``obj_blob``: they cannot fall out of step with ``obj``.
- Blobs have consecutive numbers instead of their hash as key: random keys would dirty a page per message.
  Deliveries of the same body close together are recognised in memory.
- ``expunged`` keeps what can be restored; ``obj`` and ``blob`` stay until it is forgotten.
"""

from __future__ import annotations

from typing import Final

TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE account (
    acct INTEGER PRIMARY KEY, counter INTEGER NOT NULL, uidv_next INTEGER NOT NULL,
    octets INTEGER NOT NULL, messages INTEGER NOT NULL,
    limit_octets INTEGER NOT NULL, limit_messages INTEGER NOT NULL, log_floor INTEGER NOT NULL);
CREATE TABLE coll (
    acct INTEGER NOT NULL, coll INTEGER NOT NULL, parent INTEGER NOT NULL, name TEXT NOT NULL, role TEXT,
    uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL,
    total INTEGER NOT NULL, unseen INTEGER NOT NULL, deleted INTEGER NOT NULL, octets INTEGER NOT NULL,
    recent INTEGER NOT NULL, gone_floor INTEGER NOT NULL, PRIMARY KEY (acct, coll)) WITHOUT ROWID;
CREATE UNIQUE INDEX coll_name ON coll (acct, parent, name);
CREATE TABLE sub (acct INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (acct, path)) WITHOUT ROWID;
CREATE TABLE kw (
    acct INTEGER NOT NULL, bit INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (acct, bit)) WITHOUT ROWID;
CREATE TABLE member (
    acct INTEGER NOT NULL, coll INTEGER NOT NULL, uid INTEGER NOT NULL, id INTEGER NOT NULL,
    modseq INTEGER NOT NULL, flags INTEGER NOT NULL, size INTEGER NOT NULL, saved INTEGER NOT NULL,
    PRIMARY KEY (acct, coll, uid)) WITHOUT ROWID;
CREATE TABLE obj (
    acct INTEGER NOT NULL, id INTEGER NOT NULL, thread INTEGER NOT NULL, blob INTEGER NOT NULL,
    size INTEGER NOT NULL, received REAL NOT NULL, sent REAL,
    envelope BLOB NOT NULL, bodystructure BLOB NOT NULL, prefix BLOB NOT NULL,
    PRIMARY KEY (acct, id)) WITHOUT ROWID;
CREATE INDEX obj_blob ON obj (blob);
CREATE TABLE expunged (
    acct INTEGER NOT NULL, coll INTEGER NOT NULL, uid INTEGER NOT NULL, id INTEGER NOT NULL,
    modseq INTEGER NOT NULL, flags INTEGER NOT NULL, path TEXT NOT NULL,
    expunged_at REAL NOT NULL, forget_at REAL NOT NULL, PRIMARY KEY (acct, coll, uid)) WITHOUT ROWID;
CREATE INDEX expunged_forget ON expunged (forget_at);
CREATE TABLE gone (
    acct INTEGER NOT NULL, coll INTEGER NOT NULL, modseq INTEGER NOT NULL, uids BLOB NOT NULL,
    PRIMARY KEY (acct, coll, modseq)) WITHOUT ROWID;
CREATE TABLE msgid (
    acct INTEGER NOT NULL, h INTEGER NOT NULL, thread INTEGER NOT NULL, PRIMARY KEY (acct, h)) WITHOUT ROWID;
CREATE TABLE chg (
    acct INTEGER NOT NULL, modseq INTEGER NOT NULL, kinds INTEGER NOT NULL, colls BLOB NOT NULL,
    PRIMARY KEY (acct, modseq)) WITHOUT ROWID;
CREATE TABLE blob (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL, size INTEGER NOT NULL,
    pack INTEGER, off INTEGER, clen INTEGER, codec INTEGER NOT NULL, touched REAL NOT NULL,
    parts BLOB NOT NULL, preview TEXT NOT NULL, data BLOB);
CREATE TABLE snap (
    acct INTEGER NOT NULL, coll INTEGER NOT NULL, modseq INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (acct, coll)) WITHOUT ROWID;
"""

RIGHTS: Final = """
CREATE TABLE acl (
    acct INTEGER NOT NULL, coll INTEGER NOT NULL, who TEXT NOT NULL, rights TEXT NOT NULL,
    PRIMARY KEY (acct, coll, who)) WITHOUT ROWID;
"""
"""Who else may use a mailbox: letters of RFC 4314 §2.1."""

ANNOTATIONS: Final = """
CREATE TABLE annot (
    acct INTEGER NOT NULL, coll INTEGER NOT NULL, viewer INTEGER NOT NULL, entry TEXT NOT NULL, modseq INTEGER NOT NULL,
    value BLOB, PRIMARY KEY (acct, coll, viewer, entry)) WITHOUT ROWID;
"""
"""Annotations (``metadata.py``): ``coll`` 0 is the account itself, ``viewer`` 0 everybody, ``value`` NULL one that was
taken away."""

ORIGINS: Final = """
CREATE TABLE origin (
    acct INTEGER NOT NULL, id INTEGER NOT NULL, origin INTEGER NOT NULL, PRIMARY KEY (acct, id)) WITHOUT ROWID;
"""
"""What copies are copies of: the first of them, however often they were copied on.  Others have no row."""

VERSION: Final = 4
"""``PRAGMA user_version`` of a file with the tables above."""

ACCOUNT_TABLES: Final = (
    "coll",
    "acl",
    "sub",
    "kw",
    "member",
    "obj",
    "origin",
    "expunged",
    "gone",
    "msgid",
    "chg",
    "snap",
    "annot",
    "account",
)
"""Tables with rows of an account; ``account`` last."""
