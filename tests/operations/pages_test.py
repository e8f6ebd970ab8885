#!/usr/bin/env python3
"""Every `prismatic` command in the docs exists, with its flags; every link leads somewhere; and both checks can fail.

usage: pages_test.py [--bin DIR] [unittest arguments]
"""
import functools
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "chaos"),
                os.path.join(ROOT, "scripts/lib")]
import check_links  # noqa: E402
import hosts  # noqa: E402

# A command as it is typed: at the beginning of a line or of a command of shell (elsewhere it may be a release's name, or a
# folder's), up to where the next one begins.
TYPED = re.compile(r"(?:^|[;|&(`!]|\$ |\bdo |\bthen )[ \t]*(?:[A-Z_]+=\S+ )*(?:[\w./$]*bin/)?prismatic ((?:\\\n|[^\n;|`)&])*)",
                   re.M)
# Words that stand for something, and sentences in code.
NO_COMMAND = {"COMMAND", "help"}


def pages():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "docs/**/*.md", "docs/*.md", "README.md"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [page for page in listed if os.path.exists(os.path.join(ROOT, page))]


def code(text):
    """What is set as code: fenced blocks and spans."""
    blocks = [found[1] for found in re.findall(r"^(```)[^\n]*\n(.*?)^```$", text, re.M | re.S)]
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    return blocks + spans


def commands(text):
    """[words] of each prismatic command."""
    for piece in code(text):
        for typed in TYPED.findall(piece):
            words = re.sub(r"\s#.*", "", typed.replace("\\\n", " ").replace("\\", "")).split()
            if words and re.fullmatch(r"-{0,2}[a-z][a-z-]*", words[0]) and words[0] not in NO_COMMAND:
                yield words


@functools.lru_cache(None)
def help_of(*words):
    """The flags of a command; None where there is none."""
    done = subprocess.run([os.path.join(hosts.BIN, "prismatic"), *words, "--help"], capture_output=True, text=True,
                          check=False, env=hosts.clean_environment())
    return set(re.findall(r"(?:^|[\s`])(--?[a-z][a-z-]*)", done.stdout)) if done.returncode == 0 else None


@functools.lru_cache(None)
def known():
    told = subprocess.run([os.path.join(hosts.BIN, "prismatic"), "--help"], capture_output=True, text=True, check=True).stdout
    listed = told.partition("commands:\n")[2].partition("\n\n")[0]
    names = [re.match(r"  ([a-z-]+(?: [a-z-]+)?)", line)[1] for line in listed.splitlines()]
    return {tuple(name.split()) for name in names}


def fault(words):
    """What is wrong with a command; None when nothing is."""
    if words[0].startswith("-"):
        return None if words[0] in ("--help", "--version", "-h") else f"{words[0]} of no command"
    name = tuple(words[:2]) if tuple(words[:2]) in known() else tuple(words[:1])
    is_group = len(words) == 1 or words[1].startswith("-")
    if name not in known() and not (is_group and any(each[0] == words[0] for each in known())):
        return f"there is no `prismatic {' '.join(words[:2])}`"
    flags = {re.sub(r"=.*", "", word.strip("[]'\"")) for word in words[len(name):] if re.match(r"\[?--[a-z]", word)}
    unknown = flags - help_of(*name) - {"--help"}
    return f"`prismatic {' '.join(name)}` has no {' '.join(sorted(unknown))}" if unknown else None


class PagesTest(unittest.TestCase):
    def test_every_command_of_the_docs_exists_with_its_flags(self):
        found, number = [], 0
        for page in pages():
            with open(os.path.join(ROOT, page), encoding="utf-8") as file:
                for words in commands(file.read()):
                    number += 1
                    if fault(words):
                        found.append(f"{page}: {fault(words)}: {' '.join(words)}")
        print(f"{number} commands", flush=True)
        self.assertGreater(number, 150)
        self.assertEqual("\n".join(found), "")

    def test_a_command_that_does_not_exist_is_found(self):
        for text, said in (("`prismatic ledger prove --account a`", "no `prismatic ledger prove"),
                           ("```\n$ build/bin/prismatic account show a --wallet 3\n```", "has no --wallet"),
                           ("```sh\nx=$(prismatic providers list)\n```", "no `prismatic providers list")):
            told = [fault(words) for words in commands(text)]
            self.assertEqual(len(told), 1, text)
            self.assertIn(said, told[0])
        self.assertEqual([fault(words) for words in commands("```\nprismatic account top-up a --usd 3 --request-id i\n```")], [None])

    def test_a_link_that_leads_nowhere_is_found(self):
        with tempfile.NamedTemporaryFile("w", suffix=".md", dir=ROOT, encoding="utf-8") as page:
            page.write("# One, `two`: three\n\n[a](#one-two-three) [b](README.md#prismatic) [c](https://example.com/x) `[d](no)`\n"
                       "[e](#one) [f](docs/none.md)\n[g](README.md#nothing)\n```\n[h](no)\n```\n")
            page.flush()
            found = list(check_links.faults(os.path.relpath(page.name, ROOT)))
        self.assertEqual([line.split(": ")[1] for line in found], ["#one", "docs/none.md", "README.md#nothing"])

    def test_every_link_leads_somewhere(self):
        self.assertEqual([fault for page in pages() for fault in check_links.faults(page)], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
