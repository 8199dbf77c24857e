"""The files and commands that the documents name exist."""

from __future__ import annotations

import re

from support.project import ROOT, Bake, default_context

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def test_every_page_is_linked_and_every_link_leads_to_a_file() -> None:
    linked = set()
    for page in PAGES:
        text = CODE.sub("", page.read_text("utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"https?://|mailto:|#", target):
                path = (page.parent / target.partition("#")[0]).resolve()
                assert path.exists(), (page.name, target)
                linked.add(path)
    assert {page for page in PAGES if page.parent != ROOT} <= linked


def test_every_link_to_a_heading_leads_to_one() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^):\s]*#[^)\s]+)\)", page.read_text("utf-8")):
            name, _, anchor = target.partition("#")
            text = (page.parent / name if name else page).read_text("utf-8")
            headings = re.findall(r"^#+ (.+)$", CODE.sub("", text), re.MULTILINE)
            plain = [re.sub(r"[^\w -]", "", each.lower()) for each in headings]
            assert anchor in [each.replace(" ", "-") for each in plain], target


def test_every_make_command_in_the_documents_exists(bake: Bake) -> None:
    addons = ",".join(default_context()["_addons"])
    project = bake(starter="service", docker=True, ci="gitlab", addons=addons)
    makefiles = [
        ROOT / "Makefile",
        project / "Makefile",
        project / "make/containers.mk",
    ]
    text = "\n".join(path.read_text("utf-8") for path in makefiles)
    targets = {*re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE)}
    for page in PAGES:
        if page.name != "CHANGELOG.md":  # also names commands that were removed
            code = "\n".join(CODE.findall(page.read_text("utf-8")))
            commands = re.findall(r"(?:^|[`&\"] ?)make((?: [a-z][a-z-]*)+)", code, re.M)
            words = {word for command in commands for word in command.split()}
            assert words <= targets, (page.name, words - targets)
