"""Documents inside files: what a reader would read, for search.  Hostile by nature, so bounded in every way."""
