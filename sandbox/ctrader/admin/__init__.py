"""The control desk: plain HTTP, for tests, demos and people."""
