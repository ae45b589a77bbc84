"""What happened at a brokerage in the last half year, invented but the same at every seed. Pure: no database, no clock.

A `Life` is one client's story as dates and amounts; the modules beside this one write it down through the apps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from kernel.money import minor_units

from .brokers import Broker, Country
from .names import NOTES, STREETS, TASKS, Person, person

DAYS = 180
LEAST_ROBOTS, CLIENTS_PER_ROBOT = 3, 10  # every robot costs bridge and browser something, all the time
# How far the clients of a brokerage have come, in percent.
LEADS, REGISTERED, VERIFIED = 34, 16, 8
STATUSES = (
    ("new", 18), ("attempted", 18), ("contacted", 20), ("interested", 16), ("callback", 10), ("not_interested", 10),
    ("unreachable", 8),
)  # fmt: skip
KYC_WHILE_REGISTERED = (("none", 30), ("draft", 20), ("submitted", 28), ("needs_more", 14), ("rejected", 8))
KNOWN_DEPOSITS = 5  # how many usual first deposits the documented client's first one is at least
WAITING_AT_MOST = {"submitted": timedelta(days=3), "needs_more": timedelta(days=8)}
OUTCOMES = ("no_answer", "reached", "busy", "voicemail", "call_back", "reached")
SOURCES = (("google", "cpc"), ("facebook", "social"), ("newsletter", "email"), ("partner", "referral"), ("", ""))
HABITS = ("trend", "scalper", "hedger", "trend", "martingale")


@dataclass(frozen=True, slots=True)
class Said:
    """A call or note of an agent. `outcome` is empty for a note; `seconds` is the call's length."""

    at: datetime
    text: str
    outcome: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment in or out, in minor units of `currency`. `to_account`: passed on to the trading account."""

    at: datetime
    minor: int
    currency: str
    provider: str
    method: str
    to_account: int = 0


@dataclass(slots=True)
class Life:
    """One client. Moments are UTC; None for what has not happened."""

    index: int
    who: Person
    email: str
    phone: str
    country: Country
    city: str
    street: str
    postcode: str
    language: str
    born: date
    currency: str
    created_at: datetime
    source: dict[str, str]
    stage: str = "lead"
    status: str = "new"
    kyc: str = "none"
    registered_at: datetime | None = None
    submitted_at: datetime | None = None
    verified_at: datetime | None = None
    first_deposit_at: datetime | None = None
    said: list[Said] = field(default_factory=list)
    task: tuple[str, datetime, bool] | None = None  # title, due, done
    deposits: list[Paid] = field(default_factory=list)
    withdrawals: list[Paid] = field(default_factory=list)
    trades: int = 0
    robot: str = ""
    leverage: int = 0
    active_days: int = 0
    known: bool = False  # the documented trader, whose log-in the tour prints

    @property
    def latin(self) -> str:
        return f"{self.who.latin_first} {self.who.latin_last}"

    @property
    def name(self) -> str:
        return f"{self.who.first} {self.who.last}"

    def last_seen(self, until: datetime) -> datetime | None:
        """The last log-in: within nine days for who is active, and never before what the client has done by then."""
        if self.registered_at is None:
            return None
        done = [self.registered_at, *(paid.at for paid in (*self.deposits, *self.withdrawals))]
        done += [self.submitted_at] if self.submitted_at else []
        return max([*done, until - timedelta(days=self.index % 9)] if self.active_days else done)

    @property
    def has_account(self) -> bool:
        return self.verified_at is not None


def lives(broker: Broker, count: int, until: datetime) -> list[Life]:
    """`count` clients of a brokerage, the oldest first; everything lies before `until` (UTC)."""
    chance = Random(f"rialto demo {broker.slug}")
    found: list[Life] = []
    taken: set[str] = set()  # mailboxes and names: nobody has the other's, nor the documented client's
    taken.add(" ".join(broker.trader[1:]))
    for index in range(count):
        age = timedelta(days=DAYS * (1 - (index + chance.random() * 0.8) / count) ** 0.9)
        found.append(_life(broker, chance, index, until - max(age, timedelta(minutes=40)), until, taken))
    _name_the_known_one(broker, found, until)
    for life in found:
        if life.withdrawals:
            life.deposits[0] = _by_bank(broker, life.deposits[0])
    _give_robots(broker, found)
    return found


def _pick(chance: Random, shares: tuple[tuple[str, int], ...]) -> str:
    return chance.choices([name for name, _ in shares], [share for _, share in shares])[0]


def _life(broker: Broker, chance: Random, index: int, born: datetime, until: datetime, taken: set[str]) -> Life:
    who = _somebody_new(chance, broker, taken)
    country = chance.choices(broker.countries, [one.share for one in broker.countries])[0]
    mailbox = who.mailbox
    while mailbox in taken:
        mailbox = f"{who.mailbox}{chance.randrange(10, 99)}"
    taken.add(mailbox)
    digits = "".join(chance.choices("123456789", k=8 if country.dial in {"+971", "+965", "+974"} else 9))
    utm, medium = chance.choice(SOURCES)
    source = {"utm_source": utm, "utm_medium": medium, "utm_campaign": chance.choice(broker.campaigns)} if utm else {}
    life = Life(
        index=index,
        who=who,
        email=f"{mailbox}@example.net",
        phone=f"{country.dial}{digits}"[:16],
        country=country,
        city=chance.choice(country.cities),
        street=f"{chance.choice(STREETS[broker.names])} {chance.randrange(1, 120)}",
        postcode=f"{chance.randrange(10_000, 99_999)}",
        language=chance.choice(country.languages),
        born=date(chance.randrange(1961, 2003), chance.randrange(1, 13), chance.randrange(1, 28)),
        currency=_currency(chance, country.currencies or broker.currencies),
        created_at=born,
        source=source,
        leverage=chance.choice(broker.leverages[-3:]),
    )
    _walk(broker, chance, life, until)
    _sales_work(chance, life, until)
    return life


def _currency(chance: Random, held: tuple[str, ...]) -> str:
    return chance.choices(held, [70, *[20] * (len(held) - 1)])[0]


def _somebody_new(chance: Random, broker: Broker, taken: set[str]) -> Person:
    who = person(chance, broker.names)
    while f"{who.first} {who.last}" in taken:
        who = person(chance, broker.names)
    taken.add(f"{who.first} {who.last}")
    return who


def _soon(chance: Random, after: datetime, hours: float, until: datetime) -> datetime:
    """A moment some hours later, before `until`."""
    moment = after + timedelta(hours=hours * (0.2 + 1.6 * chance.random()), seconds=chance.randrange(3600))
    if moment >= until:
        moment = after + (until - after) * (0.2 + 0.4 * chance.random())
    return moment


def _walk(broker: Broker, chance: Random, life: Life, until: datetime) -> None:
    """Let the client come as far as chance wants: lead, registered, verified or funded."""
    lot = chance.randrange(100)
    if lot < LEADS:
        life.status = _pick(chance, STATUSES)
        return
    life.status, life.stage = "converted", "registered"
    life.registered_at = _soon(chance, life.created_at, 20, until)
    if lot < LEADS + REGISTERED:
        life.kyc = _pick(chance, KYC_WHILE_REGISTERED)
        if life.kyc in {"submitted", "needs_more", "rejected"}:
            life.submitted_at = _soon(chance, life.registered_at, 6, until)
        if life.kyc in WAITING_AT_MOST:
            life.submitted_at = max(life.submitted_at or until, _lately(life, until))
        return
    life.stage, life.kyc = "verified", "approved"
    life.submitted_at = _soon(chance, life.registered_at, 8, until)
    life.verified_at = _soon(chance, life.submitted_at, 10, until)
    if lot < LEADS + REGISTERED + VERIFIED:
        return
    life.stage = "funded"
    _fund(broker, chance, life, until)


def _lately(life: Life, until: datetime) -> datetime:
    """When a case that still waits was handed in: a desk works off its queue within days."""
    most = WAITING_AT_MOST[life.kyc]
    return until - timedelta(minutes=90) - most * ((life.index * 37) % 100 / 100)


def _amount(broker: Broker, currency: str, factor: float) -> int:
    """A round amount in minor units."""
    major = broker.deposit * broker.rates[currency] * factor
    step = 1000 if broker.rates[currency] >= 100 else 50
    rounded = max(step * 2, round(major / step) * step)
    return int(rounded * 10 ** minor_units(currency))


def _fund(broker: Broker, chance: Random, life: Life, until: datetime) -> None:
    assert life.verified_at is not None
    providers = [one for one in broker.providers if life.currency in one.limits]
    moment = _soon(chance, life.verified_at, 24, until)
    life.first_deposit_at = moment
    for number in range(chance.choices((1, 2, 3, 5), (46, 28, 18, 8))[0]):
        provider = chance.choices(providers, [80, *[20] * (len(providers) - 1)])[0]
        minor = _amount(broker, life.currency, chance.choice((0.4, 0.6, 1, 1, 1.6, 3, 5)))
        passed_on = minor if number == 0 else minor * chance.choice((50, 80, 100)) // 100
        life.deposits.append(
            Paid(moment, minor, life.currency, provider.kind, chance.choice(provider.methods[:2]), passed_on)
        )
        moment = _soon(chance, moment, 24 * 25, until)
    if chance.random() < 0.3 and until - moment > timedelta(days=3):
        minor = life.deposits[0].minor * chance.choice((20, 30, 40)) // 100
        out = _soon(chance, moment, 24 * 20, until)
        life.withdrawals.append(Paid(out, minor, life.currency, "bank_wire", "wire"))
        life.deposits[0] = replace(life.deposits[0], to_account=life.deposits[0].minor - minor)
    weeks = max(1.0, (until - life.first_deposit_at).days / 7)
    life.trades = int(weeks * chance.choice((0.7, 1.5, 2.5, 4)))
    life.active_days = min(int((until - life.first_deposit_at).days * chance.uniform(0.1, 0.45)) + 1, 28)


def _by_bank(broker: Broker, paid: Paid) -> Paid:
    """What is paid out by the bank came in there before, as rules of paying back to the source have it: so no bank
    account of the history pays out more than it was paid."""
    banks = [one for one in broker.providers if one.kind == "bank_wire" and paid.currency in one.limits]
    return replace(paid, provider="bank_wire", method=banks[0].methods[0]) if banks else paid


def _sales_work(chance: Random, life: Life, until: datetime) -> None:
    """Calls, notes and tasks of the agent."""
    if life.stage == "lead" and life.status == "new":
        return
    notes = NOTES.get(life.language, NOTES["en"])
    moment = life.created_at
    for number in range(chance.choices((1, 2, 3), (45, 35, 20))[0]):
        moment = _soon(chance, moment, 3 if number == 0 else 60, until)
        outcome = OUTCOMES[chance.randrange(len(OUTCOMES))]
        seconds = chance.randrange(60, 900) if outcome in {"reached", "call_back"} else 0
        text = chance.choice(notes) if seconds else ""
        life.said.append(Said(moment, text, outcome, seconds))
    if chance.random() < 0.5:
        life.said.append(Said(_soon(chance, moment, 20, until), chance.choice(notes)))
    if life.status in {"contacted", "interested", "callback"} or chance.random() < 0.15:
        title = chance.choice(TASKS.get(life.language, TASKS["en"]))
        done = chance.random() < 0.35
        due = until + timedelta(hours=chance.randrange(-60, 96)) if not done else moment + timedelta(days=2)
        life.task = (title, due, done)


def _name_the_known_one(broker: Broker, found: list[Life], until: datetime) -> None:
    """The client whose log-in is documented: well funded, for a while, in the brokerage's own language."""
    held = broker.countries[0].currencies or broker.currencies
    funded = [life for life in found if life.stage == "funded" and life.currency in held]
    life = max(funded, key=lambda one: (one.trades, one.index))
    email, first, last = broker.trader
    latin_first = email.partition(".")[0].title()
    life.who = Person(first, last, latin_first, last if last.isascii() else "Alomari")
    life.email, life.language, life.country = email, broker.languages[0], broker.countries[0]
    life.phone = f"{broker.countries[0].dial}{life.phone.lstrip('+')[-8:]}"
    life.known, life.withdrawals = True, []
    enough = _amount(broker, life.currency, KNOWN_DEPOSITS)  # else the leverage of the EU leaves no lot to trade
    minor = max(life.deposits[0].minor, enough)
    life.deposits[0] = replace(life.deposits[0], minor=minor, to_account=minor)


def _give_robots(broker: Broker, found: list[Life]) -> None:
    """The documented client and the newest funded ones keep trading while the demo runs."""
    funded = [life for life in found if life.stage == "funded"]
    robots = max(LEAST_ROBOTS, len(found) // CLIENTS_PER_ROBOT)
    chosen = sorted(funded, key=lambda life: (not life.known, -life.index))[:robots]
    for number, life in enumerate(chosen):
        life.robot = HABITS[number % len(HABITS)]


def months(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Half-open spans of at most 31 days that cover [since, until)."""
    begin = since
    while begin < until:
        end = min(begin + timedelta(days=31), until)
        yield begin, end
        begin = end
