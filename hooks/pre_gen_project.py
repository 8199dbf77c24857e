"""Refuse answers that cannot make a working project, before a file is written.

Every problem is told at once, one line each, with a value that would be accepted.
Cookiecutter then ends with status 1 and removes the directory that it had made.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import keyword
import os
import re
import sys
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

OLDEST_COOKIECUTTER = (2, 4)  # the first that runs the pre-prompt hook
LONGEST_NAME = 64
LONGEST_ADDRESS = 254  # RFC 5321
LONGEST_SUGGESTION = 200


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# What every project installs, directly or not: a project of that name would stand in
# for its own dependency. A test holds these three against a new project's environment.
DISTRIBUTIONS = words("""
    annotated-doc annotated-types anyio appnope ast-serialize asttokens attrs black
    build certifi cffi cfgv charset-normalizer click cloudpickle colorama comm contourpy
    coverage cycler debugpy detect-secrets distlib editables executing fastapi
    fastjsonschema filelock fonttools graphql-core h11 harfile hatchling httpcore2
    httpx2 httpx2-jsfetch hypothesis hypothesis-graphql identify idna iniconfig
    installer ipykernel ipython ipython-pygments-lexers jedi joblib jsonschema
    jsonschema-rs jsonschema-specifications jupyter-client jupyter-core kiwisolver librt
    markdown-it-py markupsafe matplotlib matplotlib-inline mdurl mypy mypy-extensions
    narwhals nbclient nbformat nbmake nbstripout nest-asyncio2 nodeenv numpy
    opentelemetry-api packaging pandas pandas-stubs parso pathspec pexpect pillow pip
    pip-tools platformdirs pluggy pre-commit pre-commit-hooks prompt-toolkit psutil
    ptyprocess pure-eval pyarrow pycparser pydantic pydantic-core pydantic-settings
    pygments pyparsing pyproject-hooks pyrate-limiter pytest pytest-cov python-dateutil
    python-discovery python-dotenv python-json-logger pytokens pyyaml pyzmq referencing
    requests rich rpds-py ruamel-yaml ruff schemathesis scikit-learn scipy setuptools
    shellingham sortedcontainers stack-data starlette threadpoolctl tokenize-rt tomlkit
    tornado traitlets trove-classifiers truststore typer typing-extensions
    typing-inspection tzdata urllib3 uvicorn virtualenv wcwidth werkzeug wheel
""")
# Import names, where they are not the distribution's with underscores.
MODULES = words("""
    attr blackd blib2to3 dateutil dotenv graphql ipykernel_launcher jupyter markdown_it
    mpl_toolkits mypyc opentelemetry pil piptools pkg_resources py pylab
    pythonjsonlogger rpds ruamel sklearn yaml zmq
""")
# Programs of the environment, and those that make runs: the project's own command,
# which has the name of the project, would stand in for them.
PROGRAMS = words("""
    activate awk blackd check-added-large-files check-ast check-builtin-literals
    check-case-conflict check-docstring-first check-executables-have-shebangs check-json
    check-merge-conflict check-shebang-scripts-are-executable check-symlinks check-toml
    check-vcs-permalinks check-xml check-yaml coverage3 deactivate debug-statement-hook
    debugpy-adapter destroyed-symlinks detect-aws-credentials detect-private-key
    detect-secrets-hook dmypy docker dotenv double-quote-string-fixer end-of-file-fixer
    f2py file-contents-sorter find fix-byte-order-marker forbid-new-submodules git gzip
    id identify-cli ipython3 jupyter jupyter-execute jupyter-kernel jupyter-kernelspec
    jupyter-lab jupyter-migrate jupyter-run jupyter-troubleshoot jupyter-trust ln make
    markdown-it mixed-line-ending mkdir mypyc name-tests-test no-commit-to-branch
    normalizer numpy-config pip-audit pip-compile pip-sync pip3 pipenv pipx poetry
    pre-commit-hooks-removed pretty-format-json pydoc pyenv pyftmerge pyftsubset
    pygmentize pyproject-build python python3 pythonw requirements-txt-fixer rm sed sh
    sort-simple-yaml st stubgen stubtest trailing-whitespace-fixer ttx twine uv uvx
