"""The jobs walk the line: gather from the ledger, decide in a station, act, prove."""
