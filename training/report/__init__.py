"""One report of a run: what it reaches, against what, how surely, and where it gives way."""
