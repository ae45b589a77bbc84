"""The demo's strategies: on the board, ended and waiting, each with its own figures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kernel import clock
from kernel.actors import Reach
from provisioning.demo import strategies as demo
from tenant_apps.accounts.actors import actor_for
from tenant_apps.copying.models import Strategy
from tenant_apps.copying.tests.conftest import deal, noon, record, trades
from tenant_apps.trading.tests.test_pages import Desk


def test_a_board_has_something_on_it(tenant: Any) -> None:
    desk = Desk(tenant)
    for number in range(5):
        account = desk.account_of(desk.person(f"p{number}@example.com", number=50 + number), 800 + number)
        record(account, [100_000, 110_000])
        trades(account, 9 - number, 0)
        for payment in range(2 if number == 1 else 1):
            deal(account, noon(5 + payment), 100_000, kind="balance", entry="").save()
    officer = actor_for(desk.staff({"copying.release": Reach.ALL}))
    book: Any = SimpleNamespace(actor=lambda person: officer, staff=lambda role: role, until=clock.now())
    for _ in range(2):
        demo.write(book)
    rows = list(Strategy.objects.order_by("created_at").values_list("state", "account__login", "stats__growth"))
    assert [(state, login) for state, login, _ in rows] == [
        ("listed", 800), ("listed", 802), ("ended", 803), ("waiting", 804),
    ]  # fmt: skip
    assert all(growth is not None for _, _, growth in rows)
