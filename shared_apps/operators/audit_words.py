"""The vendor's acts that a brokerage reads in its own trail are called there what the vendor's trail calls them."""

from kernel import audit_words

from .words import ACTIONS

audit_words.declare(ACTIONS)
