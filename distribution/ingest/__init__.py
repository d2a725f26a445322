"""Reads feeds as they come and checks every row: what is whole goes on, what is not is held or refused."""
