"""A programme of invented people and places to try the line on."""
