"""The four brokerages of the demo as data: looks, people, markets. Nothing here touches the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff; the e-mail address tells the role: `anna.agent@nordwind.example`."""

    email_name: str
    name: str
    role: str
    team: str
    language: str
    speaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """Where clients come from: dialling code, share of all clients in percent, cities, languages by weight.

    `currencies` are those its clients hold; empty: any of the brokerage's.
    """

    code: str
    dial: str
    share: int
    zone: str
    cities: tuple[str, ...]
    languages: tuple[str, ...]
    currencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """An account at a payment provider; `credentials` are what the sandboxes take. Amounts in major units.

    An account at a bank is in one currency, as banks have it.
    """

    kind: str
    name: str
    methods: tuple[str, ...]
    settings: dict[str, str]
    credentials: dict[str, str]
    limits: dict[str, tuple[int, int]]  # currency → smallest and largest deposit
    payouts: tuple[str, ...] = ()  # ways it pays out by


@dataclass(frozen=True, slots=True)
class ManualPrice:
    """What one unit of `base` costs in `quote` where the European Central Bank publishes nothing, and who does."""

    base: str
    quote: str
    mid: str
    source: str
    pegged: bool = False


@dataclass(frozen=True, slots=True)
class Broker:
    """One brokerage. `deposit` is a usual first deposit in major units of the base currency."""

    slug: str
    name: str
    preset: str
    colour: str
    second_colour: str
    theme: str
    radius: str
    glyph: str
    languages: tuple[str, ...]
    currencies: tuple[str, ...]
    four_eyes: bool
    leverages: tuple[int, ...]
    leverage: int
    countries: tuple[Country, ...]
    names: str  # which list of names (names.py)
    manual_rates: tuple[ManualPrice, ...] = field(default=(), kw_only=True)
    chain_above: int = field(default=5000, kw_only=True)  # of the base currency: withdrawals that three people decide
    staff: tuple[Staff, ...]
    providers: tuple[Provider, ...]
    deposit: int
    rates: dict[str, int]  # how many of a currency are worth about one of the base currency
    support_phone: str
    trader: tuple[str, str, str]  # the documented client: e-mail, first name, last name
    mt5_manager: int
    campaigns: tuple[str, ...] = field(default=("fx_basics", "gold_webinar", "brand_search"))

    @property
    def base(self) -> str:
        return self.currencies[0]

    @property
    def domain(self) -> str:
        return f"{self.slug}.example"

    @property
    def owner(self) -> Staff:
        return self.staff[0]

    def email(self, person: Staff) -> str:
        return f"{person.email_name}@{self.domain}"

    def with_role(self, role: str) -> list[Staff]:
        return [person for person in self.staff if person.role == role]


def _stripe(slug: str, methods: tuple[str, ...], limits: dict[str, tuple[int, int]]) -> Provider:
    key = f"sk_test_{slug}_demo"
    return Provider("stripe", "Stripe", methods, {}, {"secret_key": key}, limits)


