"""Services over stored mail that are no protocol: who may use whose mailboxes, and mail in and out of files."""
