"""Names and texts that break templates which are not careful."""

from __future__ import annotations

# Accepted as descriptions and as names of authors, and stored unchanged.
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

# Stored unchanged as descriptions, but not as names: readers of Author-email join
# blanks.
DESCRIPTIONS = {"two blanks": "a  b", "many blanks": "a" + 90 * " " + "b"}

# Refused in every free text: they can't be stored unchanged, or could be executed.
REFUSED_TEXTS = (
    *("a\nb", "a\tb", "a\n", "a\0b", "\x1b[31mred", "a\u2028b"),
    "a\ud800b",  # half a surrogate pair
    *("{{ cookiecutter._repo_dir }}", "{% include '/etc/passwd' %}", "a {# b #}"),
    *(" a", "a ", "   "),
)
REFUSED_TITLES = ("reports/2026", "reports\\2026", "..", "x" * 65)
REFUSED_SLUGS = (
    *("", "my analysis", "a\n", "My-Analysis", "my_analysis", "-a", "a--b", "a" * 65),
    *("anal\u0131sis", "$(touch owned)"),  # a Turkish i, a command
    *("/tmp/a-b", "../x", ".", "con"),  # paths, a device
    *("git", "jupyter"),  # commands that make and the environment use
)
REFUSED_PACKAGES = (
    *("", "my-analysis", "my.analysis", "a\n", "My_analysis", "2a", "_a", "a" * 65),
    *("análisis", "class", "json", "make", "tests", "src", "../x", "nul"),
    "sklearn",  # a module of a dependency
)
REFUSED_EMAILS = (
    *("", "ada lovelace@example.com", "Ada <ada@example.com>", '"ada"@example.com'),
    *("@example.com", "ada@localhost", "ada@-example.com", "a..b@example.com"),
    *("{{ada@example.com", "adä@example.com", "a" * 250 + "@example.com"),
    "\u212ada@example.com",  # the Kelvin sign, which lower() turns into k
    "ada@example.com\nBcc: eve@example.com",
)
REFUSED_URLS = (
    *("example.com/ada/x", "file:///etc/passwd", "https://", "git@example.com:a/x.git"),
    *("https://example..com/x", "https://a.com:port/x", "https://bücher.example/x"),
    *("https://example.com/a b", 'https://example.com/a"b', "https://a.com/$(touch b)"),
    *("https://a.com/%zz", "https://a.com/?a=b", "https://a.com/{{a}}"),
    "https://ada:secret@example.com/ada/x",
)
EMAILS = (
    "ada@example.com",
    "ada.lovelace+analysis@mail.example.co.uk",
    "o'brien@example.org",
    "!#$%&'*+/=?^_`|~-@example.com",
    "a@xn--bcher-kva.example",
)
URLS = (
    "",
    "https://git.example.com:8443/ada/my-analysis.git",
    "http://localhost:3000/ada/x",
    "https://example.com/~ada/my_analysis/-/tree/v1.0+2",
    "https://example.com/caf%C3%A9",
    "HTTPS://EXAMPLE.COM/Ada",
)