NORDWIND = Broker(
    slug="nordwind",
    name="Nordwind Markets",
    preset="eu_retail",
    colour="#1d4ed8",
    second_colour="#93c5fd",
    theme="base",
    radius="md",
    glyph="wind",
    languages=("de", "en"),
    currencies=("EUR",),
    four_eyes=False,
    leverages=(5, 10, 20, 30),
    leverage=30,
    countries=(
        Country(
            "DE", "+49", 62, "Europe/Berlin",
            ("Berlin", "Hamburg", "München", "Köln", "Leipzig", "Bremen", "Kiel"), ("de", "de", "de", "en"),
        ),
        Country("AT", "+43", 22, "Europe/Vienna", ("Wien", "Graz", "Linz", "Salzburg"), ("de",)),
        Country("NL", "+31", 9, "Europe/Amsterdam", ("Amsterdam", "Utrecht", "Rotterdam"), ("en",)),
        Country("LU", "+352", 7, "Europe/Luxembourg", ("Luxemburg", "Esch"), ("de", "en")),
    ),
    names="german",
    staff=(
        Staff("otto.owner", "Otto Hansen", "owner", "", "de", ("de", "en")),
        Staff("dora.desk", "Dora Lorenz", "desk_manager", "Vertrieb Nord", "de", ("de", "en")),
        Staff("anna.agent", "Anna Petersen", "sales", "Vertrieb Nord", "de", ("de",)),
        Staff("arne.agent", "Arne Vogel", "sales", "Vertrieb Nord", "de", ("de",)),
        Staff("emma.agent", "Emma Clarke", "sales", "International", "en", ("en",)),
        Staff("rita.retention", "Rita Brandt", "retention", "Kundenbetreuung", "de", ("de", "en")),
        Staff("clara.compliance", "Clara Weiss", "compliance", "", "de", ("de", "en")),
        Staff("carl.compliance", "Carl Neumann", "compliance", "", "de", ("de", "en")),
        Staff("dirk.dealing", "Dirk Schröder", "dealing", "", "de", ("de", "en")),
        Staff("frieda.finance", "Frieda Kraus", "finance", "", "de", ("de", "en")),
        Staff("finn.finance", "Finn Jansen", "finance", "", "de", ("de", "en")),
        Staff("sven.support", "Sven Albers", "support", "", "de", ("de", "en")),
        Staff("maja.marketing", "Maja Lindner", "marketing", "", "de", ("de", "en")),
        Staff("alma.auditor", "Alma Richter", "auditor", "", "de", ("de", "en")),
    ),
    providers=(
        _stripe("nordwind", ("card", "klarna", "sepa_debit", "ideal", "eps"), {"EUR": (50, 50_000)}),
        Provider(
            "bank_wire", "Hausbank", ("wire",),
            {"holder": "Nordwind Markets GmbH", "iban": "DE02120300000000202051", "bic": "BYLADEM1001", "bank": "DKB"},
            {}, {"EUR": (100, 500_000)},
        ),
    ),
    deposit=900,
    rates={"EUR": 1},
    support_phone="+49 40 5550 1200",
    trader=("lukas.trader@nordwind.example", "Lukas", "Brandner"),
    mt5_manager=1001,
)  # fmt: skip

