"""How other programs keep mail in files: mbox and Maildir, as grammar only.  Nothing here opens a file."""
