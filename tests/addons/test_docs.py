"""The add-on docs: the site, its errors, and how it is published."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.machine import Machine
from support.project import Bake, Project, follow_schema, run
from support.service import running

pytestmark = [pytest.mark.slow, pytest.mark.ci]
Copy = Callable[[Project], Project]
WRONG_DOCSTRING = '''

def half(value: float) -> float:
    """Return a half.

    Args:
        other: there is no such parameter.
    """
    return value / 2
'''


@pytest.fixture(scope="module")
def made(shared_machine: Machine) -> Project:
    """A project with the add-on and its site."""
    shared_machine.cookiecutter(
        starter="analysis",
        sample=True,
        addons="docs",
        project_slug="site-test",
        environment_manager="uv",
    )
    project = shared_machine.project("site-test")
    project.make("docs")
    return project


@pytest.fixture
def project(made: Project) -> Project:
    """A copy of the committed project without notebooks, which are slow."""
    made.git("checkout", "--quiet", "--", ".")
    made.git("clean", "--quiet", "--force")
    for notebook in (made / "notebooks").glob("*.ipynb"):
        notebook.unlink()
    return made


def test_the_site_has_the_readme_the_reference_and_notebooks_with_outputs(
    made: Project,
) -> None:
    assert "make install" in made.text("site/index.html")
    assert 'id="site_test.plots"' in made.text("site/reference/index.html")
    assert "site_test.data.clean" in made.text("site/search.json")
    assert "<table" in made.text("site/notebooks/01-explore/index.html")
    assert [*(made / "site/notebooks").glob("01-explore_files/*.png")]
    assert (made / "site/LICENSE").exists()
    assert made.git("status", "--short") == ""


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("docs/page.md", "[broken](nowhere.md)", "page does not exist"),
        ("docs/page.md", "[broken](reference.md#nothing)", "anchor does not exist"),
        ("docs/page.md", "::: site_test.nothing", "site_test.nothing"),
        ("src/site_test/half.py", WRONG_DOCSTRING, "The docstrings above"),
    ],
)
def test_a_mistake_is_an_error(
    project: Project, name: str, text: str, problem: str
) -> None:
    project.write(name, text)
    done = project.make("docs", check=False)
    assert done.returncode != 0
    assert problem in done.stdout


def test_a_first_page_of_one_s_own_is_kept(project: Project) -> None:
    project.write("docs/index.md", "# Ours\n")
    project.git("add", "--force", "docs/index.md")
    project.make("docs")
    assert project.text("docs/index.md") == "# Ours\n"
    assert "Ours" in project.text("site/index.html")
    project.git("reset", "--quiet")
    (project / "docs/index.md").unlink()


def test_the_site_is_served(project: Project) -> None:
    serve = ("make", "docs-serve", "ARGS=--dev-addr 127.0.0.1:{port}")
    with running(project, *serve, ready="/reference/"):
        pass


@pytest.mark.parametrize(
    ("starter", "sample"), [("notebook", True), ("service", True), ("service", False)]
)
def test_the_reference_of_the_smallest_and_largest_starter_has_no_warning(
    starter: str, sample: bool, bake: Bake, copy: Copy, made: Project
) -> None:
    project = copy(bake(starter=starter, sample=sample, addons="docs"))
    python = made.bin / "python"
    build = (python, "-m", "zensical", "build", "--strict")
    done = run(*build, cwd=project.path, env=made.env)
    assert "griffe" not in done.stdout
    assert "my_analysis.config" in project.text("site/reference/index.html")


def test_the_site_is_published_with_few_rights(bake: Bake) -> None:
    on_github = bake(addons="docs", ci="github") / ".github/workflows/docs.yml"
    follow_schema("github-workflows", on_github)
    assert "No findings" in run("zizmor", "--offline", on_github).stdout
    follow_schema("gitlab-ci", bake(addons="docs", ci="gitlab") / ".gitlab-ci.yml")
