"""Sets that no memory holds: files of fixed-size records, sorted, matched and sent in chunks."""
