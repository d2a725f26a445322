"""What happened in a run, for people: the balance, the report, the charts."""
