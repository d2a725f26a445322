"""Who is owed what: pure functions over frames."""
