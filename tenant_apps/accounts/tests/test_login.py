"""Log-in, second factor, sessions, links: what must work and what must be refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from kernel import auth, clock, throttle
from kernel.models import AuditEntry
from kernel.tenancy import context
from tenant_apps.accounts import selectors, services
from tenant_apps.accounts.models import OneTimeLink, Role, User, UserSession
from tenant_apps.accounts.tests.support import PASSWORD, SYSTEM, actor, browser, log_in, staff
from tenant_apps.notifications.models import Mail


def _link(mail: Mail) -> str:
    found = re.search(r"http://[^/\s]+(/[\w/-]+/)", mail.text)
    assert found is not None
    return found.group(1)


def test_password_alone_opens_nothing_where_a_second_factor_is_required(tenant: Any) -> None:
    user = staff("owner")
    page = browser(tenant)
    assert page.post("/login/", {"email": user.email, "password": PASSWORD})["Location"] == "/second-factor/"
    assert page.get("/staff/")["Location"] == "/second-factor/"


def test_enrolment_shows_recovery_codes_once_and_opens_the_office(tenant: Any) -> None:
    user = staff("owner")
    page = log_in(tenant, user)
    assert page.get("/staff/").status_code == 200
    user.refresh_from_db()
    assert user.second_factor
    assert len(user.recovery_codes) == 8
    assert AuditEntry.objects.filter(action="accounts.second_factor_enrolled", object_id=str(user.pk)).count() == 1


def test_a_code_is_accepted_once(tenant: Any) -> None:
    user = staff("owner")
    auth.totp_set(user, pyotp.random_base32())
    user.save()
    code = pyotp.TOTP(auth.totp_secret(user)).now()
    first, second = browser(tenant), browser(tenant)
    for page in (first, second):
        page.post("/login/", {"email": user.email, "password": PASSWORD})
    assert first.post("/second-factor/", {"code": code}).status_code == 302
    assert second.post("/second-factor/", {"code": code}).status_code == 422
    assert second.get("/staff/")["Location"].startswith("/login/")


def test_a_recovery_code_is_accepted_once(tenant: Any) -> None:
    user = staff("owner")
    auth.totp_set(user, pyotp.random_base32())
    codes = auth.new_recovery_codes(user, 2)
    user.save()
    first, second = browser(tenant), browser(tenant)
    for page in (first, second):
        page.post("/login/", {"email": user.email, "password": PASSWORD})
    assert first.post("/second-factor/", {"code": codes[0]}).status_code == 302
    assert second.post("/second-factor/", {"code": codes[0]}).status_code == 422


def test_guessing_is_throttled_and_written_down(tenant: Any) -> None:
    user = staff("sales")
    page = browser(tenant)
    answers = [page.post("/login/", {"email": user.email, "password": f"wrong-{n}"}).status_code for n in range(20)]
    assert answers[:8] == [422] * 8
    assert 429 in answers[8:]  # how soon depends on the machine: the bucket fills again by four a minute
    failed = AuditEntry.objects.filter(action="accounts.login_failed", object_id=str(user.pk))
    assert [line.after["times"] for line in failed.order_by("id")] == [1, 10]


def test_who_guesses_from_one_place_does_not_keep_the_owner_out(tenant: Any) -> None:
    user = staff("sales")
    wrong = {"email": user.email, "password": "wrong"}
    page = browser(tenant)
    guesses = [page.post("/login/", wrong, REMOTE_ADDR="203.0.113.7").status_code for _ in range(20)]
    assert 429 in guesses
    right = {"email": user.email, "password": PASSWORD}
    assert browser(tenant).post("/login/", right, REMOTE_ADDR="198.51.100.2").status_code == 302


@pytest.mark.parametrize(
    ("ip", "counted"),
    [
        ("198.51.100.2", "198.51.100.2"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.2", "198.51.100.2"),
        (None, "-"),
        ("unix", "unix"),
    ],
)
def test_a_customers_network_counts_as_one_place(ip: str | None, counted: str) -> None:
    assert throttle.place(ip) == counted


def test_wrong_codes_lock_the_second_step_for_longer_and_longer(tenant: Any) -> None:
    user = staff("owner")
    auth.totp_set(user, pyotp.random_base32())
    user.save()
    page = browser(tenant)
    page.post("/login/", {"email": user.email, "password": PASSWORD})
    right = pyotp.TOTP(auth.totp_secret(user)).now()
    wrong = f"{(int(right) + 500_000) % 1_000_000:06d}"
    answers = [page.post("/second-factor/", {"code": wrong}).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert page.post("/second-factor/", {"code": right}).status_code == 429
    lines = AuditEntry.objects.filter(action="accounts.second_factor_locked", object_id=str(user.pk))
    assert [line.after["wrong_codes"] for line in lines] == [5]
    User.objects.filter(pk=user.pk).update(factor_locked_until=clock.now())
    assert page.post("/second-factor/", {"code": wrong}).status_code == 422
    user.refresh_from_db()
    assert user.factor_locked_until is not None
    assert 60 < (user.factor_locked_until - clock.now()).total_seconds() <= 120
    User.objects.filter(pk=user.pk).update(factor_locked_until=clock.now())
    assert page.post("/second-factor/", {"code": pyotp.TOTP(auth.totp_secret(user)).now()}).status_code == 302
    user.refresh_from_db()
    assert (user.factor_failures, user.factor_locked_until) == (0, None)


@pytest.mark.parametrize(("failures", "minutes"), [(5, 1), (6, 2), (9, 16), (16, 1440), (4_000_000_000, 1440)])
def test_the_lock_grows_up_to_a_day(failures: int, minutes: int) -> None:
    assert auth.lock_time(failures) == timedelta(minutes=minutes)


def test_an_outsider_cannot_lock_the_second_step(tenant: Any) -> None:
    user = staff("owner")
    auth.totp_set(user, pyotp.random_base32())
    user.save()
    page = browser(tenant)
    for n in range(7):
        page.post("/login/", {"email": user.email, "password": f"wrong-{n}"})
        assert page.post("/second-factor/", {"code": "000000"})["Location"] == "/login/"
    user.refresh_from_db()
    assert user.factor_failures == 0


def test_a_changed_password_ends_a_log_in_that_is_half_done(tenant: Any) -> None:
    user = staff("owner")
    auth.totp_set(user, pyotp.random_base32())
    user.save()
    page = browser(tenant)
    page.post("/login/", {"email": user.email, "password": PASSWORD})
    services.password_change(user=user, current=PASSWORD, new="another-set-of-words", actor=actor(user))
    answer = page.post("/second-factor/", {"code": pyotp.TOTP(auth.totp_secret(user)).now()})
    assert answer["Location"] == "/login/"


def test_a_code_of_odd_digits_is_wrong_and_no_error(tenant: Any) -> None:
    user = staff("owner")
    auth.totp_set(user, pyotp.random_base32())
    user.save()
    page = browser(tenant)
    page.post("/login/", {"email": user.email, "password": PASSWORD})
    assert page.post("/second-factor/", {"code": "12345²"}).status_code == 422


def test_staff_without_any_right_are_told_so_and_not_sent_in_circles(tenant: Any) -> None:
    bare = staff("owner")
    bare.roles.clear()
    page = browser(tenant)
    page.post("/login/", {"email": bare.email, "password": PASSWORD})
    answers = [page.get("/"), page.get("/staff/")]
    powerless = staff("sales")
    powerless.roles.set([Role.objects.create(code="empty", name="Empty", grants={})])
    enrolled = log_in(tenant, powerless)
    assert enrolled.get("/second-factor/")["Location"] == "/"
    for answer in [*answers, enrolled.get("/"), enrolled.get("/staff/")]:
        assert answer.status_code == 403
        assert "has no rights here yet" in answer.content.decode()


def test_unknown_address_and_wrong_password_look_the_same(tenant: Any) -> None:
    user = staff("sales")
    page = browser(tenant)
    known = page.post("/login/", {"email": user.email, "password": "wrong"})
    unknown = page.post("/login/", {"email": f"x{user.email}", "password": "wrong"})
    words = "The e-mail address or the password is not right."
    assert (known.status_code, unknown.status_code) == (422, 422)
    assert words in known.content.decode()
    assert words in unknown.content.decode()


def test_a_session_means_nothing_to_another_brokerage(tenant: Any, other_tenant: Any) -> None:
    page = log_in(tenant, staff("owner"))
    page.defaults["HTTP_HOST"] = f"office.{other_tenant.slug}.localhost"
    assert page.get("/staff/")["Location"].startswith("/login/")


def test_a_copied_session_row_is_refused_by_its_owner_mark(tenant: Any, other_tenant: Any) -> None:
    page = log_in(tenant, staff("owner"))
    key = page.cookies["sid"].value
    row = UserSession.objects.get(session_key=key)
    with context.use(other_tenant):
        UserSession.objects.create(session_key=key, session_data=row.session_data, expire_date=row.expire_date)
    page.defaults["HTTP_HOST"] = f"office.{other_tenant.slug}.localhost"
    assert page.get("/staff/")["Location"].startswith("/login/")


def test_staff_cannot_log_in_at_the_portal(tenant: Any) -> None:
    user = staff("owner")
    assert browser(tenant, "portal").post("/login/", {"email": user.email, "password": PASSWORD}).status_code == 422


def test_reset_by_mailed_link_works_once_and_ends_sessions(tenant: Any) -> None:
    user = staff("owner")
    page = log_in(tenant, user)
    assert browser(tenant).post("/password/forgot/", {"email": user.email}).status_code == 200
    path = _link(Mail.objects.get(user_id=user.pk, template="accounts.password_reset"))
    token = path.rstrip("/").rpartition("/")[2]
    assert not OneTimeLink.objects.filter(token_hash=token).exists()
    stranger = browser(tenant)
    assert stranger.get(path).status_code == 200
    assert stranger.post(path, {"password": "short"}).status_code == 422
    assert stranger.post(path, {"password": "a-better-set-of-words"}).status_code == 302
    assert stranger.post(path, {"password": "a-third-set-of-words"}).status_code == 410
    assert page.get("/staff/")["Location"].startswith("/login/")
    assert User.objects.get(pk=user.pk).check_password("a-better-set-of-words")


def test_forgetting_tells_nobody_whether_an_account_exists(tenant: Any) -> None:
    answer = browser(tenant).post("/password/forgot/", {"email": "nobody-here@example.com"})
    assert answer.status_code == 200
    assert not Mail.objects.filter(to="nobody-here@example.com").exists()


def test_invitation_sets_the_first_password(tenant: Any) -> None:
    owner = staff("owner")
    services.user_invite(email="new.colleague@example.com", name="New", roles=["sales"], actor=actor(owner))
    path = _link(Mail.objects.get(template="accounts.invitation"))
    assert browser(tenant).post(path, {"password": PASSWORD}).status_code == 302
    user = User.objects.get(email="new.colleague@example.com")
    assert user.check_password(PASSWORD)
    assert user.email_verified_at is not None


def test_devices_are_listed_and_signed_out(tenant: Any) -> None:
    user = staff("owner")
    page = log_in(tenant, user)
    again = browser(tenant)
    again.post(
        "/login/", {"email": user.email, "password": PASSWORD}, HTTP_USER_AGENT="Mozilla (iPhone) Safari/1 Mobile"
    )
    user.refresh_from_db()
    user.totp_last_step = 0
    user.save()
    again.post(
        "/second-factor/",
        {"code": pyotp.TOTP(auth.totp_secret(user)).now()},
        HTTP_USER_AGENT="Mozilla (iPhone) Safari/1 Mobile",
    )
    devices = selectors.sessions_of(user, page.session.session_key)
    assert [(one.system, one.mobile, one.current) for one in devices] == [("iOS", True, False), ("", False, True)]
    assert page.post("/me/sessions/end/").status_code == 302
    assert again.get("/staff/")["Location"].startswith("/login/")
    assert page.get("/staff/").status_code == 200


def test_next_never_leads_to_another_site(tenant: Any) -> None:
    user = staff("sales")
    page = browser(tenant)
    page.post("/login/", {"email": user.email, "password": PASSWORD, "next": "//evil.example/"})
    assert page.session["next"] == "/"


@pytest.mark.parametrize("path", ["/login/", "/password/forgot/"])
def test_open_pages_answer(tenant: Any, path: str) -> None:
    assert browser(tenant).get(path).status_code == 200
    assert browser(tenant, "portal").get(path).status_code == 200


def test_system_actor_is_needed_no_longer(tenant: Any) -> None:
    """A client's account is made by registration: by whoever registers, without any right."""
    from kernel.actors import VISITOR

    made = services.user_create(realm="client", email="c@example.com", name="C", password=PASSWORD, actor=VISITOR)
    assert made.grants() == {}
    assert SYSTEM.kind == "system"
