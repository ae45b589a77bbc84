"""Log-in for three audiences with one mechanism: a broker's staff, its clients, and the vendor's operators.

Accounts live in the schema they belong to, and so do sessions. Passwords are argon2id. The second factor is TOTP
(RFC 6238) with single-use recovery codes; a code's time step is remembered by compare-and-set, so it works once. A
session half-way through (password right, second factor outstanding) carries no account.

Codes are guessed by who has the password already: tries are counted per account, in the database, and lock the second
step for longer and longer. An outsider never reaches that step, so nobody can be locked out from outside.

Changing the password or the second factor raises `auth_epoch`, which ends every other session at its next request.
"""

from __future__ import annotations

import math
import secrets as random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

import pyotp
from django.contrib.auth.hashers import check_password, is_password_usable, make_password
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.translation import pgettext_lazy

from kernel import clock, secrets, throttle
from kernel.errors import AppError, Invalid, TooMany
from kernel.ids import uuid7
from kernel.tenancy import context

MIN_PASSWORD = 10
PENDING_SECONDS = 600
FREE_TRIES = 5  # wrong codes before the second step is locked: for a minute, then two, four, … up to a day
LONGEST_LOCK = timedelta(days=1)


class LoginFailed(AppError):
    """Wrong address or password, or a closed account: the three look the same from outside."""

    code = "login_failed"
    status = 422
    message = pgettext_lazy("log-in", "The e-mail address or the password is not right.")


class CodeWrong(AppError):
    """A second-factor code that is wrong, too old or was used before."""

    code = "code_wrong"
    status = 422
    message = pgettext_lazy("log-in", "This code is not right or was used before. Wait for the next one.")


class PasswordWeak(Invalid):
    code = "password_weak"
    message = pgettext_lazy("log-in", "Choose a longer or less common password: at least ten characters.")


