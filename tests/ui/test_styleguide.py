"""The component library in a real browser: accessible, inside the CSP, inside the viewport, usable by keyboard."""

import itertools

import pytest
from playwright.sync_api import Page, expect

from kernel.money import Money
from tenant_apps.reconciliation.standing import Owed
from tests.ui.conftest import AXE, OpenPage
from tests.ui.modes import SERIOUS
from tests.ui.test_templates import draw

pytestmark = pytest.mark.browser
VARIANTS = list(itertools.product(["en", "ar"], [1440, 390]))
BRANDS = ["/styleguide/?brand=facc15", "/styleguide/?brand=000000", "/styleguide/?brand=ffffff&theme=sharp"]
PAGES = [
    "/styleguide/?shell=portal", "/styleguide/?shell=console", "/styleguide/?shell=site&theme=sharp",
    "/shell/shell_auth/", "/shell/shell_auth/?theme=sharp", "/error/404/", "/error/409/", "/error/500/", "/error/503/",
]  # fmt: skip


# A box that is still fading in has the contrast of a fading box.
ANIMATIONS_DONE = """Promise.all(document.getAnimations()
    .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => null))).then(() => true)"""


def serious_problems(page: Page) -> list[str]:
    page.evaluate(ANIMATIONS_DONE)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['failureSummary']}"
        for violation in result["violations"]
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


def assert_sound(page: Page, *, both_modes: bool = False) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert (page.evaluate(SERIOUS, True) if both_modes else serious_problems(page)) == []
    assert page.evaluate("violations") == []
    assert page.script_errors == []  # type: ignore[attr-defined]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("language", "width"), VARIANTS)
def test_every_component_is_sound(open_page: OpenPage, language: str, width: int) -> None:
    page = open_page("/styleguide/", language=language, width=width)

    assert page.get_attribute("html", "dir") == ("rtl" if language == "ar" else "ltr")
    assert_sound(page, both_modes=True)


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("minor", [12_300_000, 1_234_567_000])
def test_an_amount_stays_in_its_tile_on_a_phone(open_page: OpenPage, language: str, minor: int) -> None:
    """Cut by the next tile, 12,300.000 KWD read 300.000 KWD."""
    tile = draw('<c-ui.stat label="Received">{{ amount|money }}</c-ui.stat>', amount=(minor, "KWD"))
    page = open_page("/styleguide/", language=language, width=390)
    page.evaluate(
        "(tiles) => { document.querySelector('main').innerHTML = tiles; }",
        f'<div class="grid grid-cols-2 gap-4">{tile * 2}</div>',
    )
    for box in page.locator(".ui-stat").all():
        assert box.evaluate("(one) => one.scrollWidth <= one.clientWidth")
        assert box.locator("bdi").evaluate("(one) => one.getClientRects().length") == 1


@pytest.mark.parametrize("width", [390, 560, 700, 890, 960])
def test_what_is_owed_longest_is_not_cut(open_page: OpenPage, width: int) -> None:
    amount = Money(987_654_321, "KWD")
    row = Owed("", "Emirates bank KWD", True, amount, [amount] * 4)
    page = open_page("/styleguide/", width=1280)
    page.evaluate(
        "([table, width]) => { const main = document.querySelector('main');"
        " main.innerHTML = table; main.firstElementChild.style.inlineSize = `${width}px`; }",
        [draw('{% include "reconciliation/_owed.html" %}', rows=[row]), width],
    )
    table = page.locator(".ui-table-wrap")
    assert table.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    expect(table.locator("tbody td").last).to_be_visible()
    expect(table.locator("tbody td").nth(1)).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_every_shell_and_theme_is_sound(open_page: OpenPage, path: str) -> None:
    assert_sound(open_page(path, language="ar", width=390), both_modes=True)
    assert_sound(open_page(path, language="en", width=1440), both_modes=True)


@pytest.mark.parametrize("path", BRANDS)
def test_every_brand_is_readable(open_page: OpenPage, path: str) -> None:
    assert_sound(open_page(path), both_modes=True)


