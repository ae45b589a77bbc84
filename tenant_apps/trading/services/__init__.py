"""Writes of the app, by what they are about: accounts, transfers, cases, servers."""
