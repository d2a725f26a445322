"""The ledger: what was received, what is owed, what left, and the proof of it."""