""")
# Modules that only some of the Pythons on offer have, or that Python itself looks for.
OTHER_MODULES = words("""
    aifc annotationlib asynchat asyncore audioop cgi cgitb chunk compression crypt
    distutils imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev pipes profile
    profiling sitecustomize smtpd sndhdr spwd sre_compile sre_constants sre_parse sunau
    telnetlib usercustomize uu xdrlib
""")
# What stands beside the package: pytest, mypy or a reader would mix the two up.
NEIGHBOURS = words("""
    conftest scripts src test test_api test_cli test_commands_model
    test_commands_service test_config test_data test_evaluate test_features test_plots
    test_predict test_store test_train tests
""")

# Cookiecutter renders this file, so the marks must not stand in it.
TEMPLATE_MARKS = tuple("{" + second for second in ("{", "%", "#"))
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # controls, surrogates, line and paragraph ends
LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"  # of a domain name
ATOM = r"[a-z0-9!#$%&'*+/=?^_`|~-]+"  # of an address, RFC 5322
EMAIL = re.compile(rf"{ATOM}(\.{ATOM})*@{LABEL}(\.{LABEL})+", re.IGNORECASE | re.ASCII)
# Of the path, what no shell reads as anything else: the README shows `git clone` of it.
URL = re.compile(
    rf"https?://{LABEL}(\.{LABEL})*(:[0-9]+)?(/([\w.~@:+/-]|%[0-9a-f][0-9a-f])*)?",
    re.IGNORECASE | re.ASCII,
)


class Refusal(NamedTuple):
    """An answer that can't be accepted.

    Attributes:
        key: the variable in cookiecutter.json.
        answer: what was given.
        problem: what is wrong with it, as the rest of a sentence.
        accepted: what would be accepted instead.
    """

    key: str
    answer: str
    problem: str
    accepted: str

    def __str__(self) -> str:
        shown = repr(self.answer if len(self.answer) < 60 else f"{self.answer[:50]}…")
        if self.key.endswith("_url"):  # nobody's password goes into a log
            shown = re.sub(r"//[^/]*@", "//…@", shown)
        return f"{self.key} {shown} {self.problem}; try {self.accepted}"


# Names


def slug_problem(slug: str, reserved: Collection[str] = ()) -> str | None:
    """Return why a name can't be a directory, distribution, kernel and image name.

    Args:
        reserved: names that Windows keeps for devices.
    """
    if not slug:
        return "is empty"
    if len(slug) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        return "must be lower-case ASCII letters and digits, and single hyphens between"
    if slug in reserved:
        return "is a name that Windows reserves"
    if slug in DISTRIBUTIONS:
        return "is the name of a package that the project itself installs"
    if slug in PROGRAMS:
        return "is the name of a program that the project itself runs"
    return None


def slug_from(text: str, reserved: Collection[str] = ()) -> str:
    """Return an acceptable project slug that is close to the text."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")
    slug = slug[:LONGEST_NAME].strip("-") or "my-analysis"
    return f"{slug}-project" if slug_problem(slug, reserved) else slug


def package_problem(name: str, reserved: Collection[str] = ()) -> str | None:
    """Return why a name can't be the project's import package."""
    if not name:
        return "is empty"
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return "must be lower-case ASCII letters, digits and underscores after a letter"
    if keyword.iskeyword(name):
        return "is a Python keyword"
    if name in reserved:
        return "is a name that Windows reserves"
    if name in NEIGHBOURS:
        return "is the name of something else in the project"
    if name in sys.stdlib_module_names or name in OTHER_MODULES:
        return "would hide a module of the standard library"
    if hasattr(builtins, name):
        return "would hide what Python has built in"
    if name in MODULES or name.replace("_", "-") in DISTRIBUTIONS:
        return "would hide a package that the project itself installs"
    return None


