"""srcdiff: a NumPy function goes in as source, its gradient comes out as source."""
