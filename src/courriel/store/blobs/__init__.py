"""Contents of messages: packs on disk, their coding, and a cache of what was read."""
