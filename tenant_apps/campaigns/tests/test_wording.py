"""A brokerage's own words for the product's mails: used at once, remembered, tried out on oneself, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.actors import Actor, Reach
from kernel.errors import Forbidden, NotFound
from kernel.models import AuditEntry
from tenant_apps.accounts.tests.support import log_in, staff
from tenant_apps.campaigns import texts, wording
from tenant_apps.campaigns.errors import PlaceholderUnknown, TextIncomplete
from tenant_apps.campaigns.forms import drawn, text_from_post
from tenant_apps.campaigns.mails import client_mail
from tenant_apps.campaigns.models import MailText
from tenant_apps.notifications.models import Mail

from .support import MARKETING, SYSTEM, client_make

OWN = {
    "subject": "Servus {first_name}", "preheader": "", "heading": "Konto {login}",
    "blocks": [{"kind": "text", "text": "Los geht es."}, {"kind": "facts", "rows": [["Konto", "{login}"]]}],
}  # fmt: skip


def posted(text: dict[str, Any], language: str, **more: str) -> dict[str, str]:
    """The form of a text as the browser sends it."""
    data = {"language": language, **{name: text[name] for name in ("subject", "preheader", "heading")}, **more}
    for index, block in enumerate(drawn(text["blocks"])):
        data[f"b.{index}.kind"] = block["kind"]
        data[f"b.{index}.text"] = block["lines"].replace("\n", "\r\n") or block.get("text", "")
        data[f"b.{index}.url"] = block.get("url", "")
    return data


def save(text: dict[str, Any], **changes: Any) -> None:
    wording.mail_text_save(**{"key": "account_opened", "language": "de", "text": text, "actor": MARKETING, **changes})


@pytest.mark.parametrize("language", texts.shipped_languages())
@pytest.mark.parametrize("key", texts.MAILS)
def test_the_form_loses_nothing_of_the_products_words(key: str, language: str) -> None:
    shipped = texts.shipped_text(key, language)
    assert shipped is not None
    assert text_from_post(posted(shipped, language)) == shipped
    texts.check(shipped, texts.COMMON | texts.MAILS[key].keys())


def test_own_words_are_used_from_now_on_and_remembered(tenant: Any) -> None:
    save(OWN)
    save(OWN)  # nothing changed: no line
    save({**OWN, "heading": "Neu"})
    client = client_make(language="de")
    sent = client_mail(
        client=client, key="account_opened", values={"login": "501"}, dedupe_key="one", actor=SYSTEM
    )  # fmt: skip
    assert sent is not None
    assert "Servus" in sent.subject
    assert "501" in sent.text
    lines = AuditEntry.objects.filter(action="campaigns.mail_text_saved").order_by("id")
    assert [(line.before["content"] and line.before["content"]["heading"], line.after["content"]["heading"])
            for line in lines] == [(None, "Konto {login}"), ("Konto {login}", "Neu")]  # fmt: skip
    assert texts.mail_text("account_opened", "en")[1] == texts.shipped_text("account_opened", "en")


def test_the_default_comes_back(tenant: Any) -> None:
    shipped = texts.shipped_text("account_opened", "de")
    save(OWN)
    assert wording.mail_text_reset(key="account_opened", language="de", actor=MARKETING)
    assert not wording.mail_text_reset(key="account_opened", language="de", actor=MARKETING)
    save(OWN)
    assert shipped is not None
    save(shipped)  # the product's words typed again are no words of one's own
    assert not MailText.objects.exists()
    lines = AuditEntry.objects.filter(action="campaigns.mail_text_reset")
    assert [line.before["content"]["subject"] for line in lines] == ["Servus {first_name}"] * 2


def test_what_is_no_mail_is_refused(tenant: Any) -> None:
    with pytest.raises(PlaceholderUnknown):
        save({**OWN, "subject": "{amount}"})  # a deposit's, not an account's
    with pytest.raises(TextIncomplete):
        save({**OWN, "blocks": [{"kind": "facts", "rows": [["Konto", ""]]}]})
    with pytest.raises(NotFound):
        save(OWN, key="nonsense")
    with pytest.raises(NotFound):
        save(OWN, language="xx")
    with pytest.raises(Forbidden):
        save(OWN, actor=Actor(kind="staff", id="s", grants={"campaigns.view": Reach.ALL}))
    assert (MailText.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_the_office_writes_looks_tries_and_takes_back(tenant: Any) -> None:
    author = staff("marketing")
    page = log_in(tenant, author)
    assert page.get("/campaigns/mails/").status_code == 200
    for key in texts.MAILS:
        assert page.get(f"/campaigns/mails/{key}/?language=ar").status_code == 200
    address = "/campaigns/mails/account_opened/"
    preview = page.post(f"{address}preview/", posted(OWN, "de"))
    assert "50012841" in preview.content.decode()
    policy = preview.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert f"img-src 'self' data: http://{tenant.slug}.localhost:8000;" in policy, (
        "the logo of a mail stands on the portal's host"
    )
    before = Mail.objects.count()
    assert page.post(address, posted(OWN, "de", act="try")).status_code == 200
    test = Mail.objects.latest("created_at")
    assert (Mail.objects.count(), test.to, "Servus" in test.subject) == (before + 1, author.email, True)
    assert test.subject.startswith("Test")
    assert not MailText.objects.exists()  # trying is not saving
    assert page.post(address, posted({**OWN, "subject": "{nonsense}"}, "de")).status_code == 422
    assert page.post(address, posted(OWN, "de")).status_code == 302
    assert MailText.objects.get(key="account_opened", language="de").content == OWN
    assert page.get(f"{address}preview/?language=de").status_code == 200
    assert page.post(f"{address}reset/", {"language": "de"}).status_code == 302
    assert not MailText.objects.exists()


def test_without_the_right_there_is_no_page(tenant: Any) -> None:
    page = log_in(tenant, staff("finance"))
    for path in ("", "registered/", "registered/preview/", "registered/reset/"):
        assert page.get(f"/campaigns/mails/{path}").status_code == 403, path
        assert page.post(f"/campaigns/mails/{path}", posted(OWN, "de")).status_code == 403, path
    assert not MailText.objects.exists()
