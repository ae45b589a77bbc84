"""Loaders, components, mails, navigation, charts, tables and toasts, without a browser."""

import json
from datetime import UTC, date, datetime

import mrml
import pytest
from django.http import HttpResponse, QueryDict
from django.template import Context, RequestContext, Template
from django.template.loader import get_template
from django.test import RequestFactory
from django.utils import timezone, translation

from kernel.ui import context, nav
from kernel.ui.charts import Chart, Series
from kernel.ui.errors import STATUSES, page_not_found, render_error
from kernel.ui.settings import THEMES_DIR
from kernel.ui.tables import Column, TableSpec, export_value
from kernel.ui.toast import toast, trigger


def draw(source: str, **data: object) -> str:
    request = RequestFactory().get("/")
    return Template(_compiled(source)).render(RequestContext(request, data))


def _compiled(source: str) -> str:
    from django_cotton.compiler_regex import CottonCompiler

    return CottonCompiler().process(source)


def test_theme_overrides_a_file_and_inherits_the_rest() -> None:
    with context.using(context.UiState(theme="sharp")):
        assert "themes/sharp/" in get_template("shell_auth.html").origin.name
        assert "themes/base/" in get_template("shell_office.html").origin.name
    assert "themes/base/" in get_template("shell_auth.html").origin.name


@pytest.mark.parametrize("theme", ["base", "sharp"])
def test_every_theme_has_a_logo_for_dark_pages(theme: str) -> None:
    brand = context.BrandView(name="Al Noor", logo_url="/light.png", logo_dark_url="/dark.png")
    with context.using(context.UiState(theme=theme, brand=brand)):
        html = draw("<c-ui.brand />")

    assert 'src="/dark.png"' in html
    assert html.count("shell-logo-light") == html.count("shell-logo-dark") == 1


def test_unknown_theme_means_base() -> None:
    with context.using(context.UiState(theme="../../etc")):
        assert "themes/base/" in get_template("shell_auth.html").origin.name


def test_every_template_compiles() -> None:
    for theme in ("base", "sharp"):
        with context.using(context.UiState(theme=theme)):
            for path in (THEMES_DIR / theme / "templates").rglob("*.html"):
                name = str(path.relative_to(THEMES_DIR / theme / "templates"))
                assert get_template(name).origin.name == str(path)


def test_attribute_values_cannot_break_out() -> None:
    html = draw('<c-ui.badge :data-name="name">x</c-ui.badge>', name='" autofocus onfocus="alert(1)"')
    assert 'data-name="&quot; autofocus onfocus=&quot;alert(1)&quot;"' in html
    html = draw("""<c-ui.badge hx-vals='{"id": "{{ name }}"}'>x</c-ui.badge>""", name="<'\">")
    assert 'hx-vals="{&quot;id&quot;: &quot;&lt;&#x27;&quot;&gt;&quot;}"' in html


def test_components_do_not_see_the_page() -> None:
    assert "secret" not in draw("<c-ui.card>x</c-ui.card>", title="secret")


def test_unknown_variant_names_what_exists() -> None:
    with pytest.raises(KeyError, match="no button called 'huge'; there are primary"):
        draw('<c-ui.button variant="huge">x</c-ui.button>')


@pytest.mark.parametrize("status", STATUSES)
def test_error_pages(status: int) -> None:
    response = render_error(RequestFactory().get("/"), status, headers={"Retry-After": "5"})
    assert response.status_code == status
    assert str(status) in response.content.decode()
    assert response.headers["Retry-After"] == "5"


def test_error_for_htmx_is_a_toast_and_no_page() -> None:
    response = page_not_found(RequestFactory().get("/", headers={"HX-Request": "true"}))
    assert (response.status_code, response.content) == (404, b"")
    assert json.loads(response.headers["HX-Trigger"])["toast"]["tone"] == "danger"


def test_triggers_add_up_in_ascii() -> None:
    response = HttpResponse(headers={"HX-Trigger": "leads-changed"})
    toast(trigger(response, "modal:close"), "Сохранено")
    value = response.headers["HX-Trigger"]
    assert value.isascii()
    assert json.loads(value) == {
        "leads-changed": None,
        "modal:close": None,
        "toast": {"message": "Сохранено", "tone": "success", "title": ""},
    }


def test_navigation_shows_what_the_viewer_may_see() -> None:
    surface = "test-surface"
    nav.register_section(surface, "b", "Second", order=2)
    nav.register(surface, nav.NavItem(label="Clients", url="/clients/", icon="users"), section="b")
    nav.register(surface, nav.NavItem(label="New", url="/clients/new/", icon="plus", order=1), section="b")
    nav.register(surface, nav.NavItem(label="Hidden", url="/x/", icon="x", visible=lambda request: False), section="a")

    sections = nav.sections_for(RequestFactory().get("/clients/new/1/"), surface)

    assert [section["label"] for section in sections] == ["Second"]
    assert [(item["label"], item.get("active", False)) for item in sections[0]["items"]] == [
        ("New", True),
        ("Clients", False),
    ]


def test_a_chart_says_moments_in_the_readers_zone_and_days_in_none() -> None:
    values = [Series(name="a", values=[1])]
    moments = Chart(kind="line", x=[datetime(2026, 3, 1, 12, tzinfo=UTC)], series=values)
    days = Chart(kind="line", x=[date(2026, 3, 1)], series=values)
    with timezone.override("Asia/Dubai"):
        assert [json.loads(one.json)["zone"] for one in (moments, days)] == ["Asia/Dubai", "UTC"]
        assert moments.rows[0][0].endswith("16:00")


