"""An MT5 access and trade server that speaks the Web API (HTTPS form) with its own data, prices and
robots.
"""