class AbstractAccount(models.Model):
    """What somebody logs in with. E-mail addresses are kept in lower case."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.CharField(max_length=254)
    name = models.CharField(max_length=120)
    password = models.CharField(max_length=160, blank=True)
    active = models.BooleanField(default=True)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    totp_sealed = models.BinaryField(null=True, blank=True)
    totp_confirmed_at = models.DateTimeField(null=True, blank=True)
    totp_last_step = models.BigIntegerField(default=0)
    recovery_codes = models.JSONField(default=list, blank=True)
    factor_failures = models.PositiveIntegerField(default=0)  # wrong codes since the last right one
    factor_locked_until = models.DateTimeField(null=True, blank=True)
    auth_epoch = models.PositiveIntegerField(default=1)
    language = models.CharField(max_length=10, blank=True)
    time_zone = models.CharField(max_length=40, blank=True)
    last_login_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    RIGHTS_FROM: ClassVar[tuple[str, ...]] = ()  # the relations that `rights_stamp` reads

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def second_factor(self) -> bool:
        return self.totp_confirmed_at is not None

    def rights_stamp(self) -> str:
        """A digest of what the account may do: another one means that a page rendered earlier may allow too much."""
        return ""

    def set_password(self, raw: str) -> None:
        """Hash and keep; the caller saves. Raises PasswordWeak."""
        check_strength(raw, self.email)
        self.password = make_password(raw)
        self.auth_epoch += 1

    def check_password(self, raw: str) -> bool:
        return is_password_usable(self.password) and check_password(raw, self.password)


def check_strength(raw: str, email: str = "") -> None:
    """Length, not the e-mail's name, and not among the 20,000 most used passwords (Django's offline list)."""
    from django.contrib.auth.password_validation import CommonPasswordValidator
    from django.core.exceptions import ValidationError

    local = email.partition("@")[0].lower()
    if len(raw) < MIN_PASSWORD or len(set(raw)) < 4 or (len(local) > 3 and local in raw.lower()):
        raise PasswordWeak(field="password")
    try:
        CommonPasswordValidator().validate(raw)
    except ValidationError as error:
        raise PasswordWeak(field="password") from error


def authenticate(candidate: AbstractAccount | None, *, email: str, password: str, ip: str | None) -> AbstractAccount:
    """Check a password. Takes the same time for an unknown address. Raises LoginFailed or TooMany.

    Few tries at an account from one place; from all places together more, so that somebody who keeps guessing from one
    does not keep the account's owner out. What is refused for its place is not counted against the account.
    """
    address, place = email.lower(), throttle.place(ip)
    throttle.check("login-ip", place, burst=60, per_minute=60)
    throttle.check("login-place", f"{address} {place}", burst=8, per_minute=4)
    throttle.check("login", address, burst=40, per_minute=20)
    if candidate is None:
        make_password(password)
        raise LoginFailed
    if not candidate.check_password(password) or not candidate.active:
        raise LoginFailed
    return candidate


# --- the session ---------------------------------------------------------------------------------------------------


def login(request: HttpRequest, account: AbstractAccount, *, second_factor: bool = False) -> None:
    """Bind the session to an account, under a new key. `second_factor`: it was shown in this log-in."""
    request.session.cycle_key()
    request.session.pop("pending_account_id", None)
    request.session["account_id"] = str(account.pk)
    request.session["epoch"] = account.auth_epoch
    request.session["second_factor"] = second_factor
    request.session["owner"] = _owner()
    request.session["login_at"] = clock.now().timestamp()
    type(account)._default_manager.filter(pk=account.pk).update(last_login_at=clock.now())


def login_pending(request: HttpRequest, account: AbstractAccount) -> None:
    """The password was right; the second factor is outstanding for ten minutes at most."""
    request.session.cycle_key()
    request.session["pending_account_id"] = str(account.pk)
    request.session["pending_at"] = clock.now().timestamp()
    request.session["pending_epoch"] = account.auth_epoch


def pending_account_id(request: HttpRequest) -> str | None:
    started = request.session.get("pending_at", 0)
    if clock.now().timestamp() - started > PENDING_SECONDS:
        return None
    return request.session.get("pending_account_id")


def still_pending(request: HttpRequest, account: AbstractAccount) -> bool:
    """Whether the password that was right at the first step is still the account's."""
    return bool(request.session.get("pending_epoch") == account.auth_epoch)


def logout(request: HttpRequest) -> None:
    request.session.flush()


def account_of(request: HttpRequest, find: Callable[[str], AbstractAccount | None]) -> AbstractAccount | None:
    """The session's account, if it still may: active, same epoch, and a session made by this very tenant."""
    session = request.session
    account_id = session.get("account_id")
    if not account_id or session.get("owner") != _owner():
        return None
    account = find(account_id)
    if account is None or not account.active or session.get("epoch") != account.auth_epoch:
        return None
    return account


def _owner() -> str:
    scope = context.scope()
    return str(scope.tenant.id) if scope.tenant else scope.kind


# --- the second factor ---------------------------------------------------------------------------------------------


def totp_secret(account: AbstractAccount) -> str:
    """The account's secret, made when there is none yet (and saved by the caller)."""
    if account.totp_sealed:
        return _unseal(bytes(account.totp_sealed), account).decode()
    secret = pyotp.random_base32()
    account.totp_sealed = _seal(secret.encode(), account)
    return secret


def totp_set(account: AbstractAccount, secret: str) -> None:
    """Use a given secret (demo seeds); the caller saves."""
    account.totp_sealed = _seal(secret.encode(), account)
    account.totp_confirmed_at = clock.now()


def _seal(plain: bytes, account: AbstractAccount) -> bytes:
    sealer = secrets.seal if context.tenant_or_none() else secrets.platform_seal
    return sealer(plain, account._meta.label_lower, "totp", account.pk)


def _unseal(sealed: bytes, account: AbstractAccount) -> bytes:
    opener = secrets.unseal if context.tenant_or_none() else secrets.platform_unseal
    return opener(sealed, account._meta.label_lower, "totp", account.pk)


