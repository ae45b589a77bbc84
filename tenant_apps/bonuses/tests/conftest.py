"""The trading app's sandbox and world."""

from tenant_apps.trading.tests.conftest import make, sandbox, world

__all__ = ["make", "sandbox", "world"]