def test_chart_json_cannot_end_its_script() -> None:
    chart = Chart(kind="bar", x=["</script><b>"], series=[Series(name="a&b", values=[1])], currency="KWD")
    assert "<" not in chart.json
    assert json.loads(chart.json)["x"] == ["</script><b>"]
    assert (json.loads(chart.json)["prefix"], json.loads(chart.json)["suffix"]) == ("KWD\u00a0", "")
    assert chart.engine_name == "echarts"
    with translation.override("de"):
        assert json.loads(chart.json)["suffix"] == "\u00a0KWD"
    assert chart.rows == [["</script><b>", "KWD\u00a01.00"]]


SPEC = TableSpec(
    default_sort="-name",
    columns=[
        Column(key="name", label="Name", sort="last_name", export="name"),
        Column(key="note", label="Note"),
    ],
)


@pytest.mark.parametrize(
    ("query", "states"),
    [("", ["desc", ""]), ("sort=name", ["asc", ""]), ("sort=note", ["desc", ""]), ("sort=pk", ["desc", ""])],
)
def test_only_sortable_columns_sort(query: str, states: list[str]) -> None:
    assert [heading.state for heading in SPEC.headings(QueryDict(query))] == states


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-5", "'-5"),
        (-5, -5),
        ("Layla", "Layla"),
        (None, ""),
        ("\t=1", "'\t=1"),
    ],
)
def test_cells_are_no_formulas(value: object, expected: object) -> None:
    assert export_value(value) == expected
    assert SPEC.export_row(type("Row", (), {"name": value})()) == [expected]


MAIL = {
    "brand": {
        "name": "Al Noor", "colours": {"brand": "#facc15", "brand_fg": "#0b0f14"}, "logo_url": "", "home_url": "",
        "legal_line": "Al Noor Ltd. Trading is risky.", "support_email": "help@example.com",
    },
    "name": "<Omar>", "facts": [("Account", "50012841")], "url": "https://example.com/x", "subject": "Welcome",
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "start", "end", "theme"), [("en", "left", "right", "base"), ("ar", "right", "left", "sharp")]
)
def test_mail_frame_in_both_directions(language: str, start: str, end: str, theme: str) -> None:
    direction = "rtl" if language == "ar" else "ltr"
    with translation.override(language), context.using(context.UiState(theme=theme)):
        markup = get_template("ui/mail_example.mjml").render(
            {**MAIL, "lang": language, "dir": direction, "start": start, "end": end}
        )
    html = mrml.to_html(markup).content

    assert "&lt;Omar&gt;" in html
    assert f"direction: {direction}; text-align: {start};" in html
    assert "background:#facc15" in html
    assert "Al Noor Ltd. Trading is risky." in html
    assert f'dir="{direction}"' in html
    assert ("border-radius:0px" in html) == (theme == "sharp")
    assert "var(--" not in html
    assert "<script" not in html


def test_mode_comes_from_the_cookie() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["rialto_mode"] = "dark"
    with translation.override("ar"):
        drawn = context.ui(request)["ui"]
    assert (drawn["mode"], drawn["dir"], drawn["lang"]) == ("dark", "rtl", "ar")
    request.COOKIES["rialto_mode"] = '"><script>'
    assert context.ui(request)["ui"]["mode"] == "auto"


def test_plain_context_is_enough_for_a_component() -> None:
    assert "ui-badge" in Template(_compiled("<c-ui.badge>x</c-ui.badge>")).render(Context())


def test_a_tile_s_size_is_of_what_is_read_and_not_of_its_indentation() -> None:
    """−19.2% stood there smaller than −0.78 beside it."""
    tile = draw('<c-ui.stat label="Return">\n        {{ share|percent_signed }}\n    </c-ui.stat>', share=-0.192)
    assert "ui-stat-long" not in tile


def test_bare_controls_pass_their_attributes_on_and_escape_values() -> None:
    value = '"><script>'
    text = draw('<c-ui.text size="sm" class="w-40" name="q" value="{{ value }}" required />', value=value)
    box = draw('<c-ui.text prefix="From" suffix="EUR" dir="ltr" type="date" name="since" />')
    area = draw('<c-ui.textarea name="note" rows="2">{{ value }}</c-ui.textarea>', value=value)
    ticked = draw("""<c-ui.checkbox name="a" checked="{% if 'x' in names %}1{% endif %}" />""", names=["x"])
    open_ = draw("""<c-ui.checkbox name="a" checked="{% if 'x' in names %}1{% endif %}" />""", names=[])
    chosen = draw('<c-ui.select class="w-full" name="k" required><option value="b" selected>B</option></c-ui.select>')

    assert '<input type="text" class="input input-sm w-40"' in text
    assert 'value="&quot;&gt;&lt;script&gt;"' in text
    assert " required" in text
    assert '<span class="text-muted">From</span><input type="date" dir="ltr" name="since"' in box
    assert '<span class="ui-affix">EUR</span>' in box
    assert ">&quot;&gt;&lt;script&gt;</textarea>" in area
    assert " checked" in ticked
    assert " checked" not in open_
    assert "w-auto" not in chosen
    assert "aria-label" not in chosen
    assert " required" in chosen
    assert '<option value="b" selected>B</option></select>' in chosen
