"""The stand-ins for the outside world that the demo runs: one table of what each is started with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from launcher.layout import ROOT
from launcher.state import HOST, State

CODES = "codes.json"  # who has a second factor: written by the demo's seed, shown by the mailbox


@dataclass(frozen=True)
class Place:
    """Where one sandbox server runs: its state folder, its main port and its further ports by name."""

    folder: Path
    port: int
    ports: Mapping[str, int]


@dataclass(frozen=True)
class Sandbox:
    """How one server is started, where it says that it is ready, and how the rest of the system finds it."""

    title: str
    extra_ports: tuple[str, ...] = ()
    flags: Callable[[Place], list[str]] = lambda place: []
    health_port: Callable[[Place], int] = lambda place: place.port
    variables: Callable[[Place], dict[str, str]] = field(default=lambda place: {})


def _url(port: int, scheme: str = "http") -> str:
    return f"{scheme}://{HOST}:{port}"


TABLE: dict[str, Sandbox] = {
    "mt5": Sandbox(
        "Trading server (sandbox)",
        extra_ports=("admin",),
        # Each server's port of the text protocol is chosen by the sandbox; its control desk names them.
        flags=lambda at: [
            "--admin-port",
            str(at.ports["admin"]),
            "--raw-port",
            "0",
            "--tls-dir",
            str(at.folder / "tls"),
        ],
        health_port=lambda at: at.ports["admin"],
        variables=lambda at: {
            "SANDBOX_MT5_URL": _url(at.port, "https"),
            "SANDBOX_MT5_ADMIN_URL": _url(at.ports["admin"]),
            "SANDBOX_MT5_CA": str(at.folder / "tls" / "ca.pem"),
        },
    ),
    "ctrader": Sandbox(
        "cTrader (sandbox)",
        extra_ports=("web", "admin"),
        flags=lambda at: [
            *("--web-port", str(at.ports["web"])),
            *("--admin-port", str(at.ports["admin"])),
            *("--tls-dir", str(at.folder / "tls")),
        ],
        health_port=lambda at: at.ports["admin"],
        variables=lambda at: {
            "SANDBOX_CTRADER_URL": _url(at.port, "tls"),
            "SANDBOX_CTRADER_WEB_URL": _url(at.ports["web"], "https"),
            "SANDBOX_CTRADER_ADMIN_URL": _url(at.ports["admin"]),
            "SANDBOX_CTRADER_CA": str(at.folder / "tls" / "ca.pem"),
        },
    ),
    "stripe": Sandbox("Stripe (sandbox)", variables=lambda at: {"SANDBOX_STRIPE_URL": _url(at.port)}),
    "paytabs": Sandbox("PayTabs (sandbox)", variables=lambda at: {"SANDBOX_PAYTABS_URL": _url(at.port)}),
    "freedompay": Sandbox(
        "Freedom Pay (sandbox)",
        # It lets in nobody whom it was not told of: the demo's own merchant (provisioning/demo/brokers.py).
        flags=lambda at: ["--merchant", "500001:ipekyolu-demo-payments:ipekyolu-demo-payouts:Ipek Yolu FX"],
        variables=lambda at: {"SANDBOX_FREEDOMPAY_URL": _url(at.port)},
    ),
    "dlocal": Sandbox("dLocal (sandbox)", variables=lambda at: {"SANDBOX_DLOCAL_URL": _url(at.port)}),
    "ecb": Sandbox("European Central Bank (sandbox)", variables=lambda at: {"SANDBOX_ECB_URL": _url(at.port)}),
    "bank": Sandbox("Bank (sandbox)", variables=lambda at: {"SANDBOX_BANK_URL": _url(at.port)}),
    "mailbox": Sandbox(
        "Mailbox (sandbox)",
        extra_ports=("smtp",),
        flags=lambda at: ["--smtp-port", str(at.ports["smtp"]), "--codes", str(at.folder / CODES)],
        variables=lambda at: {
            "SANDBOX_MAILBOX_URL": _url(at.port),
            "SANDBOX_CODES": str(at.folder / CODES),
            "EMAIL_URL": f"smtp://{HOST}:{at.ports['smtp']}",
        },
    ),
}


def is_present(name: str) -> bool:
    """Whether this checkout has that server."""
    return (ROOT / "sandbox" / name / "__main__.py").exists() or (ROOT / "sandbox" / f"{name}.py").exists()


def place(name: str, state: State) -> Place:
    """Choose folder and ports, the same at every start unless somebody else has taken a port meanwhile."""
    folder = state.folder / "sandbox" / name
    folder.mkdir(parents=True, exist_ok=True)
    ports = {extra: state.usable_port(f"{name}-{extra}") for extra in TABLE[name].extra_ports}
    return Place(folder, state.usable_port(name), ports)


def command(name: str, at: Place, python: str) -> list[str]:
    """The command line of one server."""
    common = ["--host", HOST, "--port", str(at.port), "--state", str(at.folder)]
    return [python, "-m", f"sandbox.{name}", *common, *TABLE[name].flags(at)]
