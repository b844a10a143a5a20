"""Reports that mail systems send each other: what became of a message."""