def package_from(text: str, reserved: Collection[str] = ()) -> str:
    """Return an acceptable package name that is close to the text."""
    name = slug_from(text, reserved).replace("-", "_")
    name = name if name[0].isalpha() else f"project_{name}"[:LONGEST_NAME].strip("_")
    return f"{name}_project" if package_problem(name, reserved) else name


# Free text


def text_problem(text: str) -> str | None:
    """Return why a free text would not come back from the project as it went in."""
    if not text:
        return "is empty"
    if any(unicodedata.category(character) in UNPRINTABLE for character in text):
        return "holds a line break or control character"
    if any(mark in text for mark in TEMPLATE_MARKS):
        return "holds a template mark (a brace before another brace, % or #)"
    if text != text.strip():
        return "begins or ends with a blank"
    return None


def text_from(text: str, example: str) -> str:
    """Return the text without what is refused in it, the example if nothing is left."""
    text = re.sub("[{](?=[%#{])", "", text)
    printable = (" " if unicodedata.category(c) in UNPRINTABLE else c for c in text)
    text = re.sub(r"\s+", " ", "".join(printable))[:LONGEST_SUGGESTION].strip()
    return text or example


def author_problem(name: str) -> str | None:
    """Return why a name would not come back from the Author-email field."""
    return text_problem(name) or ("holds two blanks in a row" if "  " in name else None)


def title_problem(name: str) -> str | None:
    """Return why a text can't be the project's title."""
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if "/" in name or "\\" in name or name in (".", ".."):
        return "holds a path or a path separator"
    return text_problem(name)


def title_from(text: str, example: str) -> str:
    """Return an acceptable title that is close to the text."""
    title = text_from(re.sub(r"[/\\]", " ", text), example)[:LONGEST_NAME]
    return title.strip(" .") or example


def email_problem(address: str) -> str | None:
    """Return why a text is no e-mail address that can stand in a package's metadata."""
    if len(address) <= LONGEST_ADDRESS and EMAIL.fullmatch(address):
        return text_problem(address)
    return "is not an e-mail address"


def email_from(text: str, example: str) -> str:
    """Return the address that the text holds, the example if it holds none."""
    found = EMAIL.search(text[:LONGEST_ADDRESS])
    return found[0] if found and not email_problem(found[0]) else example


def url_problem(url: str) -> str | None:
    """Return why a text is no web address; an empty one says that there is none yet."""
    if not url or URL.fullmatch(url):
        return None
    return "is not a plain web address, without user, query and blanks"


def url_from(text: str, example: str) -> str:
    """Return the web address of a repository, also for what `git clone` takes."""
    rest = re.sub(r"^(\w+://)?([^/]*@)?", "", text.strip())
    url = "https://" + re.sub(r"^([^/:]+):(?![0-9])", r"\1/", rest)
    return example if url_problem(url) or len(url) > LONGEST_SUGGESTION else url


TEXTS = {
    "project_name": (title_problem, title_from, "My Analysis"),
    "description": (text_problem, text_from, "What the data say, and how we know."),
    "author_name": (author_problem, text_from, "Ada Lovelace"),
    "author_email": (email_problem, email_from, "ada@example.com"),
    "repository_url": (url_problem, url_from, "https://example.com/ada/my-analysis"),
    "package_index_url": (
        url_problem,
        url_from,
        "https://packages.example.com/simple/",
    ),
}


# All answers


def offered(answers: dict[str, Any]) -> dict[str, list[Any]]:
    """Return what each question offers that offers something, read from the template.

    Where the template lies is not said by cruft, nor said in full when the pre-prompt
    hook is left out; the choices have then been checked by nobody but cookiecutter.
    """
    context_file = Path(answers.get("_repo_dir", ""), "cookiecutter.json")
    if not context_file.is_absolute() or not context_file.is_file():
        return {}
    context = json.loads(context_file.read_text(encoding="utf-8"))
    return {
        key: value if isinstance(value, list) else [True, False]
        for key, value in context.items()
        if isinstance(value, (bool, list)) and not key.startswith("_")
    }


