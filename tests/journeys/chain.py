"""A withdrawal that three people decide: finance checks it, the client's manager agrees, another one of finance approves."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from .product import until
from .seat import PATIENCE, Seat

if TYPE_CHECKING:
    from .story import Story

CLABE = "032180000118359719"  # the example of Mexico's banks, with a right check digit
OUT = Decimal(6000)


def pay_out(story: Story) -> None:
    """To a verified account of the client's own; the tracker is looked at after each decision."""
    story.to_wallet(OUT)
    first = story.staff("finance")
    _account(story, first)
    withdrawal = _request(story)
    address = f"/payments/withdrawals/{withdrawal}/"
    client = story.client
    client.inspect("tracker-1-requested")

    first.open(address)
    first.page.locator("form[action$='/check/'] button").click()
    _passed(story, withdrawal, 1)
    client.inspect("tracker-2-checked")
    first.open(address)
    _cannot_approve(first)
    first.inspect("chain-proposer")

    manager = story.agent
    manager.open(address)
    manager.inspect("chain-manager")
    _approve(manager)
    _passed(story, withdrawal, 2)
    client.inspect("tracker-3-agreed")
    first.open(address)
    _cannot_approve(first)

    second = story.staff("finance", 1)
    second.open(address)
    second.inspect("chain-second")
    _approve(second)
    until(lambda: story.withdrawn(withdrawal) == "sending" and _payouts(story), "the payout is at the provider", 120)
    client.page.reload()
    client.ready()
    client.inspect("tracker-4-sent")

    (payout,) = _payouts(story)
    assert (payout["external_id"], payout["status"]) == (_part(story, withdrawal), "PENDING")
    story.product.call("POST", f"{story.control()}/payouts/{payout['id']}/pay", {})
    until(lambda: story.withdrawn(withdrawal) == "paid", "the withdrawal is paid", 120)
    client.appears("#withdrawal-status .ui-tone-success")
    client.inspect("tracker-5-paid")
    second.open(address)
    second.inspect("chain-paid")
    story.leave(first, second)
    story.told.add("payments.withdrawal_agreed")


def _account(story: Story, finance: Seat) -> None:
    """The client adds the account; finance verifies it."""
    client = story.client
    page = client.open("/cashier/accounts/")
    client.inspect("payout-accounts")
    page = client.open("/cashier/accounts/new/spei/")
    page.fill("main form [name=clabe]", CLABE)
    client.inspect("payout-account-new")
    client.submit("main form:has([name=clabe])")
    page.wait_for_url(re.compile(r"/cashier/accounts/$"))
    office = finance.open("/payments/accounts/")
    office.locator("#destinations a", has_text=story.plot.name).first.click()
    office.wait_for_url(re.compile(r"/payments/accounts/[0-9a-f-]{36}/"))
    finance.ready()
    finance.inspect("payout-account-verify")
    office.locator("form[action$='/verify/'] button").click()
    until(lambda: _verified(story), "the account is verified")


def _verified(story: Story) -> bool:
    code = (
        "from tenant_apps.payments.models import Destination\n"
        f"answer = Destination.objects.filter(client_id={story.client_id!r}, state='verified').count()"
    )
    return bool(story.product.inside(story.plot.slug, code))


def _request(story: Story) -> str:
    page = story.client.open(f"/cashier/withdraw/?currency={story.plot.currency}")
    page.locator("[name=destination]").first.check(force=True)
    page.fill("#withdraw-form [name=amount]", str(OUT))
    story.client.appears("#quote ul")
    story.client.inspect("withdraw")
    story.client.submit("#withdraw-form")
    page.wait_for_url(re.compile("/cashier/withdrawals/"))
    story.client.ready()
    return str(re.search(r"/withdrawals/([0-9a-f-]{36})/", page.url)[1])  # type: ignore[index]


def _passed(story: Story, withdrawal: str, steps: int) -> None:
    """So many steps are decided, and the client's page has followed: request, decided steps."""
    code = (
        "from tenant_apps.payments.models import ApprovalStep\n"
        f"rows = ApprovalStep.objects.filter(withdrawal_id={withdrawal!r})\n"
        "answer = [rows.exclude(decided_by_id='').count(), rows.count()]"
    )
    until(lambda: story.product.inside(story.plot.slug, code) == [steps, 3], f"step {steps} is decided")
    done = story.client.page.locator("#withdrawal-status li.ui-step-done")
    expect(done).to_have_count(1 + steps, timeout=PATIENCE)


def _cannot_approve(seat: Seat) -> None:
    expect(seat.page.locator("#withdrawal")).to_be_visible()
    expect(seat.page.locator("form[action$='/approve/']")).to_have_count(0)


def _approve(seat: Seat) -> None:
    seat.page.locator("form[action$='/approve/'] button").click()
    seat.press(seat.page.locator("dialog[open] button:not([data-dialog-close])").last)


def _payouts(story: Story) -> list[dict[str, str]]:
    found = story.product.call("GET", f"{story.control()}/payouts")
    return list(found["data"] if isinstance(found, dict) else found)


def _part(story: Story, withdrawal: str) -> str:
    """The operation id that the one part went out under."""
    code = (
        "from tenant_apps.payments.models import WithdrawalPart\n"
        f"answer = str(WithdrawalPart.objects.get(withdrawal_id={withdrawal!r}).pk)"
    )
    return str(story.product.inside(story.plot.slug, code))
