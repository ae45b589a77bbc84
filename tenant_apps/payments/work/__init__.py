"""What of payments waits for people, for the list of all work over money (wallets.worklist)."""

from . import bank, changes, deposits, payouts, withdrawals

__all__ = ["bank", "changes", "deposits", "payouts", "withdrawals"]
