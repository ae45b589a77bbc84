"""What of payments waits for people, for the list of all work over money (wallets.worklist)."""

from . import bank, changes, deposits, payouts, wires, withdrawals

__all__ = ["bank", "changes", "deposits", "payouts", "wires", "withdrawals"]
