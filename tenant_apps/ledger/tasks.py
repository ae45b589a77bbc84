"""Every night the books of the day before are closed and proved."""

from kernel.schedule import every_for_tenants

from .books import day_close


@every_for_tenants(900, "ledger.close_day", queue="reports")
def close_day() -> str:
    return day_close()
