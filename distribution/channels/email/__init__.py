"""E-mail: codes and notices, never a student."""
