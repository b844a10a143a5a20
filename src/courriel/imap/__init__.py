"""IMAP4rev1 and IMAP4rev2: the server, a small client, and their grammar.  RFC 3501, RFC 9051."""
