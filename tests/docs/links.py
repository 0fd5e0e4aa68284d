#!/usr/bin/env python3
"""Every relative link in every Markdown file leads to a file that is there, every anchor to a heading,
and a link like [`name`](file.rs) to a file in which that name stands. Every example of a message is
linked from docs/protocol.md. Needs git: only files that are committed or about to be count."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
PICTURE = re.compile(r"<img [^>]*src=\"([^\"]+)\"")
NAMED = re.compile(r"\[`(\w+)`\]\(([^()\s#]+\.(?:rs|py|ts|tsx|mjs|sh))\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def main():
    pages = [ROOT / line for line in tracked("*.md")]
    faults = [fault for page in pages for fault in faults_of(page)]
    examples = (ROOT / "signaling/examples").glob("*.json")
    linked = set(links(ROOT / "docs/protocol.md"))
    faults += [f"docs/protocol.md does not link {e.name}" for e in examples if f"../signaling/examples/{e.name}" not in linked]
    for fault in faults:
        print(fault)
    count = sum(len(links(page)) for page in pages)
    print(f"{count} links in {len(pages)} pages, {len(faults)} broken")
    sys.exit(bool(faults) or not pages)


def tracked(pattern):
    """Files that git knows or would add."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in dict.fromkeys(names) if (ROOT / name).exists()]


def links(page):
    text = page.read_text(encoding="utf-8")
    prose = CODE.sub("", FENCE.sub("", text))
    return LINK.findall(prose) + PICTURE.findall(prose)


def faults_of(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        where = f"{page.relative_to(ROOT)}: {link}"
        if ROOT not in (target, *target.parents):
            yield f"{where} leads out of the repository"
        elif not target.exists():
            yield f"{where} leads nowhere"
        elif anchor and anchor not in anchors(target):
            yield f"{where}: no such heading"
    for name, path in NAMED.findall(page.read_text(encoding="utf-8")):
        target = page.parent / path
        if target.exists() and not re.search(rf"\b{name}\b", target.read_text(encoding="utf-8")):
            yield f"{page.relative_to(ROOT)}: {path} has no {name}"


def anchors(page):
    """The anchors that a Markdown page's headings get."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    main()
