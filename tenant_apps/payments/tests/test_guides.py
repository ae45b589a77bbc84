"""Each provider's guide is a page of the office, for who may see providers, and nothing in it becomes markup."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from kernel import navigation
from kernel.ui.guides import rendered
from tenant_apps.payments import guides, registry

from .support import make_account
from .test_pages import officer


@pytest.mark.parametrize("kind", sorted(registry.BUILT_IN))
def test_every_provider_of_ours_has_a_guide_that_its_form_links_to(tenant: Any, kind: str) -> None:
    web = officer(tenant, "payments.provider.edit")
    place = f"/payments/providers/guides/{kind}/"
    assert f'href="{place}"' in web.get(f"/payments/providers/new/{kind}/").content.decode()
    assert f'href="{place}"' in web.get(f"/payments/providers/{make_account(kind).pk}/").content.decode()
    body = web.get(place).content.decode()
    assert body.count("<h1") == 1
    assert body.count("<li>") > 3
    shown = re.sub(r"(?s).*<article[^>]*>|</article>.*|<(pre|code)\b.*?</\1>", "", body)
    assert not re.search(r"\*\*|`|^\||^#", shown, re.MULTILINE), "left as it was typed"


@pytest.mark.parametrize("kind", sorted(registry.BUILT_IN))
def test_a_guide_is_for_the_broker_and_names_menus_that_are_there(kind: str) -> None:
    text = guides.guide_of(kind) or ""
    for ours in (
        "python -m",
        "make demo",
        "sandbox.",
        "OUTGOING_ALLOWED_HOSTS",
        "tenant_apps",
        "adapter",
        "`ports",
        "docs/",
    ):
        assert ours not in text.replace("app.sandbox.cryptoprocessing.com", "").replace("sandbox.dlocal.com", "")
    assert not re.search(r"(Office|Payments|Settings),? ?[›→]? ?(Payment )?[Pp]roviders", text)
    places = re.findall(r"Money › ([\w ]+) › ([\w ]+)", " ".join(text.split()))
    named = {(group.label, item.label) for group in navigation._groups.values() for item in navigation._entries
             if (group.surface, group.key) == (item.surface, item.group)}  # fmt: skip
    with translation.override("en"):
        assert {(a, b) for a, b in places} <= {(str(a), str(b)) for a, b in named}


def test_guides_are_for_those_who_may_see_providers(tenant: Any) -> None:
    assert officer(tenant, "payments.view").get("/payments/providers/guides/stripe/").status_code == 403
    for unknown in ("nobody", "..", "%2e%2e%2fadapter-guide", "stripe.md"):
        assert (
            officer(tenant, "payments.provider.edit").get(f"/payments/providers/guides/{unknown}/").status_code == 404
        )


def test_a_packages_own_guide_lies_beside_its_adapter(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "zebra_adapter.py").write_text("class Zebra:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import zebra_adapter  # type: ignore[import-not-found]

    monkeypatch.setattr(registry, "adapters", lambda: {"zebra": zebra_adapter.Zebra})
    assert guides.guide_of("zebra") is None
    (tmp_path / "guide.md").write_text("# Zebra")
    assert guides.guide_of("zebra") == "# Zebra"
    assert guides.guide_of("stripe") is None  # not installed there


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A\n## B", "<h2>A</h2>\n<h3>B</h3>"),
        ("one\ntwo", "<p>one two</p>"),
        ("- a\n  b\n- **c**", "<ul><li>a b</li><li><strong>c</strong></li></ul>"),
        ("1. a\n2. `b*c*`", "<ol><li>a</li><li><code>b*c*</code></li></ol>"),
        ("    a <b>", '<pre tabindex="0"><code>a &lt;b&gt;</code></pre>'),
        ("*x* 2*3*4", "<p><em>x</em> 2*3*4</p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
        ("# <img src=x>", "<h2>&lt;img src=x&gt;</h2>"),
        ("`<i>`", "<p><code>&lt;i&gt;</code></p>"),
        ("[a](javascript:x)", "<p>[a](javascript:x)</p>"),
    ],
)
def test_markdown_of_ours_and_no_html(text: str, html: str) -> None:
    assert rendered(text) == html


def test_a_table_escapes_its_cells() -> None:
    html = rendered("| a | b |\n|---|---|\n| <u> | `c` |")
    assert '<th scope="col">a</th>' in html
    assert "<td>&lt;u&gt;</td><td><code>c</code></td>" in html
