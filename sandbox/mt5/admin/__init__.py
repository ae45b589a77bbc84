"""The sandbox's own control desk: plain HTTP, JSON, and one page for people."""