@pytest.mark.parametrize("zone", ["America/Mexico_City", "Pacific/Auckland"])
def test_a_chart_and_its_table_name_the_same_day(open_page: OpenPage, zone: str) -> None:
    """A day is the midnight of UTC: in Mexico that was the evening before."""
    page = open_page("/styleguide/", zone=zone)
    figure = page.locator("figure", has=page.locator("#equity-data"))
    over = figure.locator(".u-over")
    box = over.bounding_box()
    assert box
    over.hover(position={"x": box["width"] - 1, "y": 20})
    newest = (figure.locator("tbody th").first.text_content() or "").strip()
    expect(figure.locator(".ui-chart-tip div").first).to_have_text(f"\u2068{newest}\u2069")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_what_a_chart_says_stays_on_a_phone(open_page: OpenPage, language: str) -> None:
    page = open_page("/styleguide/", language=language, width=390)
    figure = page.locator("figure", has=page.locator("#equity-data"))
    over = figure.locator(".u-over")
    box = over.bounding_box()
    assert box
    figure.locator(".ui-chart-tip").evaluate("(tip) => { tip.style.minWidth = '160px'; }")  # two names and two amounts
    for share in (0.05, 0.45, 0.55, 0.95):
        over.hover(position={"x": box["width"] * share, "y": 20})
        tip = figure.locator(".ui-chart-tip").bounding_box()
        assert tip
        assert tip["x"] >= box["x"] - 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_what_is_disabled_looks_so_in_every_variant(open_page: OpenPage, mode: str) -> None:
    page = open_page("/styleguide/", mode=mode)
    looks = page.locator("#disabled > .btn").evaluate_all(
        "(all) => all.map((one) => { const { backgroundColor, borderColor, boxShadow, color, cursor } = getComputedStyle(one);"
        " return [backgroundColor, borderColor, boxShadow, color, cursor].join(); })"
    )
    assert (len(looks), len(set(looks))) == (9, 1)


def test_a_page_asked_for_in_the_dark_is_sound(open_page: OpenPage) -> None:
    page = open_page("/styleguide/", mode="dark")

    assert page.get_attribute("html", "data-theme") == "dark"
    assert_sound(page)


def test_what_cannot_be_read_in_the_dark_is_seen(open_page: OpenPage) -> None:
    """The control: a colour that only one of both modes makes unreadable."""
    page = open_page("/styleguide/")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.evaluate(
        """() => {
          const line = document.createElement('p');
          line.textContent = 'Hardly to be seen';
          line.style.color = '#222';
          document.querySelector('main').prepend(line);
        }"""
    )
    found = page.evaluate(SERIOUS, True)
    assert found
    assert all("dark: color-contrast" in one for one in found)


def test_overlays_are_sound_while_open(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")

    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_role("menuitem", name="Edit")).to_be_focused()
    assert_sound(page)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Copy")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menuitem", name="Edit")).to_be_hidden()

    page.get_by_role("button", name="New client").click()
    expect(page.get_by_role("dialog", name="New client")).to_be_visible()
    assert_sound(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="New client")).to_be_hidden()


