"""The links of the template's documents lead somewhere."""

from __future__ import annotations

import re

from conftest import ROOT


def test_every_page_is_linked_and_every_link_leads_to_a_file() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]
    linked = set()
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if not re.match(r"https?://|mailto:|#", target):
                path = (page.parent / target.partition("#")[0]).resolve()
                assert path.exists(), (page.name, target)
                linked.add(path)
    assert {page for page in pages if page.parent != ROOT} <= linked
