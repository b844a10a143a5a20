"""IMAP's bytes ⇄ values; pure."""
