"""Sheets: text stays text whatever it says, letters are shaped, and one that is too much is refused in good time."""

from __future__ import annotations

import os
import resource
from typing import Any

import pypdfium2
import pytest

from kernel import paper
from kernel.paper import Brand, Cell, Column, PaperFailed, Row, Sheet, font_folders, render
from kernel.paper.text import leans_right, safe_text

HOSTILE = (
    '#read("/etc/passwd")', '#import "@preview/cetz:0.3.0": *', "#panic()", "$ x^2 $ *bold* _it_ `raw` = Title", '"); #eval("1/0")',
    "\\u{41}", "<label> @ref // comment /* open", "{{ 7 }} [#] ]]", "{% x %}",
)  # fmt: skip


def sheet(
    *rows: Row, language: str = "en", name: str = "Layla", logo: tuple[bytes, str] | None = None, legal: str = ""
) -> Sheet:
    return Sheet(
        brand=Brand("Nordwind", "#0f766e", logo, legal), language=language, rtl=language == "ar", title=Cell("Statement"),
        facts=[("Client", Cell(name))], columns=[Column("What"), Column("Amount", amount=True)], rows=rows,
        empty="Nothing.",
    )  # fmt: skip


def pages(data: bytes) -> list[Any]:
    return [page.get_textpage() for page in pypdfium2.PdfDocument(data)]


def text_of(data: bytes) -> str:
    return "\n".join(page.get_text_range() for page in pages(data)).replace("\r\n", "\n")


def test_no_text_is_a_command() -> None:
    data = render(sheet(*[Row((text, "1.00")) for text in HOSTILE], name=HOSTILE[0], legal=HOSTILE[1]))
    text = text_of(data)
    assert [text.count(one) for one in HOSTILE] == [2, 2, *[1] * (len(HOSTILE) - 2)]
    assert "root:" not in text


def test_a_layout_may_read_nothing_but_its_folder(tmp_path: Any, monkeypatch: Any) -> None:
    for asked in ('#read("/etc/passwd")', '#read("../../etc/passwd")', '#import "@preview/cetz:0.3.0": canvas'):
        (tmp_path / "sheet.typ").write_text(asked)
        monkeypatch.setattr(paper, "HERE", tmp_path)
        (tmp_path / "setter.py").write_bytes(SETTER)
        with pytest.raises(PaperFailed):
            render(sheet())


SETTER = (paper.HERE / "setter.py").read_bytes()


@pytest.mark.parametrize("most", ["CPU_SECONDS", "SECONDS", "MEMORY"])
def test_a_sheet_without_end_is_given_up(monkeypatch: Any, most: str) -> None:
    monkeypatch.setattr(paper, most, {"CPU_SECONDS": 1, "SECONDS": 0.05, "MEMORY": 200 << 20}[most])
    with pytest.raises(PaperFailed):
        render(sheet(*[Row((f"line {number}", "1.00")) for number in range(10_000)]))


def test_five_thousand_lines_take_seconds() -> None:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = spent()
    made = pages(render(sheet(*[Row((f"line {number}", f"{number}.00")) for number in range(5_000)])))
    assert spent() - before < 10, "seconds of CPU; two to five were measured"
    last = made[-1].get_text_range()
    assert f"{len(made)} / {len(made)}" in last
    assert "line 4999" in last
    assert all("What" in page.get_text_range() for page in made), "the head stands on every page"


def width_of(data: bytes, letters: str) -> float:
    """Points from the first to the last of these letters, wherever the page has them."""
    page = pages(data)[0]
    boxes = [page.get_charbox(n) for n in range(page.count_chars()) if page.get_text_range(n, 1) in letters]
    assert boxes, "the letters are in the text"
    return float(max(box[2] for box in boxes) - min(box[0] for box in boxes))


def font_names(data: bytes) -> set[str]:
    document = pypdfium2.PdfDocument(data)
    return {item.get_font().get_base_name() for item in document[0].get_objects(filter=[1])}


