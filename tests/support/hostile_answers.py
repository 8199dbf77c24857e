"""Names and texts that people type, and that break templates which are not careful."""

from __future__ import annotations

# Come back from the project as they went in: as description, and as the author's name.
TEXTS = {
    "quotes": 'The "best" of Ada\'s',
    "three quotes": "'''a''' and \"\"\"b\"\"\"",
    "a last quote": 'ends in "',
    "a last apostrophe": "ends in '",
    "backslashes": r"C:\new\table \\server\share \u0041 \x41 \N{DASH}",
    "a last backslash": "ends in \\",
    "a backslash and a quote": r"\" and \\" + '"',
    "a command": "$(touch owned) `touch owned` ; touch owned && touch owned | cat",
    "variables and formats": "$HOME ${HOME} $$ %PATH% ~ %s %(name)s {0} {} and { {",
    "closing template marks": "}} %} #}",
    "a comment": "# no heading, # no comment",
    "markup": "<script>alert('x')</script> & <b>bold</b> &amp; &#39; <!-- -->",
    "markdown": "*a* _b_ [c](d) ![e](f) | g | ~~h~~ > i",
    "YAML": "yes: no, - a, key: {a: [b, *c, &d]} !tag @at",
    "TOML": '"] [tool.black] line-length = 1',
    "mail": "Lovelace, Ada (countess) <other@example.org>; group: a, b;",
    "an encoded word": "=?utf-8?q?=41da?= =?utf-8?b?QWRh?=",
    "emoji": "🐧 👩🏽‍🔬 🇩🇪 ❤️",
    "other alphabets": "数据说了 データ מה הנתונים ماذا \u202eb\u202c \u2066d\u2069",
    "combining marks": "e\u0301 A\u030a Z̸̢̛a̷l̵g̶o ﬁ ﬀ Ａｄａ ①",
    "wide blanks inside": "a\u3000b\u00a0c",
    "no characters": "\ufeffa \ufffe \U0010ffff \ue000",
    "a merge mark": "<<<<<<< HEAD",
    "an answer of the shell": "-rf --help",
    "very long": "long " * 2000 + "end",
    "null": "null",
}

# Come back as description, and not as a name: a reader of Author-email joins blanks.
DESCRIPTIONS = {"two blanks": "a  b", "many blanks": "a" + 90 * " " + "b"}

# Cannot come back, or would be run: refused in every free text.
REFUSED_TEXTS = {
    "a line break": "a\nb",
    "a tabulator": "a\tb",
    "a last line break": "a\n",
    "NUL": "a\0b",
    "escape": "\x1b[31mred",
    "a line separator": "a\u2028b",
    "half a surrogate pair": "a\ud800b",
    "an expression": "{{ cookiecutter._repo_dir }}",
    "a statement": "{% include '/etc/passwd' %}",
    "a template comment": "a {# b #}",
    "a leading blank": " a",
    "a last blank": "a ",
    "blanks alone": "   ",
}

REFUSED_TITLES = {
    "a path": "reports/2026",
    "a path of Windows": "reports\\2026",
    "the directory above": "..",
    "too long": "x" * 65,
}

REFUSED_SLUGS = {
    "empty": "",
    "absolute": "/tmp/a-b",
    "a way out": "../x",
    "the directory": ".",
    "capitals": "My-Analysis",
    "an underscore": "my_analysis",
    "a blank": "my analysis",
    "a first hyphen": "-a",
    "two hyphens": "a--b",
    "a command": "$(touch owned)",
    "a Turkish i": "anal\u0131sis",
    "a last line break": "a\n",
    "a device": "con",
    "too long": "a" * 65,
    "a program of make": "git",
    "a program of the environment": "jupyter",
}

REFUSED_PACKAGES = {
    "empty": "",
    "a hyphen": "my-analysis",
    "a dot": "my.analysis",
    "a way out": "../x",
    "capitals": "My_analysis",
    "a first digit": "2a",
    "a first underscore": "_a",
    "accents": "análisis",
    "a last line break": "a\n",
    "a keyword": "class",
    "a module": "json",
    "make": "make",
    "tests": "tests",
    "the sources": "src",
    "a device": "nul",
    "too long": "a" * 65,
    "a module of a dependency": "sklearn",
}

EMAILS = (
    "ada@example.com",
    "ada.lovelace+analysis@mail.example.co.uk",
    "o'brien@example.org",
    "!#$%&'*+/=?^_`|~-@example.com",
    "a@xn--bcher-kva.example",
)

REFUSED_EMAILS = (
    "",
    "@example.com",
    "ada@localhost",
    "ada@-example.com",
    "a..b@example.com",
    "ada lovelace@example.com",
    "Ada <ada@example.com>",
    '"ada"@example.com',
    "adä@example.com",
    "\u212ada@example.com",  # the Kelvin sign, a capital k to a careless comparison
    "ada@example.com\nBcc: eve@example.com",
    "{{ada@example.com",
    "a" * 250 + "@example.com",
)

URLS = (
    "",
    "https://git.example.com:8443/ada/my-analysis.git",
    "http://localhost:3000/ada/x",
    "https://example.com/~ada/my_analysis/-/tree/v1.0+2",
    "https://example.com/caf%C3%A9",
    "HTTPS://EXAMPLE.COM/Ada",
)

REFUSED_URLS = (
    "example.com/ada/x",
    "file:///etc/passwd",
    "https://",
    "https://example..com/x",
    "https://example.com:port/x",
    "https://example.com/a b",
    'https://example.com/a"b',
    "https://example.com/$(touch owned)",
    "https://example.com/%zz",
    "https://example.com/?a=b",
    "https://example.com/{{a}}",
    "https://bücher.example/x",
    "https://ada:secret@example.com/ada/x",
    "git@example.com:ada/x.git",
)
