# SPDX-License-Identifier: MIT OR Apache-2.0
"""The code blocks of the documents, and what is to be done with each.

Every block is fenced, and its info string says what the test does with it:

    text                 nothing: a drawing, or what a program prints
    sh run               each command is typed into a shell, in order; all must succeed
    sh make              each line is `make TARGET`; the target exists, and `make demo` and `make dist` are run
    console run          lines that begin with `$ ` are typed, the others are what is printed; `…` stands for any text in a
                         line, and for any number of lines where it is alone. A command that prints nothing must succeed
    c file=NAME          saved as NAME in the folder where the shell is; compiles as C99 and as C++17 without a warning,
                         against the installed headers (of Link Kit, or of the platform that `platform=` names)
    cmake, python file=NAME   saved as NAME; what is typed afterwards uses it

`needs=PROGRAM` behind `run` leaves the block out on a machine without that program. Anything else is an error, so that no
block escapes.
"""

import glob
import os
import re

# (An unpacked source package, when OTAKIT_DOCS_ROOT names one.)
PACKAGE = os.environ.get("OTAKIT_DOCS_ROOT")
ROOT = PACKAGE or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREATMENTS = {"text": {None}, "sh": {"run", "make"}, "console": {"run"}, "c": {"file"}, "cmake": {"file"},
              "python": {"file"}}


def found(*patterns):
    out = [path for pattern in patterns for path in glob.glob(os.path.join(ROOT, pattern), recursive=True)]
    return sorted(os.path.relpath(path, ROOT) for path in out)


def documents():
    """Paths below ROOT; README first, since the others may use what it installs. Translations are not among them: their code
    blocks are those of the English pages, and need not be run twice."""
    if PACKAGE:
        return [path for path in found("**/*.md") if not path.startswith("vendor/") and path not in translations()]
    rest = [path for path in found("docs/**/*.md") if path not in translations()]
    return ["README.md", "cloud/README.md", "python/README.md", "CONTRIBUTING.md", *rest]


def translations():
    """Pages in Chinese; tests/docs/translations.py compares each with the English one."""
    return found("*.zh-CN.md", "*/*.zh-CN.md", "docs/**/*.zh-CN.md", "docs/zh-CN/**/*.md")


def read(document):
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        return file.read()


class Block:
    """One fenced block: `lines`, the `line` it begins at, `language`, `treatment` and the options behind it."""

    def __init__(self, document, line, info):
        self.document, self.line, self.lines = document, line, []
        words = info.split()
        self.language = words[0] if words else ""
        self.options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        bare = [word for word in words[1:] if "=" not in word]
        self.treatment = bare[0] if bare else "file" if "file" in self.options else None
        self.unknown = len(bare) > 1 or self.treatment not in TREATMENTS.get(self.language, set())
        self.unknown = self.unknown or bool(set(self.options) - {"file", "needs", "platform"})

    def __str__(self):
        return f"{self.document}:{self.line}"


def blocks(document):
    """(blocks, complaints) of a document."""
    found, wrong, block, blank, in_list = [], [], None, True, False
    for number, line in enumerate(read(document).split("\n"), 1):
        fence = re.match(r"( *)(```+|~~~+)(.*)", line)
        if block is not None:
            if fence and not fence[3].strip() and fence[2].startswith(block.fence):
                found.append(block)
                block = None
            else:
                block.lines.append(line.removeprefix(block.indent))
        elif fence:
            block = Block(document, number, fence[3])
            block.indent, block.fence = fence[1], fence[2]
            if block.unknown:
                wrong.append(f"{block}: the test does not know what to do with '{fence[3].strip()}'; "
                             "tests/docs/blocks.py lists the choices")
        else:
            if line.strip() and not line.startswith(" "):
                in_list = bool(re.match(r"([-*+]|\d+\.) ", line))
            if blank and not in_list and line.startswith("    ") and line.strip():
                wrong.append(f"{document}:{number}: an indented code block; fence it, so that it is tested")
            blank = not line.strip()
    if block is not None:
        wrong.append(f"{block}: the fence is not closed")
    return found, wrong


def commands(block):
    """[(command, expected lines or None)] of a `run` block."""
    out = []
    if block.language == "sh":
        pending = []
        for line in block.lines:
            if not pending and (not line.strip() or line.lstrip().startswith("#")):
                continue
            pending.append(line)
            if not line.endswith("\\"):
                out.append(("\n".join(pending), None))
                pending = []
        return out + ([("\n".join(pending), None)] if pending else [])
    for line in block.lines:
        if line.startswith("$ "):
            out.append((line[2:], []))
        elif line.startswith("> ") and out and not out[-1][1]:
            out[-1] = (out[-1][0] + "\n" + line[2:], [])
        elif out:
            out[-1][1].append(line.rstrip())
    return out


def pattern(expected):
    """What the printed lines have to match as a whole."""
    parts = []
    for line in expected:
        if line == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*?".join(re.escape(piece) for piece in line.split("…")) + r"\n")
    return re.compile("".join(parts))
