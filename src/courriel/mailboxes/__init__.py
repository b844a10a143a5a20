"""Services over stored mail that are no protocol: reading it in from files, writing it out to files."""
