"""Trading servers of a brokerage, the accounts of its clients there, and what came back from the servers.

Amounts are minor units of the account's currency (`*_minor`), prices and lots decimals, times UTC. Deals, positions and
the money columns of an account are copies of what the server says, written by the bridge only; the ledger's mirror
(`TradingAccount.ledger_kind`) follows them to the cent.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import pgettext, pgettext_lazy

from kernel.clock import now
from kernel.ids import uuid7
from kernel.models import Entity
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.wallets.casework import Note

from .bulk_models import BulkChange as BulkChange
from .bulk_models import BulkChangeRow as BulkChangeRow
from .bulk_models import BulkPurpose as BulkPurpose
from .bulk_models import BulkRowState as BulkRowState
from .bulk_models import BulkState as BulkState
from .bulk_models import BulkWhat as BulkWhat
from .bulk_models import Obstacle as Obstacle
from .probe_words import advice_for

SILENT_AFTER = timedelta(minutes=5)  # the bridge notes an answer every ten seconds


FIXED = -8  # the exponent of prices stored while the column had a scale of its own, and padded them


class PriceField(models.DecimalField):  # type: ignore[type-arg]
    """A price with the decimals its server gave: 1.10000 stays so."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"max_digits": 24, "decimal_places": 8})

    def db_type(self, connection: Any) -> str:
        return "numeric"


def price_text(price: Decimal) -> str:
    """A price as terminals show it: a point, no grouping, the symbol's decimals where they are known."""
    return format(price.normalize() if price.as_tuple().exponent == FIXED else price, "f")


class Platform(models.TextChoices):
    MT5 = "mt5", "MetaTrader 5"
    CTRADER = "ctrader", "cTrader"
    MT5_MANAGER = "mt5_manager", "MetaTrader 5 (Manager bridge)"


