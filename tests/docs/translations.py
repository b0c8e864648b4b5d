# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares a page with its Chinese translation: everything that is not language has to be the same.

Headings by number and level; in each section the number of paragraphs, the code blocks byte for byte, the names in `code`, the
numbers, the links and the tables, these cell by cell. A table that a program writes is on the English page alone: left out here.
"""

import os
import re

from blocks import ROOT, read

# Pages that users read: English, Chinese.
TRANSLATED = {
    "README.md": "README.zh-CN.md",
    "cloud/README.md": "cloud/README.zh-CN.md",
    "python/README.md": "python/README.zh-CN.md",
    "docs/DELTA.md": "docs/zh-CN/DELTA.md",
    "docs/OFFLINE.md": "docs/zh-CN/OFFLINE.md",
    "docs/SECURITY.md": "docs/zh-CN/SECURITY.md",
    "docs/TROUBLESHOOTING.md": "docs/zh-CN/TROUBLESHOOTING.md",
}
ENGLISH = {chinese: english for english, chinese in TRANSLATED.items()}
WRITTEN = re.compile(r"<!-- (\w+) begin -->.*?<!-- \1 end -->", re.S)
MARKER = re.compile(r"<!--\s*\w+:? (?:begin|end)\b")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:[.,]\d+)*(?![A-Za-z0-9_])")


def anchor(heading):
    """The anchor that a heading gets on the web."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


class Section:
    """A heading and what is below it, up to the next heading."""

    def __init__(self, line, heading):
        self.line, self.heading = line, heading
        self.level = len(heading) - len(heading.lstrip("#"))
        self.blocks, self.tables, self.text = [], [], [heading]

    def parts(self):
        """How many paragraphs and list items there are."""
        text = re.sub(r"<!--.*?-->", "", "\n".join(self.text[1:]), flags=re.S)
        return len([part for part in re.split(r"\n\s*\n|\n(?=[-*+] )", text) if part.strip()])


def sections(document):
    # What is left out keeps its lines, so that complaints name the right ones.
    text = WRITTEN.sub(lambda hit: "\n" * hit[0].count("\n"), read(document))
    out, fence, in_table = [Section(1, "")], None, False
    for number, line in enumerate(text.split("\n"), 1):
        now = out[-1]
        if fence is not None:
            now.blocks[-1][1].append(line)
            if line.startswith(fence) and not line.strip("`~"):
                fence = None
            continue
        opening = re.match(r" *(```+|~~~+)", line)
        if opening:
            fence = opening[0]
            now.blocks.append((number, [line]))
        elif line.startswith("#"):
            out.append(Section(number, line))
        elif line.startswith("|"):
            if not in_table:
                now.tables.append([])
            now.tables[-1].append((number, re.split(r"(?<!\\)\|", line)[1:-1]))
        else:
            now.text.append(line)
        in_table = line.startswith("|")
    return out


def names(text):
    """What stands in `code`; the names of translated pages as those of the English ones."""
    found = {re.sub(r"\s+", " ", hit[2]).strip() for part in text.split("\n\n") for hit in CODE.finditer(part)}
    return {ENGLISH.get(name, name) for name in found}


def numbers(text):
    return set(NUMBER.findall(LINK.sub("]", CODE.sub(" ", text))))


def links(document, text, to_chinese):
    """Where links lead, from the top of the sources; links between a page and its translation are left out."""
    out = set()
    for target in LINK.findall(text):
        path, _, place = target.partition("#")
        if "://" in path:
            out.add(target)
            continue
        path = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
        if {path, document} in ({english, chinese} for english, chinese in TRANSLATED.items()):
            continue
        if to_chinese and path in TRANSLATED:
            if place:
                found = [at for at, section in enumerate(sections(path)) if anchor(section.heading) == place]
                there = sections(TRANSLATED[path])
                place = anchor(there[found[0]].heading) if found and found[0] < len(there) else place
            path = TRANSLATED[path]
        out.add(f"{path}#{place}" if place else path)
    return out


def differ(where, what, english, chinese):
    for name in sorted(english - chinese):
        yield f"{where}: {what} '{name}' of the English page is missing"
    for name in sorted(chinese - english):
        yield f"{where}: {what} '{name}' is not on the English page"


def compare_text(where, english, chinese, ours, theirs):
    yield from differ(where, "the name", names(ours), names(theirs))
    yield from differ(where, "the number", numbers(ours), numbers(theirs))
    yield from differ(where, "the link to", links(english, ours, True), links(chinese, theirs, False))


