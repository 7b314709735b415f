"""The vocabulary: frozen, typed values without I/O that every stage shares."""