class TradingServer(Entity):
    """A server as a manager of the brokerage sees it. Its password stands in `kernel.secrets`, owner `secret_owner`.

    `settings` of all: ca_file (PEM path, None for the machine's store), authority (PEM text), quiet_period (seconds after which "not found"
    proves that a lost operation did not happen), comment (at most 7 characters behind the operation id), sessions,
    public_name (what clients type into their terminal), copy_url (where they copy strategies). Of MT5: transport (https,
    or raw for the text protocol over TCP), call_seconds, server_zone and server_zone_shift_hours (see Mt5Config). Of
    cTrader: plant, environment, broker, web_host and web_port (WebServices; an empty host is the Manager's API's), and
    what else `adapters/registry.py` takes. Of a Manager bridge: fingerprint (SHA-256 of its certificate in hex);
    `manager` is whom the service works as.
    """

    kind = models.CharField(max_length=20, choices=Platform.choices, default=Platform.MT5)
    name = models.CharField(max_length=40)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=443)
    manager = models.PositiveBigIntegerField()
    settings = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    time_offset_minutes = models.SmallIntegerField(null=True, blank=True)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    last_problem = models.CharField(max_length=20, blank=True, default="", db_default="")  # probe_words.problem_of
    last_error_at = models.DateTimeField(null=True, blank=True)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        db_table = "trading_server"
        constraints = [models.UniqueConstraint(fields=["name"], name="trading_server_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def secret_owner(self) -> str:
        return f"trading.server:{self.pk}"

    @property
    def advice(self) -> str:
        """What to do about the last failure; empty where only the server's own words help."""
        return advice_for(self.last_problem, self.kind)

    @property
    def platform_name(self) -> str:
        """As traders call it, before a login's number."""
        return "MT5" if self.kind in {Platform.MT5, Platform.MT5_MANAGER} else self.get_kind_display()

    @property
    def is_silent(self) -> bool:
        """Whether it answered once and has not for a while: a bridge that has died says nothing of it."""
        return self.last_ok_at is not None and now() - self.last_ok_at > SILENT_AFTER

    @property
    def public_name(self) -> str:
        """What a client chooses as server in the terminal."""
        return str(self.settings.get("public_name") or self.name)

    @property
    def copy_url(self) -> str:
        return str(self.settings.get("copy_url") or "")


class Book(models.TextChoices):
    """Whether the brokerage passes its clients' trades on or is their counterpart; routing itself is the server's."""

    A = "a", pgettext_lazy("book", "A-book: passed on")
    B = "b", pgettext_lazy("book", "B-book: kept")


class AccountType(Entity):
    """A product: which group on which server, in which currency, with which leverages (100 means 1:100)."""

    name = models.CharField(max_length=60)
    server = models.ForeignKey(TradingServer, on_delete=models.PROTECT, related_name="account_types")
    group = models.CharField(max_length=64)
    currency = models.CharField(max_length=8)
    live = models.BooleanField(default=True)
    leverages = models.JSONField(default=list)
    leverage_default = models.PositiveIntegerField(default=30)
    description = models.CharField(max_length=200, blank=True)
    automatic = models.BooleanField(default=False)  # opened by itself when a client's identity is approved
    offered = models.BooleanField(default=True)  # clients may open more of it
    order = models.PositiveSmallIntegerField(default=50)
    book = models.CharField(max_length=1, choices=Book.choices, default=Book.B, db_default=Book.B)
    # The group's terms as the server says them (bridge/levels.py); null while it has not been asked.
    margin_call = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    stop_out = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    stop_out_unit = models.CharField(max_length=8, blank=True, default="", db_default="")

    class Meta:
        db_table = "trading_account_type"
        constraints = [models.UniqueConstraint(fields=["server", "group"], name="trading_account_type_group")]

    def __str__(self) -> str:
        return f"{self.name} {self.currency}"

    @property
    def about(self) -> str:
        """The description for people: the sentence a brokerage starts with in their language, a broker's own as written."""
        return pgettext("account type", self.description) if self.description else ""


class AccountState(models.TextChoices):
    OPENING = "opening", pgettext_lazy("trading account state", "Being opened")
    OPEN = "open", pgettext_lazy("trading account state", "Open")
    ARCHIVED = "archived", pgettext_lazy("trading account state", "Archived")
    FAILED = "failed", pgettext_lazy("trading account state", "Could not be opened")


class TradingAccount(Entity):
    """A client's account on a server. The money columns are the server's last word (`seen_at`), not a balance of ours."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="trading_accounts")
    server = models.ForeignKey(TradingServer, on_delete=models.PROTECT, related_name="accounts")
    account_type = models.ForeignKey(AccountType, on_delete=models.PROTECT, related_name="accounts")
    login = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=8)
    leverage = models.PositiveIntegerField()
    live = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=AccountState.choices, default=AccountState.OPENING)
    ledger_kind = models.CharField(max_length=60, blank=True)
    label = models.CharField(max_length=40, blank=True)
    balance_minor = models.BigIntegerField(default=0)
    credit_minor = models.BigIntegerField(default=0)
    equity_minor = models.BigIntegerField(default=0)
    margin_minor = models.BigIntegerField(default=0)
    free_margin_minor = models.BigIntegerField(default=0)
    floating_minor = models.BigIntegerField(default=0)
    margin_level = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)  # percent
    seen_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    adopted_at = models.DateTimeField(null=True, blank=True)  # taken over with a past: deals before are history
    history_synced_at = models.DateTimeField(null=True, blank=True)
    last_deal_at = models.DateTimeField(null=True, blank=True)
    dedupe_key = models.CharField(max_length=120, null=True, blank=True)

    class Meta:
        db_table = "trading_account"
        constraints = [
            models.UniqueConstraint(
                fields=["server", "login"], condition=models.Q(login__isnull=False), name="trading_account_login"
            ),
            models.UniqueConstraint(
                fields=["ledger_kind"], condition=~models.Q(ledger_kind=""), name="trading_account_ledger_kind"
            ),
            models.UniqueConstraint(fields=["dedupe_key"], name="trading_account_once"),
        ]
        indexes = [
            models.Index(fields=["client", "created_at"], name="trading_account_client"),
            models.Index(fields=["-created_at", "-id"], name="trading_account_newest"),
        ]

    def __str__(self) -> str:
        return str(self.login or self.account_type)

    @property
    def aggregate(self) -> str:
        """Commands of an account are carried out one after the other."""
        return f"trading.account:{self.pk}"

    @property
    def secret_owner(self) -> str:
        return f"trading.account:{self.pk}"

    @property
    def topic(self) -> str:
        """Live topic of the numbers that tick; unique within the brokerage, whatever the servers' logins are."""
        return f"account:{self.ledger_kind.removeprefix('trading:')}"

    @property
    def book_topic(self) -> str:
        """Live topic told when positions open or close, or deals are made."""
        return f"account-book:{self.ledger_kind.removeprefix('trading:')}"

    @property
    def is_open(self) -> bool:
        return self.state == AccountState.OPEN

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    @property
    def balance(self) -> Money:
        return self.money(self.balance_minor)

    @property
    def equity(self) -> Money:
        return self.money(self.equity_minor)

    @property
    def margin(self) -> Money:
        return self.money(self.margin_minor)

    @property
    def free_margin(self) -> Money:
        return self.money(self.free_margin_minor)

    @property
    def credit(self) -> Money:
        return self.money(self.credit_minor)

    @property
    def own_free(self) -> Money:
        """What can be taken out by the server's last word: the free margin without credit, and no more than the balance."""
        return self.money(max(0, min(self.balance_minor, self.free_margin_minor - self.credit_minor)))

    @property
    def floating(self) -> Money:
        return self.money(self.floating_minor)


class Deal(models.Model):
    """A deal on a server, money movements included. Unique by (server, deal): however often it is read, it is one row.

    `result_minor` is what it does to the balance: profit + swap + commission + fee (0 for credit). A deal that the server
    changed or took back later keeps its first form in `original`.
    """

    id = models.BigAutoField(primary_key=True)
    server = models.ForeignKey(TradingServer, on_delete=models.PROTECT, related_name="deals")
    deal = models.BigIntegerField()
    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="deals")
    login = models.BigIntegerField()
    order = models.BigIntegerField()
    position = models.BigIntegerField()
    kind = models.CharField(max_length=16)
    entry = models.CharField(max_length=8, blank=True)
    reason = models.CharField(max_length=16)
    symbol = models.CharField(max_length=32, blank=True)
    lots = models.DecimalField(max_digits=20, decimal_places=8)
    closed_lots = models.DecimalField(max_digits=20, decimal_places=8)
    price = PriceField()
    position_price = PriceField()
    contract_size = models.DecimalField(max_digits=20, decimal_places=8)
    profit_minor = models.BigIntegerField()
    swap_minor = models.BigIntegerField()
    commission_minor = models.BigIntegerField()
    result_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    digits = models.SmallIntegerField()
    executed_at = models.DateTimeField()
    stored_at = models.DateTimeField()
    comment = models.CharField(max_length=64, blank=True)
    amended_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    original = models.JSONField(null=True)

    class Meta:
        db_table = "trading_deal"
        constraints = [models.UniqueConstraint(fields=["server", "deal"], name="trading_deal_once")]
        indexes = [
            models.Index(fields=["account", "-executed_at", "-id"], name="trading_deal_account"),
            models.Index(fields=["server", "executed_at"], name="trading_deal_time"),
        ]

    def __str__(self) -> str:
        return f"{self.deal} {self.kind} {self.symbol}"

    @property
    def is_trade(self) -> bool:
        return self.kind in {"buy", "sell"}

    @property
    def result(self) -> Money:
        return Money(self.result_minor, self.currency)

    @property
    def profit(self) -> Money:
        return Money(self.profit_minor, self.currency)

    @property
    def price_text(self) -> str:
        return price_text(self.price)

    @property
    def costs(self) -> Money:
        """Swap and commission, fee included."""
        return Money(self.swap_minor + self.commission_minor, self.currency)


class Position(models.Model):
    """An open position as last seen. Rows disappear when the position is closed; deals keep the story."""

    id = models.BigAutoField(primary_key=True)
    server = models.ForeignKey(TradingServer, on_delete=models.CASCADE, related_name="positions")
    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, related_name="positions")
    position = models.BigIntegerField()
    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4)
    lots = models.DecimalField(max_digits=20, decimal_places=8)
    price_open = PriceField()
    price_current = PriceField()
    stop_loss = PriceField(null=True)
    take_profit = PriceField(null=True)
    profit_minor = models.BigIntegerField()
    swap_minor = models.BigIntegerField()
    notional_minor = models.BigIntegerField(
        null=True
    )  # at the current price; null while the server has not said its rate
    currency = models.CharField(max_length=8)
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "trading_position"
        constraints = [models.UniqueConstraint(fields=["server", "position"], name="trading_position_once")]
        indexes = [
            models.Index(fields=["account", "opened_at"], name="trading_position_account"),
            models.Index(fields=["symbol", "id"], name="trading_position_symbol"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.side} {self.symbol}"

    @property
    def profit(self) -> Money:
        return Money(self.profit_minor, self.currency)

    @property
    def notional(self) -> Money | None:
        return None if self.notional_minor is None else Money(self.notional_minor, self.currency)

    @property
    def open_text(self) -> str:
        return price_text(self.price_open)

    @property
    def current_text(self) -> str:
        return price_text(self.price_current)

    @property
    def stop_loss_text(self) -> str:
        return price_text(self.stop_loss) if self.stop_loss else ""

    @property
    def take_profit_text(self) -> str:
        return price_text(self.take_profit) if self.take_profit else ""


class EquityPoint(models.Model):
    """Balance and equity of an account at a moment, for its curve: at most one a minute, while something moves."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, related_name="equity_points")
    at = models.DateTimeField()
    balance_minor = models.BigIntegerField()
    equity_minor = models.BigIntegerField()

    class Meta:
        db_table = "trading_equity_point"
        constraints = [models.UniqueConstraint(fields=["account", "at"], name="trading_equity_point_once")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.at:%F %T}"


class AlertKind(models.TextChoices):
    MARGIN_CALL = "margin_call", pgettext_lazy("margin alert", "Margin call")
    STOP_OUT = "stop_out", pgettext_lazy("margin alert", "Stop-out")


class MarginAlert(models.Model):
    """A margin call, or a stop-out with all positions that it closed. Open until the account has recovered (margin.py);
    the database holds one open of a kind per account, so that each is told once, whoever saw it.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, related_name="margin_alerts")
    kind = models.CharField(max_length=12, choices=AlertKind.choices)
    at = models.DateTimeField()
    last_at = models.DateTimeField()
    value = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    threshold = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    unit = models.CharField(max_length=8)
    deals = models.PositiveIntegerField(default=0)
    recovered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "trading_margin_alert"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind"],
                condition=models.Q(recovered_at__isnull=True),
                name="trading_margin_alert_open",
            )
        ]
        indexes = [
            models.Index(fields=["account", "kind", "-at"], name="trading_margin_alert_account"),
            models.Index(fields=["-at", "-id"], name="trading_margin_alert_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.account_id}"


class Watermark(models.Model):
    """How far a server's deals have been read, by the deals' own time (UTC). Reading begins a little before."""

    server = models.OneToOneField(TradingServer, primary_key=True, on_delete=models.CASCADE)
    deals_until = models.DateTimeField()
    updated_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "trading_watermark"

    def __str__(self) -> str:
        return f"{self.server_id} {self.deals_until:%F %T}"


class Direction(models.TextChoices):
    TO_ACCOUNT = "in", pgettext_lazy("trading transfer", "Wallet to account")
    TO_WALLET = "out", pgettext_lazy("trading transfer", "Account to wallet")
    DEMO = "demo", pgettext_lazy("trading transfer", "Practice money")


class TransferState(models.TextChoices):
    PENDING = "pending", pgettext_lazy("trading transfer state", "On its way")
    DONE = "done", pgettext_lazy("trading transfer state", "Done")
    FAILED = "failed", pgettext_lazy("trading transfer state", "Refused")


class Transfer(Entity):
    """Money on its way between a client's wallet and account. `command_id` is the operation that moves it on the server.

    TO_ACCOUNT: wallet → in_transit when asked for, in_transit → account when the server has it, else back.
    TO_WALLET: held on the account's mirror when asked for; account → wallet when the server has given it, else released.
    DEMO money exists on the server only.
    """

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="transfers")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="trading_transfers")
    direction = models.CharField(max_length=4, choices=Direction.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    state = models.CharField(max_length=8, choices=TransferState.choices, default=TransferState.PENDING)
    command_id = models.UUIDField(default=uuid7)
    key = models.CharField(max_length=120)
    deal = models.BigIntegerField(null=True, blank=True)
    problem = models.CharField(max_length=60, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "trading_transfer"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="trading_transfer_key"),
            models.UniqueConstraint(fields=["command_id"], name="trading_transfer_command"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="trading_transfer_positive"),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="trading_transfer_account"),
            models.Index(fields=["created_at"], name="trading_transfer_pending", condition=models.Q(state="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.amount}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class CaseKind(models.TextChoices):
    ORPHAN_DEAL = "orphan_deal", pgettext_lazy("trading case", "Money moved on the server without us")
    AMENDED_DEAL = "amended_deal", pgettext_lazy("trading case", "A past deal was changed on the server")
    DELETED_DEAL = "deleted_deal", pgettext_lazy("trading case", "A past deal was removed on the server")
    MISMATCH = "mismatch", pgettext_lazy("trading case", "Balance differs from the ledger")
    DUPLICATE = "duplicate", pgettext_lazy("trading case", "An operation stands twice on the server")
    OPENING = "opening", pgettext_lazy("trading case", "An account could not be opened")


class CaseState(models.TextChoices):
    """Where a case stands; it follows from who has it, whether a proposal waits, and `resolved_at` (selectors.STANDING)."""

    OPEN = "open", pgettext_lazy("trading case state", "Open")
    IN_WORK = "in_work", pgettext_lazy("trading case state", "In work")
    WAITING = "waiting", pgettext_lazy("trading case state", "Waits for a second person")
    RESOLVED = "resolved", pgettext_lazy("trading case state", "Resolved")


class Case(Entity):
    """Something a person has to look at. One open case per `dedupe_key`; resolved with a note.

    One that left money in the house's suspense is resolved by two people: resolving it posts.
    """

    kind = models.CharField(max_length=16, choices=CaseKind.choices)
    server = models.ForeignKey(TradingServer, on_delete=models.PROTECT, related_name="cases")
    account = models.ForeignKey(TradingAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="cases")
    amount_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=8, blank=True)
    data = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=120)
    owner_id = models.CharField(max_length=40, blank=True, default="", db_default="")
    owner_label = models.CharField(max_length=160, blank=True, default="", db_default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=160, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "trading_case"
        constraints = [models.UniqueConstraint(fields=["dedupe_key"], name="trading_case_once")]
        indexes = [models.Index(fields=["resolved_at", "-created_at"], name="trading_case_open")]

    def __str__(self) -> str:
        return f"{self.kind} {self.dedupe_key}"

    @property
    def amount(self) -> Money | None:
        return Money(self.amount_minor, self.currency) if self.amount_minor is not None and self.currency else None

    @property
    def suspended(self) -> Money | None:
        """What it left in the house's suspense, as the account got it (negative: lost it); None for nothing."""
        by_hand = self.kind == CaseKind.ORPHAN_DEAL or bool(self.data.get("by_hand"))
        return self.amount if by_hand and self.amount else None


class CaseNote(Note):
    """About a case; the comparison's own ones have no author."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")

    class Meta:
        db_table = "trading_case_note"
        indexes = [models.Index(fields=["case", "id"], name="trading_case_note_case")]


class Comparison(models.Model):
    """A server compared with the ledger's mirror after a day had ended: what both sides say, per currency. Kept as it was
    found; the newest of a day counts.

    `figures`: one dictionary per currency of live accounts, in minor units: platform, mirror, in_transit (booked on one side
    only so far), difference (platform − mirror − in_transit, the same in several looks), accounts (compared), differing
    (of them), unsettled (of them: apart when last looked at, by what no transfer explains and not always the same), missing
    (accounts that the server said nothing of). `whole`: all deals were compared, not the last days' only; a night is done
    when its day has such a row.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    server = models.ForeignKey(TradingServer, on_delete=models.PROTECT, related_name="comparisons")
    day = models.DateField()
    at = models.DateTimeField(default=now)
    figures = models.JSONField(default=list)
    whole = models.BooleanField(default=False, db_default=False)
    db_rights = "append"

    class Meta:
        db_table = "trading_comparison"
        indexes = [models.Index(fields=["-day", "server", "-at"], name="trading_comparison_newest")]

    def __str__(self) -> str:
        return f"{self.server_id} {self.day}"
