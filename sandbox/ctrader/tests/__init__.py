"""Tests of the cTrader sandbox, from outside by sockets."""
