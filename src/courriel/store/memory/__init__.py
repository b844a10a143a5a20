"""Mail kept in memory: for tests, for trying things out, and as the plain statement of what a store does."""
