"""A whole message as bytes: its parts, its IMAP views, its text, and how to build one.  Pure."""
