"""A server process that stands in for cTrader's back end: Manager's API and WebServices, with its own accounts,
prices, positions and trading robots.
"""