def built() -> None:
    """The fonts come with the front end; only a build machine may not do without."""
    if not font_folders():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the front end is not built: make assets")


def test_arabic_letters_join_and_their_font_is_in_the_file() -> None:
    built()
    joined, apart = (render(sheet(language="ar", name=name, legal="")) for name in ("بيت", "ب\u200cي\u200cت"))
    assert width_of(joined, "بيت") < 0.8 * width_of(apart, "بيت")
    assert any("Vazirmatn" in name for name in font_names(joined))


def test_text_is_read_in_its_order() -> None:
    data = render(sheet(Row(("ليلى حداد", "1.00")), Row(("INV-17", "2.00")), language="ar", name="ليلى Smith"))
    text = text_of(data)
    assert "ليلى Smith" in text
    assert text.index("ليلى حداد") < text.index("2.00")


def test_figures_keep_left_to_right_and_columns_follow_the_language() -> None:
    for language in ("de", "ar"):
        page = pages(render(sheet(Row(("x", "-4.59 QKZ")), language=language)))[0]
        places = {page.get_text_range(n, 1): page.get_charbox(n) for n in range(page.count_chars())}
        assert [places[char][0] for char in "-4.59QKZ"] == sorted(places[char][0] for char in "-4.59QKZ")
        assert (places["Z"][2] > 500) == (language == "de"), "the last column is at the end of the line"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_legal_line_runs_as_the_language_does(language: str) -> None:
    """Not as its first letter: a company's name is Latin in an Arabic sentence too."""
    page = pages(render(sheet(language=language, legal="Zed ش")))[0]
    left = {page.get_text_range(n, 1): page.get_charbox(n)[0] for n in range(page.count_chars())}
    latin, arabic = left["Z"], left["ش"]
    assert (latin > arabic) == (language == "ar")


def test_names_may_not_turn_what_follows() -> None:
    assert safe_text("a\u202eb\u2066c\u200fd\x00e\ud800f") == "abcdef"
    assert safe_text("two\nlines\tand\r\nmore") == "two lines and  more"
    assert safe_text("ليلى \u200cحداد") == "ليلى \u200cحداد"
    assert safe_text("x" * 70).split("\u200b") == ["x" * 32, "x" * 32, "x" * 6]
    assert [leans_right(text) for text in ("ليلى", "12 ليلى", "Layla ليلى", "2026-11", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_name_of_one_endless_word_stays_on_the_page() -> None:
    page = pages(render(sheet(Row(("W" * 400, "1.00")), name="W" * 400)))[0]
    rights = [page.get_charbox(n)[2] for n in range(page.count_chars())]
    assert max(rights) < 595


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_logo_is_on_the_paper(kind: str) -> None:
    import io

    from PIL import Image

    raw = io.BytesIO()
    Image.new("RGB", (64, 16), "#123456").save(raw, kind)
    data = render(sheet(logo=(raw.getvalue(), f"image/{kind.lower()}")))
    page = pypdfium2.PdfDocument(data)[0]
    assert len(list(page.get_objects(filter=[3]))) == 1


def test_a_picture_that_is_none_makes_no_paper(caplog: Any) -> None:
    with pytest.raises(PaperFailed):
        render(sheet(logo=(b"no picture", "image/png")))
    assert "Nothing." in text_of(render(sheet(logo=(b"<svg/>", "image/svg+xml"))))


def test_the_setter_inherits_nothing_of_ours(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("RIALTO_MASTER_KEY", "treasure")
    (tmp_path / "sheet.typ").write_text("")
    (tmp_path / "setter.py").write_text(
        "import os, sys, pathlib\npathlib.Path(sys.argv[1], 'sheet.pdf').write_text(repr(dict(os.environ)))"
    )
    monkeypatch.setattr(paper, "HERE", tmp_path)
    assert b"treasure" not in render(sheet())


def test_sums_span_the_columns_before_them() -> None:
    text = text_of(render(sheet(Row(("Opening balance", "0.00"), sum=True), Row(("Fee", "1.00")))))
    assert "Opening balance 0.00" in text
