"""Trading robots: habits that keep accounts busy the way clients do. One robot sits at one account.

A robot's memory is its open positions (marked with its expert number), so a restart changes nothing but its
mood.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

from sandbox.exchange import store
from sandbox.exchange.accounting import floating_of, notional_of
from sandbox.exchange.catalogue import FOREX
from sandbox.exchange.records import (
    RIGHT_ENABLED,
    RIGHT_TRADE_DISABLED,
    Account,
    Action,
    Position,
    Reason,
    RobotRow,
)
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import dealing
from sandbox.mt5.dealing import Instruction
from sandbox.mt5.server import TradingServer

EXPERT = {"trend": 7001, "scalper": 7002, "martingale": 7003, "hedger": 7004, "sleeper": 7005}
AUTOMATIC = ("scalper", "trend", "martingale", "scalper", "hedger")
DEFAULT_SYMBOLS = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "EURJPY", "XAUUSD", "US500"]
_LONGEST_SERIES = 5
_TREND_WINDOW_MS = 20_000


def assign(
    server: TradingServer, *, login: int, habit: str, partner: int = 0, symbols: list[str] | None = None
) -> None:
    """Seat a robot at an account (replacing another).

    Refused 13 unknown account or symbol, 3 unknown habit.
    """
    server.account(login)
    if habit not in EXPERT:
        raise Refused(Retcode.INVALID_PARAMETERS, f"habit {habit}")
    if partner:
        server.account(partner)
    chosen = symbols or DEFAULT_SYMBOLS
    for name in chosen:
        server.symbol(name)
    row = RobotRow(login, habit, partner, chosen)
    server.book.robots[login] = row
    store.ROBOTS.put(server.db, row)
    server.event("robot", {"login": login, "habit": habit})


def dismiss(server: TradingServer, login: int) -> None:
    """Take the robot away; its positions stay. Refused 13 when there is none."""
    if server.book.robots.pop(login, None) is None:
        raise Refused(Retcode.NOT_FOUND, f"robot of {login}")
    store.ROBOTS.delete(server.db, login)


def engage_when_funded(server: TradingServer, account: Account) -> None:
    """On a server with autotrade, an account that has money now gets a robot, up to the server's limit."""
    config = server.config
    idle = account.login not in server.book.robots and account.balance > 0
    if config.autotrade and idle and len(server.book.robots) < config.autotrade_limit:
        assign(server, login=account.login, habit=AUTOMATIC[account.login % len(AUTOMATIC)])


