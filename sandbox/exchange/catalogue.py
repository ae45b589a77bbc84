"""What a fresh trading server offers: symbols and groups, both plain data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

FOREX = 0
CFD_LEVERAGE = 4
CURRENCY_DIGITS = {"JPY": 0, "KWD": 3, "BHD": 3, "OMR": 3}
NETTING, HEDGING = 0, 2


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """One instrument. Swaps are points per lot and night, spread is points, contract is units per lot."""

    name: str
    path: str
    description: str
    base: str
    profit: str
    margin: str
    digits: int
    contract_size: int
    spread: int
    calc_mode: int = FOREX
    swap_long: str = "0"
    swap_short: str = "0"
    margin_rate: str = "1"
    full_trading: bool = True
    activity: float = 0.6

    @property
    def volume_min(self) -> int:
        """Smallest trade, in 1/10 000 lot."""
        return 100

    @property
    def volume_max(self) -> int:
        """Largest trade, in 1/10 000 lot."""
        return 1_000_000


@dataclass(slots=True)
class GroupSpec:
    """A trading group. Commission and fee are group currency per lot and deal; levels are per cent."""

    name: str
    currency: str
    currency_digits: int = -1
    margin_mode: int = HEDGING
    margin_call: str = "100"
    stop_out: str = "50"
    commission: str = "0"
    fee: str = "0"
    spread_diff: int = 0
    password_min: int = 8
    demo_leverage: int = 100
    demo_deposit: str = "10000"
    negative_protection: bool = True

    def __post_init__(self) -> None:
        if self.currency_digits < 0:
            self.currency_digits = currency_digits(self.currency)

    @property
    def hedging(self) -> bool:
        """True when an account may hold opposite positions in one symbol."""
        return self.margin_mode == HEDGING


def quoted(currency: str) -> bool:
    """True when the sandbox can value an account in this currency."""
    return any(currency in (spec.base, spec.profit) for spec in SYMBOLS)


def currency_digits(currency: str) -> int:
    """Minor digits of an account currency (ISO 4217)."""
    return CURRENCY_DIGITS.get(currency, 2)


def _forex(name: str, text: str, digits: int, spread: int, swaps: tuple[str, str], activity: float) -> SymbolSpec:
    base, quote = name[:3], name[3:]
    folder = "Majors" if "USD" in (base, quote) and quote not in ("TRY", "KZT", "ZAR", "MXN", "COP") else "Minors"
    return SymbolSpec(
        name,
        f"Forex\\{folder}\\{name}",
        text,
        base,
        quote,
        base,
        digits,
        100_000,
        spread,
        swap_long=swaps[0],
        swap_short=swaps[1],
        activity=activity,
    )


def _conversion(name: str, digits: int) -> SymbolSpec:
    # Quoted so that accounts in this currency can be valued; not offered for trading.
    base, quote = name[:3], name[3:]
    return SymbolSpec(
        name,
        f"Conversion\\{name}",
        f"{base} to {quote}",
        base,
        quote,
        base,
        digits,
        100_000,
        20,
        full_trading=False,
        activity=0.1,
    )


def _cfd(
    name: str,
    folder: str,
    text: str,
    digits: int,
    contract: int,
    spread: int,
    swaps: tuple[str, str],
    margin_rate: str,
) -> SymbolSpec:
    base, quote = (name[:3], name[3:]) if len(name) == 6 and name.endswith("USD") else (name, "USD")
    return SymbolSpec(
        name,
        f"{folder}\\{name}",
        text,
        base,
        quote,
        quote,
        digits,
        contract,
        spread,
        CFD_LEVERAGE,
        swaps[0],
        swaps[1],
        margin_rate,
        activity=0.75,
    )


SYMBOLS: tuple[SymbolSpec, ...] = (
    _forex("EURUSD", "Euro vs US Dollar", 5, 8, ("-7.1", "2.9"), 0.9),
    _forex("GBPUSD", "Great Britain Pound vs US Dollar", 5, 12, ("-3.8", "-2.1"), 0.8),
    _forex("USDJPY", "US Dollar vs Japanese Yen", 3, 10, ("9.4", "-18.6"), 0.8),
    _forex("USDCHF", "US Dollar vs Swiss Franc", 5, 13, ("6.2", "-11.9"), 0.6),
    _forex("AUDUSD", "Australian Dollar vs US Dollar", 5, 11, ("-3.3", "0.6"), 0.7),
    _forex("USDCAD", "US Dollar vs Canadian Dollar", 5, 14, ("1.4", "-6.8"), 0.6),
    _forex("NZDUSD", "New Zealand Dollar vs US Dollar", 5, 16, ("-2.7", "-0.9"), 0.5),
    _forex("EURGBP", "Euro vs Great Britain Pound", 5, 14, ("-5.2", "1.1"), 0.5),
    _forex("EURJPY", "Euro vs Japanese Yen", 3, 15, ("4.9", "-14.2"), 0.6),
    _forex("GBPJPY", "Great Britain Pound vs Japanese Yen", 3, 20, ("8.7", "-21.4"), 0.6),
    _forex("USDTRY", "US Dollar vs Turkish Lira", 5, 900, ("-920", "410"), 0.4),
    _cfd("XAUUSD", "Metals", "Gold, troy ounce", 2, 100, 22, ("-48.5", "21.3"), "1"),
    _cfd("XAGUSD", "Metals", "Silver, troy ounce", 3, 5000, 24, ("-6.1", "2.2"), "1"),
    _cfd("US500", "Indices", "500 largest companies of the USA, cash", 1, 10, 6, ("-13.2", "3.1"), "5"),
    _cfd("GER40", "Indices", "40 largest companies of Germany, cash, in USD", 1, 1, 15, ("-28.4", "5.5"), "5"),
    _cfd("BTCUSD", "Crypto", "Bitcoin vs US Dollar", 2, 1, 2500, ("-1500", "-600"), "50"),
    _conversion("USDKZT", 3),
    _conversion("USDAED", 5),
    _conversion("USDKWD", 5),
    _conversion("USDSAR", 5),
    _conversion("USDZAR", 5),
    _conversion("USDMXN", 5),
    _conversion("USDCOP", 3),
    _conversion("USDSGD", 5),
    _conversion("USDSEK", 5),
    _conversion("USDNOK", 5),
    _conversion("USDPLN", 5),
)


# Units of a currency that a commission of one dollar is charged as; 1 where the two are of one size.
COMMISSION_RATES = {"KZT": 480, "COP": 4000, "MXN": 18}


def default_groups(currencies: list[str]) -> list[GroupSpec]:
    """The groups of a new server: standard, ECN and netting for real money, one for practice, per
    currency.
    """
    groups = []
    for currency in currencies:
        digits, low = currency_digits(currency), currency.lower()
        rate = Decimal(COMMISSION_RATES.get(currency, 1))

        def group(
            kind: str,
            mode: int,
            call: str,
            out: str,
            commission: str,
            fee: str,
            markup: int,
            protect: bool,
            low: str = low,
            currency: str = currency,
            digits: int = digits,
            rate: Decimal = rate,
        ) -> GroupSpec:
            return GroupSpec(
                f"{kind}-{low}",
                currency,
                digits,
                mode,
                call,
                out,
                str(Decimal(commission) * rate),
                str(Decimal(fee) * rate),
                markup,
                8,
                100,
                str(10_000 * rate),
                protect,
            )

        groups += [
            group("real\\std", HEDGING, "100", "50", "0", "0", 6, True),
            group("real\\ecn", HEDGING, "100", "50", "3.50", "0.25", 0, True),
            group("real\\pro", NETTING, "80", "30", "2.00", "0", 2, False),
            group("demo\\std", HEDGING, "100", "50", "0", "0", 6, True),
        ]
    return groups
