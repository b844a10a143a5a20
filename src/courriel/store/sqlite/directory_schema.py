"""Tables of ``directory.db``.  Additive changes only; each raises SCHEMA_VERSION by one and gets its own step."""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 5

SCHEMA: Final = """
CREATE TABLE domain(
    name TEXT PRIMARY KEY NOT NULL,      -- A-label, lower case
    catch_all TEXT                       -- canonical address
) WITHOUT ROWID, STRICT;
CREATE TABLE account(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE,          -- canonical primary address
    enabled INTEGER NOT NULL DEFAULT 1,
    display_name TEXT NOT NULL DEFAULT '',
    quota_octets INTEGER NOT NULL DEFAULT 0,
    secret BLOB NOT NULL                 -- CredentialRecord as msgpack; never the password
) STRICT;
CREATE TABLE alias(
    address TEXT PRIMARY KEY NOT NULL,   -- canonical address
    targets TEXT NOT NULL                -- canonical addresses, one blank between
) WITHOUT ROWID, STRICT;
CREATE TABLE counter(
    name TEXT PRIMARY KEY NOT NULL,      -- 'change': grows with each transaction
    value INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
"""

DEVICES: Final = """
CREATE TABLE device(
    name TEXT PRIMARY KEY NOT NULL,
    networks TEXT NOT NULL,              -- canonical, one blank between
    sender TEXT NOT NULL,                -- canonical address
    hourly INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
"""
"""From version 2."""

SENDING: Final = """
ALTER TABLE account ADD COLUMN send_as TEXT NOT NULL DEFAULT '';             -- canonical addresses, one blank between
ALTER TABLE account ADD COLUMN messages_per_hour INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN recipients_per_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN held TEXT NOT NULL DEFAULT '';                -- why its mail is kept back
"""
"""From version 3, with LISTS."""

LISTS: Final = """
ALTER TABLE account ADD COLUMN forward_to TEXT NOT NULL DEFAULT '';   -- canonical address
ALTER TABLE account ADD COLUMN keep_copy INTEGER NOT NULL DEFAULT 1;
CREATE TABLE list(
    address TEXT PRIMARY KEY NOT NULL,   -- canonical address
    kept BLOB NOT NULL                   -- MailingList as msgpack
) WITHOUT ROWID, STRICT;
"""
"""From version 3."""

DEVICE_LOGINS: Final = """
ALTER TABLE device ADD COLUMN secret BLOB;   -- CredentialRecord as msgpack; NULL: it has no login
"""
"""From version 4."""

POP_VIEWS: Final = """
ALTER TABLE account ADD COLUMN pop_view TEXT NOT NULL DEFAULT 'all';   -- model.maildrop.PopView
"""
"""From version 5."""
