"""The brand: drafts nobody sees, publishing that refuses what cannot be read, assets that may be kept for ever."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from kernel.actors import Actor, Reach
from kernel.errors import Forbidden, NotFound
from kernel.models import AuditEntry
from kernel.tenancy import context, directory
from tenant_apps.branding import looks, services
from tenant_apps.branding.errors import LanguagesInvalid, LogoRefused, TokensInvalid, Unreadable
from tenant_apps.branding.models import BrandVersion
from tenant_apps.branding.pictures import cleaned
from tenant_apps.clients.tests.support import log_in, staff
from tenant_apps.notifications.brand import mail_brand

EDITOR = Actor(kind="staff", id="e", label="Mara", grants={"branding.view": Reach.ALL, "branding.edit": Reach.ALL})
READER = Actor(kind="staff", id="r", label="Ron", grants={"branding.view": Reach.ALL})


def refreshed(tenant: Any) -> Any:
    directory.forget()
    return directory.by_id(tenant.id)


def publish(tenant: Any, **changes: Any) -> Any:
    services.brand_draft_save(actor=EDITOR, changes=changes)
    services.brand_publish(actor=EDITOR)
    return refreshed(tenant)


def picture(size: tuple[int, int] = (300, 80), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGBA" if kind == "PNG" else "RGB", size, "#1d4ed8").save(out, format=kind)
    return out.getvalue()


def test_a_draft_changes_nothing_until_it_is_published(tenant: Any) -> None:
    services.brand_draft_save(actor=EDITOR, changes={"name": "Alpha Prime", "colour": "#b45309"})
    assert refreshed(tenant).setting("brand") is None
    services.brand_publish(actor=EDITOR)
    entry = refreshed(tenant).setting("brand")
    assert (entry["name"], entry["looks"]["colour"]) == ("Alpha Prime", "#b45309")
    assert AuditEntry.objects.get(action="branding.published").actor_label == "Mara"


def test_a_request_needs_no_query_for_its_looks(tenant: Any, django_assert_num_queries: Any) -> None:
    ref = publish(tenant, colour="#b45309")
    with context.use(ref), django_assert_num_queries(0):
        from tenant_apps.branding.shell import brand_view

        view = brand_view(ref)
    assert view.css_url.startswith("/brand/")


def test_assets_are_kept_for_ever_and_only_under_their_own_hash(tenant: Any) -> None:
    ref = publish(tenant, colour="#b45309")
    browser = Client(HTTP_HOST="alpha.localhost")
    url = ref.setting("brand")["css_url"]
    answer = browser.get(url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "--brand:#b45309" in answer.content.decode()
    assert browser.get("/brand/0123456789abcdef.css").status_code == 404
    assert Client(HTTP_HOST="beta.localhost").get(url).status_code == 404
    mark = browser.get(url.replace("/brand/", "/brand/mark-").replace(".css", ".svg"))
    assert mark.headers["Content-Type"] == "image/svg+xml"
    manifest = json.loads(browser.get("/manifest.webmanifest").content)
    assert (manifest["name"], manifest["display"]) == ("Alpha Markets", "standalone")


def test_a_logo_is_drawn_anew_and_served_by_its_content(tenant: Any) -> None:
    services.brand_picture_set(actor=EDITOR, role="logo", data=picture() + b"<script>alert(1)</script>")
    services.brand_publish(actor=EDITOR)
    ref = refreshed(tenant)
    url = ref.setting("brand")["logo_url"]
    answer = Client(HTTP_HOST="alpha.localhost").get(url)
    assert answer.headers["Content-Type"] == "image/png"
    assert b"script" not in answer.content
    assert Client(HTTP_HOST="beta.localhost").get(url).status_code == 404
    with context.use(ref):
        assert mail_brand("en").logo_url == f"http://alpha.localhost:8000{url}"


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n broken", picture((8, 8))],
)
def test_what_is_no_logo(data: bytes) -> None:
    with pytest.raises(LogoRefused):
        cleaned(data, "logo")


def test_a_mark_becomes_a_square() -> None:
    assert Image.open(io.BytesIO(cleaned(picture((300, 80), "JPEG"), "mark"))).size == (512, 512)


def test_unreadable_colours_are_not_published(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kernel.ui.brand import ContrastPair

    bad = [ContrastPair("light", "text-on-fill", "#ffffff", "#eeeeee", 1.2, 4.5)]
    monkeypatch.setattr("tenant_apps.branding.tokens.contrast_report", lambda tokens: bad)
    services.brand_draft_save(actor=EDITOR, changes={"colour": "#eeeeee"})
    with pytest.raises(Unreadable):
        services.brand_publish(actor=EDITOR)
    assert refreshed(tenant).setting("brand") is None


@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#ffff00", "#808080", "#ff00ff", "#0b0f14"])
def test_any_colour_a_broker_picks_is_made_readable(colour: str) -> None:
    report = looks.report(looks.tokens_of({"colour": colour}))
    assert all(line[mode].passed for line in report for mode in ("light", "dark"))


@pytest.mark.parametrize(
    "changes", [{"colour": "red"}, {"colour": "#12345"}, {"preset": "../base"}, {"font": "comic"}, {"radius": "9"}]
)
def test_tokens_nobody_designed_are_refused(tenant: Any, changes: dict[str, str]) -> None:
    with pytest.raises(TokensInvalid):
        services.brand_draft_save(actor=EDITOR, changes=changes)


def test_rolling_back_publishes_the_earlier_tokens_as_a_new_version(tenant: Any) -> None:
    publish(tenant, colour="#b45309")
    publish(tenant, colour="#1d4ed8")
    first = BrandVersion.objects.get(number=1)
    services.brand_rollback(actor=EDITOR, version_id=first.pk)
    assert refreshed(tenant).setting("brand")["looks"]["colour"] == "#b45309"
    assert list(BrandVersion.objects.order_by("number").values_list("number", "state")) == [
        (1, "earlier"),
        (2, "earlier"),
        (3, "published"),
    ]


def test_readers_change_nothing(tenant: Any) -> None:
    for act in (
        lambda: services.brand_draft_save(actor=READER, changes={"name": "X"}),
        lambda: services.brand_publish(actor=READER),
        lambda: services.brand_picture_set(actor=READER, role="logo", data=picture()),
        lambda: services.locale_set(actor=READER, languages=["en"], time_zone="UTC", currencies=["USD"]),
    ):
        with pytest.raises(Forbidden):
            act()
    assert BrandVersion.objects.count() == 0


def test_there_is_nothing_to_publish_without_a_draft(tenant: Any) -> None:
    with pytest.raises(NotFound):
        services.brand_publish(actor=EDITOR)


def test_languages_reach_the_next_request(tenant: Any) -> None:
    services.locale_set(actor=EDITOR, languages=["ar", "en"], time_zone="Asia/Dubai", currencies=["USD", "AED"])
    ref = refreshed(tenant)
    assert (ref.setting("languages"), ref.setting("base_currency")) == (["ar", "en"], "USD")
    assert Client(HTTP_HOST="alpha.localhost").get("/login/").headers["Content-Language"] == "ar"
    with pytest.raises(LanguagesInvalid):
        services.locale_set(actor=EDITOR, languages=["xx"], time_zone="UTC", currencies=["USD"])


def test_mails_carry_the_brand(tenant: Any) -> None:
    ref = publish(
        tenant, colour="#b45309", legal_footer={"en": "Alpha Ltd", "ar": "ألفا"}, risk_warning={"en": "Risky"}
    )
    with context.use(ref):
        assert mail_brand("en").legal_line == "Alpha Ltd Risky"
        assert mail_brand("ar").legal_line.startswith("ألفا")
        assert mail_brand("en").colours["brand"] == "#b45309"


def test_visitors_find_the_legal_line_privacy_and_the_landing_page(tenant: Any) -> None:
    publish(tenant, legal_footer={"en": "Alpha Ltd"}, risk_warning={"en": "Risky"})
    visitor = Client(HTTP_HOST="alpha.localhost", HTTP_ACCEPT_LANGUAGE="en")
    for path in ("/welcome/", "/login/"):
        html = visitor.get(path).content.decode()
        assert "Alpha Ltd Risky" in html
        assert 'href="/legal/privacy/"' in html
    assert 'href="/welcome/"' in visitor.get("/login/").content.decode()


def test_the_office_links_to_no_page_it_does_not_have(tenant: Any) -> None:
    publish(tenant)
    assert "/legal/" not in Client(HTTP_HOST="office.alpha.localhost").get("/login/").content.decode()


def test_a_picture_keeps_what_stands_unsaved_in_the_form_beside_it(tenant: Any) -> None:
    publish(tenant, name="Alpha Prime", colour="#b45309")
    office = log_in(tenant, staff("owner"))
    values = {"name": "Alpha", "preset": "base", "colour": "#0e7490", "font": "serif", "radius": "none"}
    values |= {"mail_header": "name", "file": SimpleUploadedFile("logo.png", picture(), "image/png")}
    answer = office.post("/branding/picture/logo/", values, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/branding/"
    tokens = services.current_tokens()
    assert (tokens.name, tokens.colour, tokens.font, tokens.mail_header) == ("Alpha", "#0e7490", "serif", "name")
    assert tokens.logo
    office.post("/branding/picture/logo/", {"remove": "1"})
    assert (services.current_tokens().logo, services.current_tokens().colour) == ("", "#0e7490")


def test_the_previews_show_the_drafts_logo_and_the_chosen_head_of_mails(tenant: Any) -> None:
    services.brand_picture_set(actor=EDITOR, role="logo", data=picture())
    logo = services.picture_urls(services.current_tokens())["logo"]
    office = log_in(tenant, staff("owner"))
    assert logo in office.get("/branding/preview/frame/?name=Alpha").content.decode()
    assert "mail_header=name" in office.get("/branding/preview/?name=Alpha&mail_header=name").content.decode()
    assert logo in office.get("/branding/preview/mail/?name=Alpha&mail_header=logo").content.decode()
    assert logo not in office.get("/branding/preview/mail/?name=Alpha&mail_header=name").content.decode()
