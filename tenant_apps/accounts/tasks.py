"""What recurs: what a release adds to the default roles."""

from __future__ import annotations

from kernel.schedule import every_for_tenants

from .new_rights import roles_catch_up

HOUR = 3600


@every_for_tenants(HOUR, "accounts.new_rights")
def rights_catch_up() -> int:
    """Mostly one query that finds nothing new; how many roles changed."""
    return roles_catch_up()