def compare_tables(english, chinese, ours, theirs):
    if len(ours.tables) != len(theirs.tables):
        yield f"{chinese}:{theirs.line}: {len(theirs.tables)} tables, {len(ours.tables)} on the English page"
        return
    for table, other in zip(ours.tables, theirs.tables):
        if len(table) != len(other):
            yield f"{chinese}:{other[0][0]}: a table of {len(other)} lines, {len(table)} on the English page"
            continue
        for (_, cells), (number, others) in zip(table, other):
            if len(cells) != len(others):
                yield f"{chinese}:{number}: {len(others)} cells, {len(cells)} on the English page"
            for cell, translated in zip(cells, others):
                yield from compare_text(f"{chinese}:{number}", english, chinese, cell, translated)
                if bool(cell.strip()) != bool(translated.strip()):
                    yield f"{chinese}:{number}: a cell is empty on one of the two pages"


def compare(english, chinese):
    """Complaints about one pair."""
    for document, other in ((english, chinese), (chinese, english)):
        target = os.path.relpath(other, os.path.dirname(document) or ".")
        if f"]({target})" not in "\n".join(read(document).split("\n")[:6]):
            yield f"{document}: no link to {target} on top"
    for hit in MARKER.findall(read(chinese)):
        yield f"{chinese}: '{hit}': a table that a program writes belongs on the English page alone"
    pair = sections(english), sections(chinese)
    for ours, theirs in zip(*pair):
        if ours.level != theirs.level:
            yield f"{chinese}:{theirs.line}: the heading '{theirs.heading}' is not that of {english}:{ours.line}, '{ours.heading}'"
            return
    if len(pair[0]) != len(pair[1]):
        yield f"{chinese}: {len(pair[1]) - 1} headings, {len(pair[0]) - 1} on the English page"
        return
    for ours, theirs in zip(*pair):
        for (line, block), (number, other) in zip(ours.blocks, theirs.blocks):
            if block != other:
                yield f"{chinese}:{number}: the code block is not that of {english}:{line}"
        if len(ours.blocks) != len(theirs.blocks):
            yield f"{chinese}:{theirs.line}: {len(theirs.blocks)} code blocks, {len(ours.blocks)} on the English page"
        yield from compare_text(f"{chinese}:{theirs.line}", english, chinese, "\n".join(ours.text), "\n".join(theirs.text))
        yield from compare_tables(english, chinese, ours, theirs)
        if ours.parts() != theirs.parts():
            yield f"{chinese}:{theirs.line}: {theirs.parts()} paragraphs and list items, {ours.parts()} on the English page"


def there_is(document):
    return os.path.exists(os.path.join(ROOT, document))


# -- the typography of Chinese

HAN = r"[\u3400-\u9fff]"
WIDE = r"[，。：；？！、（）“”《》]"
STYLE = [
    (rf"{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}", "a space belongs between Chinese and Latin letters or digits"),
    (rf"{HAN} ?[,:;?!()]|[,:;?!()] ?{HAN}", "punctuation beside Chinese is full width"),
    (rf"{WIDE} | {WIDE}", "no space beside full-width punctuation"),
    (rf"{HAN} {HAN}", "no space between Chinese characters"),
    (r"登陆|帐号|阀值|你|的的|。。|，，", "a misprint, or not the usual word"),
]


def style(document):
    """Complaints about spaces, punctuation and misprints in Chinese prose."""
    fenced, before = False, ""
    for number, line in enumerate(read(document).split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced, before = not fenced, ""
            continue
        if fenced:
            continue
        # What is in `code` counts as Latin; of a link only the text is read.
        plain = LINK.sub("", CODE.sub("x", line)).replace("[", "").replace("]", "").replace("*", "")
        for piece in re.split(r"(?<!\\)\|", re.sub(r"^([-*+]|#+) ", "", plain)):
            for wrong, why in STYLE:
                for hit in re.finditer(wrong, piece.strip()):
                    yield f"{document}:{number}: '{piece.strip()[max(0, hit.start() - 6):hit.end() + 6]}': {why}"
        if before and re.match(rf"({HAN}|{WIDE}|[`\w\[])", line) and re.search(rf"({HAN}|{WIDE})$", before):
            yield f"{document}:{number}: one line for each paragraph: a line break is shown as a space"
        before = line
