"""Rules of the house as tests: what is forbidden, each with an example that must fail."""