ALNOOR = Broker(
    slug="alnoor",
    name="Al Noor Capital",
    preset="gcc",
    colour="#b08d3c",
    second_colour="#134e4a",
    theme="sharp",
    radius="none",
    glyph="star",
    languages=("ar", "en"),
    currencies=("USD", "AED", "KWD"),
    four_eyes=True,
    leverages=(50, 100, 200, 400),
    leverage=100,
    countries=(
        Country("AE", "+971", 46, "Asia/Dubai", ("دبي", "أبوظبي", "الشارقة"), ("ar", "ar", "en")),
        Country("KW", "+965", 24, "Asia/Kuwait", ("الكويت", "حولي"), ("ar",)),
        Country("SA", "+966", 20, "Asia/Riyadh", ("الرياض", "جدة"), ("ar",)),
        Country("QA", "+974", 10, "Asia/Qatar", ("الدوحة",), ("ar", "en")),
    ),
    names="arabic",
    staff=(
        Staff("omar.owner", "عمر النوري", "owner", "", "ar", ("ar", "en")),
        Staff("dalia.desk", "داليا حداد", "desk_manager", "مبيعات الخليج", "ar", ("ar", "en")),
        Staff("amal.agent", "أمل سليمان", "sales", "مبيعات الخليج", "ar", ("ar",)),
        Staff("adel.agent", "عادل منصور", "sales", "مبيعات الخليج", "ar", ("ar",)),
        Staff("edward.agent", "Edward Marsh", "sales", "International", "en", ("en",)),
        Staff("rania.retention", "رانيا خوري", "retention", "خدمة العملاء", "ar", ("ar", "en")),
        Staff("carim.compliance", "كريم صالح", "compliance", "", "ar", ("ar", "en")),
        Staff("camila.compliance", "كاميليا فارس", "compliance", "", "ar", ("ar", "en")),
        Staff("darwish.dealing", "درويش ناصر", "dealing", "", "ar", ("ar", "en")),
        Staff("farah.finance", "فرح عبدالله", "finance", "", "ar", ("ar", "en")),
        Staff("faisal.finance", "فيصل العلي", "finance", "", "ar", ("ar", "en")),
        Staff("salma.support", "سلمى يوسف", "support", "", "ar", ("ar", "en")),
        Staff("mona.marketing", "منى رشيد", "marketing", "", "ar", ("ar", "en")),
        Staff("aziz.auditor", "عزيز الحسن", "auditor", "", "ar", ("ar", "en")),
    ),
    providers=(
        Provider(
            "paytabs", "PayTabs", ("card", "mada", "knet", "applepay"),
            {"profile_id": "88001", "region": "ARE"}, {"server_key": "SDJNALNOOR-J2KDEMO001-ZKWTLTR9TW"},
            {"USD": (100, 50_000), "AED": (400, 200_000), "KWD": (30, 15_000)},
        ),
        Provider(
            "bank_wire", "Emirates bank", ("wire",),
            {"holder": "Al Noor Capital Ltd", "iban": "AE070331234567890123456", "bic": "EBILAEAD", "bank": "ENBD"},
            {}, {"USD": (500, 500_000)},
        ),
        Provider(
            "bank_wire", "Emirates bank AED", ("wire",),
            {"holder": "Al Noor Capital Ltd", "iban": "AE820331234567890123464", "bic": "EBILAEAD", "bank": "ENBD"},
            {}, {"AED": (2000, 2_000_000)},
        ),
        Provider(
            "bank_wire", "Kuwait bank", ("wire",),
            {"holder": "Al Noor Capital Ltd", "iban": "KW81CBKU0000000000001234560101", "bic": "CBKUKWKW", "bank": "CBK"},
            {}, {"KWD": (150, 150_000)},
        ),
    ),
    deposit=1500,
    rates={"USD": 1, "AED": 4, "KWD": 1},
    manual_rates=(
        ManualPrice("USD", "AED", "3.6725", "Central Bank of the UAE: the official peg since 1997", pegged=True),
        ManualPrice("USD", "KWD", "0.3065", "Central Bank of Kuwait, rate of the day"),
    ),
    support_phone="+971 4 555 0188",
    trader=("layla.trader@alnoor.example", "ليلى", "العمري"),
    mt5_manager=1002,
)  # fmt: skip

