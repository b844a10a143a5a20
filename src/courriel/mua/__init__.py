"""A person's own side of mail: other servers' mailboxes read, kept and brought over."""
