#!/usr/bin/env python3
"""Fails on a relative link, or an anchor, of a page that leads nowhere: every .md of the tree."""
import os
import re
import subprocess
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^()\s<>]+(?:\([^()\s]*\))?[^()\s<>]*)>?\)")


def prose(text):
    """Without what is code: there `[a](b)` is no link."""
    text = re.sub(r"^(```|~~~).*?^\1`*$", "", text, flags=re.M | re.S)
    return re.sub(r"(`+)(?:(?!\1).)+?\1", "", text, flags=re.S)


def anchors(path):
    """The names that the headings of a page have, as code hosts make them."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^(```|~~~).*?^\1`*$", "", file.read(), flags=re.M | re.S)
    names, seen = set(re.findall(r'<a (?:id|name)="([^"]+)"', text)), {}
    for heading in re.findall(r"^#{1,6} +(.*?) *#*$", text, re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        times = seen[name] = seen.get(name, -1) + 1
        names.add(f"{name}-{times}" if times else name)
    return names


def faults(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        text = prose(file.read())
    for link in LINK.findall(text):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(ROOT, os.path.dirname(page), urllib.parse.unquote(path))) if path \
            else os.path.join(ROOT, page)
        if not os.path.exists(target):
            yield f"{page}: {link}: there is no such file"
        elif anchor and target.endswith(".md") and anchor not in anchors(target):
            yield f"{page}: {link}: {os.path.relpath(target, ROOT)} has no such heading"


def main():
    pages = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    found = [fault for page in sorted(pages) if os.path.exists(os.path.join(ROOT, page)) for fault in faults(page)]
    print("\n".join(found) if found else f"links: {len(pages)} pages, each link leads somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