IPEKYOLU = Broker(
    slug="ipekyolu",
    name="Ipek Yolu FX",
    preset="central_asia",
    colour="#b45309",
    second_colour="#0e7490",
    theme="base",
    radius="lg",
    glyph="road",
    languages=("ru", "en"),
    currencies=("USD", "KZT"),
    four_eyes=False,
    leverages=(50, 100, 200, 500),
    leverage=200,
    countries=(
        Country("KZ", "+7", 60, "Asia/Almaty", ("Алматы", "Астана", "Шымкент", "Караганда"), ("ru", "ru", "ru", "en")),
        Country("UZ", "+998", 22, "Asia/Tashkent", ("Ташкент", "Самарканд", "Бухара"), ("ru",)),
        Country("KG", "+996", 18, "Asia/Bishkek", ("Бишкек", "Ош"), ("ru", "en")),
    ),
    names="russian",
    staff=(
        Staff("olzhas.owner", "Олжас Сериков", "owner", "", "ru", ("ru", "en")),
        Staff("dina.desk", "Дина Абаева", "desk_manager", "Отдел продаж", "ru", ("ru", "en")),
        Staff("aigul.agent", "Айгуль Нурланова", "sales", "Отдел продаж", "ru", ("ru",)),
        Staff("artem.agent", "Артём Волков", "sales", "Отдел продаж", "ru", ("ru",)),
        Staff("elena.agent", "Елена Ким", "sales", "International", "en", ("en",)),
        Staff("rustam.retention", "Рустам Юсупов", "retention", "Удержание", "ru", ("ru", "en")),
        Staff("katya.compliance", "Екатерина Ли", "compliance", "", "ru", ("ru", "en")),
        Staff("kairat.compliance", "Кайрат Жумабеков", "compliance", "", "ru", ("ru", "en")),
        Staff("daniyar.dealing", "Данияр Омаров", "dealing", "", "ru", ("ru", "en")),
        Staff("farida.finance", "Фарида Каримова", "finance", "", "ru", ("ru", "en")),
        Staff("fedor.finance", "Фёдор Соколов", "finance", "", "ru", ("ru", "en")),
        Staff("saule.support", "Сауле Ахметова", "support", "", "ru", ("ru", "en")),
        Staff("madina.marketing", "Мадина Рахимова", "marketing", "", "ru", ("ru", "en")),
        Staff("asel.auditor", "Асель Тлеубердиева", "auditor", "", "ru", ("ru", "en")),
    ),
    providers=(
        Provider(
            "freedompay", "Freedom Pay", ("card",),
            {"merchant_id": "500001", "region": "kz", "payout_currency": "KZT"},
            {"secret_key": "ipekyolu-demo-payments", "payout_key": "ipekyolu-demo-payouts"},
            {"USD": (50, 50_000), "KZT": (10_000, 20_000_000)}, ("freedompay_card",),
        ),
        Provider(
            "bank_wire", "Банк", ("wire",),
            {"holder": "Ipek Yolu FX LLP", "iban": "KZ86125KZT5004100100", "bic": "CASPKZKA", "bank": "Kaspi"},
            {}, {"USD": (100, 500_000)},
        ),
        Provider(
            "bank_wire", "Банк, тенге", ("wire",),
            {"holder": "Ipek Yolu FX LLP", "iban": "KZ85125KZT5004100118", "bic": "CASPKZKA", "bank": "Kaspi"},
            {}, {"KZT": (50_000, 250_000_000)},
        ),
    ),
    deposit=700,
    rates={"USD": 1, "KZT": 480},
    manual_rates=(ManualPrice("USD", "KZT", "481.25", "National Bank of Kazakhstan, rate of the day"),),
    support_phone="+7 727 355 0142",
    trader=("timur.trader@ipekyolu.example", "Тимур", "Садыков"),
    mt5_manager=1003,
)  # fmt: skip

