"""The embedded store: shard files in SQLite, content packs, group commit.  STORAGE §3, §5."""