def test_command_palette_filters_and_follows(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")

    page.keyboard.press("Control+k")
    page.keyboard.type("kyc")
    expect(page.get_by_role("option", name="KYC review")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("option", name="Wallet")).to_be_hidden()
    assert_sound(page)
    with page.expect_navigation(url="**/styleguide/shield-check/"):
        page.keyboard.press("Enter")


def test_theme_is_kept_by_the_server(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")

    page.get_by_role("button", name="Colours: light or dark").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    assert page.get_attribute("html", "data-theme") == "dark"
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"


def test_language_switch_turns_the_page(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")

    page.get_by_role("button", name="Language", exact=True).click()
    with page.expect_navigation():
        page.get_by_role("menuitemradio", name="العربيّة").click()

    assert page.get_attribute("html", "dir") == "rtl"
    assert page.url.endswith("/styleguide/")


def test_tabs_and_selection(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")

    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Documents")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#p-documents")).to_be_visible()

    page.get_by_role("checkbox", name="Select all rows").check()
    expect(page.locator("[data-bulk-count]")).to_have_text("6")


def test_toast_arrives_from_a_response_header(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")

    page.evaluate("htmx.ajax('GET', '/test/toast/', {target: 'body', swap: 'none'})")
    expect(page.locator(".ui-toast").last).to_contain_text("محفوظ")
    page.evaluate("htmx.ajax('GET', '/error/403/', {target: '#main'})")
    expect(page.locator(".ui-toast").last).to_contain_text("You may not do that.")
    page.evaluate("htmx.ajax('GET', '/test/domain-error/', {target: '#main'})")
    expect(page.locator(".ui-toast").last).to_contain_text("The hold has expired.")
    expect(page.get_by_role("heading", name="Style guide")).to_be_visible()


def test_a_long_choice_does_not_lie_over_what_stands_beside_it(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")
    beside = page.evaluate(
        """() => {
          const form = document.createElement('form');
          form.className = 'flex gap-2';
          form.innerHTML = `<select class="select select-sm w-64"><option>${'A very long choice '.repeat(9)}</option></select>
            <button type="button" class="btn btn-sm">Beside</button>`;
          document.querySelector('main').prepend(form);
          const box = form.querySelector('button').getBoundingClientRect();
          return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).localName;
        }"""
    )
    assert beside == "button"


def test_a_phone_shows_further_filters_when_asked_and_a_wide_page_always(open_page: OpenPage) -> None:
    """A phone did not have them at all."""
    page = open_page("/styleguide/", width=390)
    more, further = page.get_by_text("More filters", exact=True), page.get_by_role("textbox", name="Country")
    expect(further).to_be_hidden()
    more.focus()
    page.keyboard.press("Enter")
    expect(further).to_be_visible()
    assert_sound(page)
    more.click()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(more).to_be_hidden()
    expect(further).to_be_visible()


LIVE_PART = """(inside) => {
  const part = document.createElement('div');
  part.id = 'part';
  for (const [name, value] of [['hx-get', '/test/seen/'], ['hx-trigger', 'live:part from:body'], ['hx-target', 'this']])
    part.setAttribute(name, value);
  part.innerHTML = inside;
  document.querySelector('main').prepend(part);
  htmx.process(part);
}"""


def test_a_live_refresh_waits_for_a_confirmation(open_page: OpenPage) -> None:
    """Swapped away while the question stood, the form could no longer be sent: the answer led nowhere."""
    page = open_page("/styleguide/")
    page.evaluate(LIVE_PART, '<form action="/styleguide/?sent=1" data-confirm="Sure?"><button>Send it</button></form>')
    page.get_by_role("button", name="Send it").click()
    with page.expect_response("**/test/seen/"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:part'))")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator("#part form")).to_be_attached()
    with page.expect_request(lambda asked: asked.is_navigation_request()):
        page.locator("dialog[open] button:not([data-dialog-close]):visible").last.click()


def test_a_live_refresh_waits_for_an_open_menu(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")
    menu = '<div class="ui-menu" popover id="held" role="menu"><button role="menuitem">Inside</button></div>'
    page.evaluate(LIVE_PART, f'<button popovertarget="held" aria-haspopup="menu">Held</button>{menu}')
    page.get_by_role("button", name="Held").click()
    expect(page.get_by_role("button", name="Held")).to_have_attribute("aria-expanded", "true")
    placed = page.locator("#held").get_attribute("style")
    assert placed
    with page.expect_response("**/test/seen/"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:part'))")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator("#held").get_attribute("style") == placed
    page.get_by_role("menuitem", name="Inside").click()
    expect(page.locator("#part")).to_contain_text("connections")


def test_a_live_refresh_waits_for_an_open_dialog(open_page: OpenPage) -> None:
    """What somebody was writing in it was gone, and the dialog with it."""
    page = open_page("/styleguide/")
    page.evaluate(
        LIVE_PART, '<dialog id="held"><form method="dialog"><input name="note"><button>Done</button></form></dialog>'
    )
    page.evaluate("document.getElementById('held').showModal()")
    page.fill("#held [name=note]", "Half a sen")
    with page.expect_response("**/test/seen/"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:part'))")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.input_value("#held [name=note]") == "Half a sen"
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#part")).to_contain_text("connections")


ROWS = """<form id="assign" action="/assign/"></form><table><tbody>{}</tbody></table>
<select form="assign" name="owner" aria-label="Owner"><option>Ann</option><option>Bo</option></select>"""
ROW = (
    '<tr><td><input type="checkbox" form="assign" name="selected" value="{0}" aria-label="{0}"></td>'
    '<td><form action="/note/{0}/"><input name="note" aria-label="Note on {0}"></form></td></tr>'
)


@pytest.mark.parametrize("swap", ["innerMorph", "innerHTML"])
def test_what_was_chosen_in_a_row_stays_that_row_s_after_a_live_refresh(open_page: OpenPage, swap: str) -> None:
    """Rows are morphed by their place: a row that came in above took the tick and the half-written note of the one below it."""
    page = open_page("/styleguide/")
    of = {rows: ROWS.format("".join(ROW.format(name) for name in rows)) for rows in ("AB", "CAB", "CB")}
    page.evaluate(LIVE_PART, of["AB"])
    page.evaluate("(swap) => document.getElementById('part').setAttribute('hx-swap', swap)", swap)
    page.check("[aria-label=A]")
    page.fill("[aria-label='Note on A']", "Half a sen")
    page.select_option("#part select", "Bo")

    def refresh(rows: str) -> dict[str, object]:
        page.route("**/test/seen/", lambda route: route.fulfill(body=of[rows], content_type="text/html"))
        with page.expect_response("**/test/seen/"):
            page.evaluate("document.body.dispatchEvent(new CustomEvent('live:part'))")
        expect(page.locator("#part tr")).to_have_count(len(rows))
        found: dict[str, object] = page.evaluate(
            """() => ({
              ticked: [...document.querySelectorAll('#part [type=checkbox]:checked')].map((box) => box.value).join(''),
              notes: [...document.querySelectorAll('#part [name=note]')].map((note) => note.value),
              owner: document.querySelector('#part select').value,
            })"""
        )
        return found

    assert refresh("CAB") == {"ticked": "A", "notes": ["", "Half a sen", ""], "owner": "Bo"}
    assert refresh("CB") == {"ticked": "", "notes": ["", ""], "owner": "Bo"}


def test_what_was_written_about_one_does_not_pass_to_the_next(open_page: OpenPage) -> None:
    """The next piece of work morphs into the place of this one, and took the reason begun for it along."""
    page = open_page("/styleguide/")
    page.evaluate(LIVE_PART, '<form action="/reject/1/"><textarea name="reason" aria-label="Reason"></textarea></form>')
    page.fill("[aria-label=Reason]", "Not his own card")
    page.route(
        "**/next/",
        lambda route: route.fulfill(
            body='<form action="/reject/2/"><textarea name="reason" aria-label="Reason"></textarea></form>'
        ),
    )
    page.evaluate("htmx.ajax('GET', '/next/', { target: '#part', swap: 'innerMorph' })")
    expect(page.locator("#part form")).to_have_attribute("action", "/reject/2/")
    expect(page.get_by_label("Reason", exact=True)).to_have_value("")


def test_a_live_refresh_of_a_list_asks_for_what_the_address_names_by_now(open_page: OpenPage) -> None:
    """It asked for what the page was opened with: a filter chosen since then was undone by the next event."""
    page = open_page("/styleguide/?state=open")
    page.evaluate(LIVE_PART, "a row")
    page.evaluate(
        """() => {
          const list = document.getElementById('part');
          list.setAttribute('hx-get', '/styleguide/?state=open');
          list.toggleAttribute('data-follows-address', true);
          list.setAttribute('hx-swap', 'none');
          htmx.process(list);
          history.pushState({}, '', '?state=closed');
        }"""
    )
    with page.expect_request("**/styleguide/?state=*") as asked:
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:part'))")
    assert asked.value.url.endswith("?state=closed")


def test_an_export_takes_what_the_list_shows_by_now(open_page: OpenPage) -> None:
    """It took what the page was opened with, whatever had been filtered since."""
    page = open_page("/styleguide/?state=open")
    page.evaluate(
        """() => {
          document.querySelector('main').insertAdjacentHTML(
            'afterbegin', '<a data-follows-address href="/file/?state=open&format=xlsx">File</a>');
          history.pushState({}, '', '?state=closed&page=3');
        }"""
    )
    with page.expect_request("**/file/*") as asked:
        page.get_by_role("link", name="File", exact=True).click()
    assert asked.value.url.endswith("/file/?state=closed&format=xlsx")


def test_live_values_survive_a_lost_connection(open_page: OpenPage) -> None:
    page = open_page("/styleguide/?live=1")
    value = page.locator('[data-live-value="cashier:net"]')

    # The server ends the first stream; the client returns with the last id and gets the second message.
    expect(value).to_have_text("$2.00", timeout=60000)
    expect(page.locator("[data-live-indicator]")).to_have_attribute("data-state", "open", timeout=60000)
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    seen = page.wait_for_function(
        "fetch('/test/seen/').then((answer) => answer.json()).then((seen) => seen.beacons.length ? seen : null)"
    ).json_value()
    assert seen["connections"][:2] == ["", "1"]
    beacon = seen["beacons"][0]
    assert beacon["n"] == 2
    assert 40 <= beacon["p50"] <= beacon["p95"] < 5000
    assert page.evaluate("violations") == []


def test_a_refused_stream_asks_the_page_for_a_new_token(open_page: OpenPage) -> None:
    page = open_page("/styleguide/?live=stale")
    expect(page.locator("[data-live-indicator]")).to_have_attribute("data-state", "open", timeout=60000)
    seen = page.evaluate("fetch('/test/seen/').then((answer) => answer.json())")
    assert "old-token" in seen["refused"]


def test_a_page_that_may_watch_nothing_any_more_stops_asking(open_page: OpenPage) -> None:
    page = open_page("/styleguide/?live=ended")
    expect(page.locator("[data-live-indicator]")).to_have_attribute("data-state", "closed")


def test_upload_shows_what_was_chosen_and_refuses_the_rest(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")
    field = page.locator(".ui-drop input[type=file]")

    field.set_input_files({"name": "passport.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"})
    expect(page.locator("[data-upload-item] [data-name]")).to_have_text("passport.pdf")
    expect(page.locator("[data-upload-item] [data-size]")).to_have_text("8 B")
    field.set_input_files({"name": "virus.exe", "mimeType": "application/x-msdownload", "buffer": b"MZ"})
    expect(page.locator("[data-upload-item] [data-problem]")).to_have_text("This type of file is not accepted.")
    assert field.evaluate("(field) => field.files.length") == 0


def test_card_moves_by_mouse_and_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/styleguide/", language="ar")
    page.wait_for_selector("[data-kanban][data-mounted]")
    card = page.locator("[data-card='50012841']")

    card.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(card.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator("[data-column='funded'] [data-card='50012841']")).to_be_visible()
    card.drag_to(page.locator("[data-column='contacted']"), target_position={"x": 20, "y": 10})
    expect(page.locator("[data-column='contacted'] [data-card='50012841']")).to_be_visible()

    seen = page.wait_for_function(
        "fetch('/test/moved/').then((answer) => answer.json()).then(({ moves }) => (moves.length > 1 ? moves : null))"
    ).json_value()
    assert seen[0] == {"card": "50012841", "column": "funded", "position": "2"}
    assert (seen[1]["card"], seen[1]["column"]) == ("50012841", "contacted")
    assert page.evaluate("violations") == []


def test_drawer_and_tooltip(open_page: OpenPage) -> None:
    page = open_page("/styleguide/", language="ar", mode="dark", width=390)

    page.get_by_role("button", name="Drawer").click()
    expect(page.get_by_role("dialog", name="Drawer")).to_be_visible()
    assert_sound(page)
    page.keyboard.press("Escape")
    page.get_by_text("Tooltip", exact=True).hover()
    expect(page.get_by_role("tooltip")).to_have_text("Shown on hover and focus")
