"""Tests of the MT5 sandbox over real sockets."""