def refusals(answers: dict[str, Any]) -> list[Refusal]:
    """Return what is wrong with the answers.

    Args:
        answers: cookiecutter's context, in which the public variables are the answers.
    """
    reserved = answers.get("_windows_reserved", ())
    slug, package = str(answers["project_slug"]), str(answers["package_name"])
    near_slug = slug_from(slug or str(answers["project_name"]), reserved)
    near_package = package_from(package or near_slug, reserved)
    checked = [
        ("project_slug", slug_problem(slug, reserved), near_slug),
        ("package_name", package_problem(package, reserved), near_package),
    ]
    for key, (find_problem, near, example) in TEXTS.items():
        text = str(answers[key])
        checked.append((key, find_problem(text), near(text, example)))
    for key, choices in offered(answers).items():
        fits = answers[key] in choices
        accepted = " or ".join(map(str, choices))
        if choices == [True, False]:  # a text is what older versions leave it as
            accepted = "yes or no, with cookiecutter 2.7 or newer"
        checked.append((key, None if fits else "is not on offer", accepted))
    return [
        Refusal(key, str(answers[key]), problem, accepted)
        for key, problem, accepted in checked
        if problem
    ]


def stale(answers: dict[str, Any]) -> list[str]:
    """Return the private variables that were worked out from other answers.

    That happens where they are stored with the answers: in a replay file that somebody
    has edited, and in cruft's.
    """

    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"')

    identifiers = {"Proprietary": "LicenseRef-Proprietary"}
    license_name = answers["license"]
    expected = {
        "__project_dir": answers["project_slug"],
        "__spdx_license": identifiers.get(license_name, license_name),
        "__toml_description": escaped(answers["description"]),
        "__toml_author_name": escaped(answers["author_name"]),
    }
    return [key for key, value in expected.items() if answers.get(key, value) != value]


def complaints(answers: dict[str, Any]) -> list[str]:
    """Return one line for each problem, none if the answers make a project."""
    refused = [str(refusal) for refusal in refusals(answers)]
    return refused or [
        f"{name} belongs to other answers; try again without --replay-file, or with"
        " cruft's --refresh-private-variables"
        for name in stale(answers)
    ]


# What runs this


def cookiecutter_release() -> tuple[int, int] | None:
    """Return major and minor version of the cookiecutter that runs this, if found.

    importlib.metadata looks at the same names, but takes fifty times as long to import.
    """
    for directory in sys.path[1:]:  # the first is that of this file
        with contextlib.suppress(OSError):
            for name in os.listdir(directory):
                found = re.match(r"cookiecutter-(\d+)\.(\d+).*\.(dist|egg)-info", name)
                if found:
                    return int(found[1]), int(found[2])
    return None


def outdated(answers: dict[str, Any]) -> str | None:
    """Return what is too old here for the template, and how to get what is not."""
    client = "cruft" if "_commit" in answers else "cookiecutter"
    if sys.version_info < (3, 11):
        running = "{}.{}".format(*sys.version_info)
        return (
            f"{client} runs on Python {running} here, and this template needs 3.11 or"
            f" newer: pipx install --force --python 3.13 {client}"
        )
    release = cookiecutter_release()
    if release and release < OLDEST_COOKIECUTTER:
        running, oldest = ("{}.{}".format(*r) for r in (release, OLDEST_COOKIECUTTER))
        return (
            f"cookiecutter {running} runs here, and this template needs {oldest} or"
            f" newer: pipx install --force {client}"
        )
    return None


def main() -> int:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    problem = outdated(answers)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    found = complaints(answers)
    if found:
        print("These answers can't make a project:", file=sys.stderr)
        for line in found:
            print(f"  {line}", file=sys.stderr)
        return 1
    if os.listdir():
        # The post-generation hook takes the empty directory away again; to it, it says
        # that a project was here before and that only files are to be written.
        Path(".rendered-over").mkdir(exist_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
