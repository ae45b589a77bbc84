"""What the extractor of messages reads out of templates."""

from __future__ import annotations

from pathlib import Path

from kernel import messages


def test_a_templates_indentation_is_its_own(tmp_path: Path) -> None:
    page = tmp_path / "tenant_apps" / "page.html"
    page.parent.mkdir()
    page.write_text(
        '<ul>\n  <li>\n    {% translate "One" context "page" %}\n    <a>{% translate "Two" context "page" %}</a>\n  </li>\n</ul>\n'
    )
    assert sorted(str(message.id) for message in messages.extract(tmp_path) if message.id) == ["One", "Two"]
