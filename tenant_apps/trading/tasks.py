"""What recurs: comparing with the servers (blocking calls, so a queue of their own kind; the bridge goes on meanwhile), and
bulk changes whose wake-up was lost."""

from __future__ import annotations

from uuid import UUID

from kernel import clock
from kernel.schedule import every_for_tenants
from kernel.tasks import task
from tenant_apps.trading import compare, night
from tenant_apps.trading.models import TradingServer
from tenant_apps.trading.services import bulk_running


@every_for_tenants(3600.0, "trading.compare_recent", queue="reports")
def compare_recent() -> int:
    """The last days, hourly."""
    return len(compare.compare_all(compare.RECENT))


@every_for_tenants(900.0, "trading.compare_whole", queue="reports")
def compare_whole() -> int:
    """Everything, once a night and server; one that could not be asked is asked again a quarter of an hour later."""
    return len(night.compare_night())


@task(name="trading.compare_server", queue="reports")
def compare_server(server_id: str) -> None:
    """One server's last days, because somebody asked; the balances count for the close of the last day that is over. The
    night's comparison of everything is not done by it."""
    server = TradingServer.objects.get(pk=UUID(server_id))
    compare.compare(server, since=clock.now() - compare.RECENT, day=night.last_day())


@every_for_tenants(60.0, "trading.bulk_sweep")
def bulk_sweep() -> int:
    return bulk_running.sweep()