class Crew:
    """The robots of one server at work."""

    def __init__(self, server: TradingServer) -> None:
        self._server = server
        self._random = random.Random(f"{server.seed}/{server.config.name}")
        self._wake: dict[int, int] = {}
        self._past: list[tuple[int, dict[str, int]]] = []
        self._losses: dict[int, int] = {}
        self._habits: dict[str, Callable[[RobotRow, Account, list[Position]], tuple[float, float]]] = {
            "trend": self._trend,
            "scalper": self._scalper,
            "martingale": self._martingale,
            "hedger": self._hedger,
            "sleeper": self._sleeper,
        }

    def step(self, now_ms: int) -> None:
        """Let every robot whose time has come act once. Call inside a transaction."""
        self._remember(now_ms)
        for row in list(self._server.book.robots.values()):
            due = self._wake.get(row.login)
            if due is None or due - now_ms > 3_600_000:
                self._wake[row.login] = now_ms + self._random.randrange(500, 4000)
            elif due <= now_ms:
                pause = self._act(row)
                self._wake[row.login] = now_ms + int(self._random.uniform(*pause) * 1000)

    def _remember(self, now_ms: int) -> None:
        if not self._past or now_ms - self._past[-1][0] >= 1000:
            quotes = self._server.market.quotes
            self._past.append((now_ms, {name: quote.bid for name, quote in quotes.items()}))
            while self._past[0][0] < now_ms - _TREND_WINDOW_MS:
                self._past.pop(0)

    def _act(self, row: RobotRow) -> tuple[float, float]:
        account = self._server.book.accounts.get(row.login)
        if account is None or account.rights & RIGHT_TRADE_DISABLED or not account.rights & RIGHT_ENABLED:
            return (20, 40)
        expert = EXPERT[row.habit]
        mine = [one for one in self._server.positions_of(row.login) if one.expert == expert]
        try:
            return self._habits[row.habit](row, account, mine)
        except Refused:
            # Not enough money or a closed symbol: what a client's robot would log and try again later.
            return (15, 30)

    # -- habits: act, and say how many seconds (from, to) to wait --------------------------------------------

    def _scalper(self, row: RobotRow, account: Account, mine: list[Position]) -> tuple[float, float]:
        """Up to three small positions, each held for some twenty seconds, where the market moves most."""
        ripe = [one for one in mine if one.time_create_msc < self._server.wall_ms() - 18_000]
        if ripe or len(mine) > 2:
            self._close((ripe or mine)[0])
            return (2, 5)
        lively = [name for name in row.symbols if self._server.symbol(name).calc_mode != FOREX] or row.symbols
        symbol = self._random.choice(lively)
        self._open(row, account, symbol, self._hunch(symbol, 21_000, 0.75), Decimal("0.02"))
        return (4, 8)

    def _trend(self, row: RobotRow, account: Account, mine: list[Position]) -> tuple[float, float]:
        """Follows the strongest move of the last seconds or, with luck, of the next; holds for two
        minutes.
        """
        ripe = [one for one in mine if one.time_create_msc < self._server.wall_ms() - 110_000]
        if ripe or len(mine) > 5:
            self._close((ripe or mine)[0])
            return (4, 9)
        symbol = max(row.symbols, key=lambda name: abs(self._drift(name)))
        if self._random.random() < 0.5:
            symbol = self._random.choice(row.symbols)
        self._open(row, account, symbol, self._hunch(symbol, 120_000, 0.65), Decimal("0.01"), stops=True)
        return (9, 16)

    def _martingale(self, row: RobotRow, account: Account, mine: list[Position]) -> tuple[float, float]:
        if mine:
            group = self._server.group_of(account)
            lost = floating_of(self._server.market, group, mine[0]).minor < 0
            self._close(mine[0])
            series = self._losses.get(row.login, 0) + 1 if lost else 0
            self._losses[row.login] = 0 if series > _LONGEST_SERIES else series
            return (1, 3)
        series = self._losses.get(row.login, 0)
        symbol = row.symbols[account.login % len(row.symbols)]
        self._open(row, account, symbol, self._random.randrange(2), Decimal("0.002") * 2**series)
        return (7, 15)

    def _hedger(self, row: RobotRow, account: Account, mine: list[Position]) -> tuple[float, float]:
        """Opposite positions, in the partner's account if there is one, closed one after the other."""
        other = self._server.book.accounts.get(row.partner) if row.partner else account
        theirs = (
            [one for one in self._server.positions_of(other.login) if one.expert == EXPERT["hedger"]] if other else []
        )
        pool = mine + [one for one in theirs if one not in mine]
        if pool:
            self._close(self._random.choice(pool))
            return (4, 10)
        symbol = self._random.choice(row.symbols)
        self._open(row, account, symbol, Action.BUY, Decimal("0.003"))
        if other is not None and (other is not account or self._server.group_of(account).hedging):
            self._open(row, other, symbol, Action.SELL, Decimal("0.003"))
        return (8, 16)

    def _sleeper(self, row: RobotRow, account: Account, mine: list[Position]) -> tuple[float, float]:
        """Hardly ever there; then one large trade, held for long."""
        if mine:
            self._close(mine[0])
            return (1800, 7200)
        self._open(row, account, self._random.choice(row.symbols), self._random.randrange(2), Decimal("0.20"))
        return (600, 3600)

    # -- tools -----------------------------------------------------------------------------------------------

    def _hunch(self, symbol: str, ahead_ms: int, luck: float) -> Action:
        """Which way the market will go.

        With probability `luck` the robot peeks at the feed's future. Without it the spread would eat every
        demo account within hours; with it their curves wander up and down as those of a mixed clientele do.
        """
        if self._random.random() >= luck:
            return self._random.choice((Action.BUY, Action.SELL))
        spec = self._server.symbol(symbol)
        future, _ = self._server.market.points_at(spec, self._server.clock.now_ms() + ahead_ms)
        return Action.BUY if future >= self._server.market.quotes[symbol].bid else Action.SELL

    def _drift(self, symbol: str) -> Decimal:
        now = self._server.market.quotes[symbol].bid
        before = self._past[0][1].get(symbol, now) if self._past else now
        return Decimal(now - before) / now

    def _close(self, position: Position) -> None:
        dealing.close_position(
            self._server,
            ticket=position.ticket,
            instruction=Instruction(reason=Reason.EXPERT, expert=position.expert, comment=position.comment),
        )

    def _open(
        self,
        row: RobotRow,
        account: Account,
        symbol: str,
        action: int,
        share: Decimal,
        *,
        stops: bool = False,
    ) -> None:
        """Open a position whose margin is about `share` of the free margin, at least the smallest lot."""
        server = self._server
        spec, group = server.symbol(symbol), server.group_of(account)
        price = dealing.market_price(server, group, spec, action)
        smallest, _ = notional_of(server.market, group, spec, spec.volume_min, price)
        per_step = max(1, smallest // account.leverage)
        steps = int(max(0, server.state(account).free) * share) // per_step
        volume = max(1, min(steps, 500)) * spec.volume_min
        stop_loss = take_profit = 0
        if stops:
            sign = 1 if action == Action.BUY else -1
            distance = max(spec.spread * 6, price // 2500)
            stop_loss, take_profit = price - sign * distance, price + sign * distance * 2
        instruction = Instruction(
            reason=Reason.EXPERT,
            expert=EXPERT[row.habit],
            comment=row.habit,
            price_sl=stop_loss,
            price_tp=take_profit,
        )
        dealing.market_order(
            server, login=account.login, symbol=symbol, action=action, volume=volume, instruction=instruction
        )
