"""A service beside an MT5 server that speaks the bridge contract, without MT5: the sandbox's own market stands behind it."""