PUERTOCLARO = Broker(
    slug="puertoclaro",
    name="Puerto Claro",
    preset="latin_america",
    colour="#be123c",
    second_colour="#fdba74",
    theme="base",
    radius="lg",
    glyph="harbour",
    languages=("es", "en"),
    currencies=("USD", "MXN", "COP"),
    four_eyes=False,
    leverages=(50, 100, 200, 400),
    leverage=200,
    countries=(
        Country(
            "MX", "+52", 56, "America/Mexico_City", ("Ciudad de México", "Guadalajara", "Monterrey", "Puebla"),
            ("es", "es", "es", "en"), ("USD", "MXN"),
        ),
        Country("CO", "+57", 32, "America/Bogota", ("Bogotá", "Medellín", "Cali"), ("es",), ("USD", "COP")),
        Country("CR", "+506", 12, "America/Costa_Rica", ("San José", "Heredia"), ("es", "en"), ("USD",)),
    ),
    names="spanish",
    staff=(
        Staff("olivia.owner", "Olivia Rentería", "owner", "", "es", ("es", "en")),
        Staff("diego.desk", "Diego Fuentes", "desk_manager", "Ventas", "es", ("es", "en")),
        Staff("ana.agent", "Ana Morales", "sales", "Ventas", "es", ("es",)),
        Staff("andres.agent", "Andrés Peña", "sales", "Ventas", "es", ("es",)),
        Staff("erik.agent", "Erik Lawson", "sales", "International", "en", ("en",)),
        Staff("raul.retention", "Raúl Ibarra", "retention", "Atención al cliente", "es", ("es", "en")),
        Staff("carla.compliance", "Carla Nieto", "compliance", "", "es", ("es", "en")),
        Staff("cesar.compliance", "César Luna", "compliance", "", "es", ("es", "en")),
        Staff("david.dealing", "David Serrano", "dealing", "", "es", ("es", "en")),
        Staff("felipe.finance", "Felipe Rojas", "finance", "", "es", ("es", "en")),
        Staff("fatima.finance", "Fátima Aguilar", "finance", "", "es", ("es", "en")),
        Staff("sofia.support", "Sofía Campos", "support", "", "es", ("es", "en")),
        Staff("marta.marketing", "Marta Vega", "marketing", "", "es", ("es", "en")),
        Staff("alba.auditor", "Alba Cisneros", "auditor", "", "es", ("es", "en")),
    ),
    providers=(
        Provider(
            "dlocal", "dLocal", ("card", "spei", "oxxo", "pse", "efecty"),
            {"x_login": "puertoclaro", "payout_purpose": "INVESTMENT"},
            {"x_trans_key": "sandbox-trans-key", "secret_key": "sandbox-secret-key"},
            {"USD": (50, 20_000), "MXN": (1000, 400_000), "COP": (200_000, 80_000_000)}, ("spei", "bank_co"),
        ),
        Provider(
            "bank_wire", "Banco, dólares", ("wire",),
            {"holder": "Puerto Claro S.A.", "iban": "CR05015202001026284066", "bic": "BISTCRSJ", "bank": "Banco del Istmo"},
            {}, {"USD": (500, 500_000)},
        ),
        Provider(
            "bank_wire", "Banco, pesos mexicanos", ("wire",),
            {"holder": "Puerto Claro S.A.", "iban": "CR80015202001026284074", "bic": "BISTCRSJ", "bank": "Banco del Istmo"},
            {}, {"MXN": (10_000, 10_000_000)},
        ),
        Provider(
            "bank_wire", "Banco, pesos colombianos", ("wire",),
            {"holder": "Puerto Claro S.A.", "iban": "CR58015202001026284082", "bic": "BISTCRSJ", "bank": "Banco del Istmo"},
            {}, {"COP": (2_000_000, 2_000_000_000)},
        ),
    ),
    deposit=600,
    rates={"USD": 1, "MXN": 18, "COP": 4000},
    manual_rates=(ManualPrice("USD", "COP", "4012.50", "Banco de la República: TRM del día"),),
    support_phone="+52 55 5550 0173",
    trader=("lucia.trader@puertoclaro.example", "Lucía", "Montero"),
    mt5_manager=1004,
)  # fmt: skip

BROKERS: tuple[Broker, ...] = (NORDWIND, ALNOOR, IPEKYOLU, PUERTOCLARO)
BY_SLUG: dict[str, Broker] = {broker.slug: broker for broker in BROKERS}

OPERATORS: tuple[tuple[str, str, str], ...] = (
    ("olga.owner@rialto.example", "Olga Marchetti", "owner"),
    ("sam.support@rialto.example", "Sam Whitfield", "support"),
    ("fiona.finance@rialto.example", "Fiona Adeyemi", "finance"),
)


def broker_of(email: str) -> Broker | None:
    """The brokerage of an address of the demo."""
    return next((broker for broker in BROKERS if email.endswith(f"@{broker.domain}")), None)


def request_of(broker: Broker, password_hash: str) -> dict[str, Any]:
    """What the sign-up would ask the provisioning workflow for."""
    return {
        "slug": broker.slug,
        "name": broker.name,
        "preset": broker.preset,
        "owner_email": broker.email(broker.owner),
        "owner_name": broker.owner.name,
        "owner_password": password_hash,
        "owner_language": broker.languages[0],
        "languages": list(broker.languages),
        "currencies": list(broker.currencies),
        "look": {"theme": broker.theme, "colour": broker.colour, "radius": broker.radius, "font": "inter"},
    }