def totp_uri(account: AbstractAccount, issuer: str) -> str:
    """otpauth:// address for an authenticator's QR code."""
    return pyotp.TOTP(totp_secret(account)).provisioning_uri(name=account.email, issuer_name=issuer)


def check_second_factor(account: AbstractAccount, code: str) -> None:
    """Accept a TOTP code (one step of 30 s either way) or a recovery code, each once. Raises CodeWrong or TooMany.

    Call it outside of a transaction: a wrong try is counted and stays counted.
    """
    _take_try(account)
    if not _code_right(account, code):
        raise CodeWrong(field="code")
    account.factor_failures, account.factor_locked_until = 0, None
    type(account)._default_manager.filter(pk=account.pk).update(factor_failures=0, factor_locked_until=None)


def _take_try(account: AbstractAccount) -> None:
    """Count a try as a wrong one before it is looked at, so that of many at once none is free. Raises TooMany."""
    now = clock.now()
    with transaction.atomic(durable=True):
        row = type(account)._default_manager.select_for_update().get(pk=account.pk)
        if row.factor_locked_until and row.factor_locked_until > now:
            raise TooMany(retry_after=math.ceil((row.factor_locked_until - now).total_seconds()))
        row.factor_failures += 1
        row.factor_locked_until = now + lock_time(row.factor_failures) if row.factor_failures >= FREE_TRIES else None
        row.save(update_fields=["factor_failures", "factor_locked_until"])
    account.factor_failures, account.factor_locked_until = row.factor_failures, row.factor_locked_until


def lock_time(failures: int) -> timedelta:
    """How long the second step stays locked after this many wrong codes in a row."""
    return min(timedelta(minutes=2 ** min(failures - FREE_TRIES, 12)), LONGEST_LOCK)


def _code_right(account: AbstractAccount, code: str) -> bool:
    digits = "".join(str(int(char)) for char in code if char.isdecimal())
    if len(digits) == 6 and account.totp_sealed and _use_step(account, digits):
        return True
    return _use_recovery_code(account, code)


def _use_step(account: AbstractAccount, digits: str) -> bool:
    totp = pyotp.TOTP(totp_secret(account))
    real_now = datetime.now(clock.UTC)  # authenticators do not follow the demo's clock
    for offset in (0, -1, 1):
        at = real_now + timedelta(seconds=30 * offset)
        step = int(at.timestamp()) // 30
        if random.compare_digest(totp.at(at), digits):
            manager = type(account)._default_manager
            return bool(manager.filter(pk=account.pk, totp_last_step__lt=step).update(totp_last_step=step))
    return False


def _use_recovery_code(account: AbstractAccount, code: str) -> bool:
    given = code.strip().lower().replace(" ", "")
    for hashed in account.recovery_codes:
        if check_password(given, hashed):
            left = [other for other in account.recovery_codes if other != hashed]
            rows = type(account)._default_manager.filter(pk=account.pk, recovery_codes=account.recovery_codes)
            return bool(rows.update(recovery_codes=left))
    return False


def new_recovery_codes(account: AbstractAccount, count: int = 8) -> list[str]:
    """Fresh codes, shown once; the account keeps their hashes (saved by the caller)."""
    codes = [f"{random.token_hex(2)}-{random.token_hex(3)}" for _ in range(count)]
    account.recovery_codes = [make_password(code) for code in codes]
    return codes


def confirm_second_factor(account: AbstractAccount, code: str) -> list[str]:
    """Finish enrolment with a first right code; returns the recovery codes. Raises CodeWrong.

    The secret was just shown to whoever enrols, so there is nothing to guess and no try to count.
    """
    if not _code_right(account, code):
        raise CodeWrong(field="code")
    account.totp_confirmed_at = clock.now()
    account.auth_epoch += 1
    codes = new_recovery_codes(account)
    account.save(update_fields=["totp_sealed", "totp_confirmed_at", "auth_epoch", "recovery_codes"])
    return codes
