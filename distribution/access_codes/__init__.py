"""The yearly codes that let K-12 coordinators into the portal."""
