"""The Web API's commands by path.

A command needs one manager right and returns what stands beside `retcode`.
"""

from __future__ import annotations

from sandbox.mt5.commands import settings, trading, users
from sandbox.mt5.commands.base import Command, Context

COMMANDS: dict[str, Command] = {**users.COMMANDS, **trading.COMMANDS, **settings.COMMANDS}

__all__ = ["COMMANDS", "Command", "Context"]
