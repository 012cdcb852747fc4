"""The history of retrainings: what was learned from, how the gate judged it, and who let an open question pass."""
