"""Results on disk: one SQLite file a folder, sealed row by row, one writer at a time."""
