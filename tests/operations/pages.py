"""Commands of a page of docs/, as they stand, typed into a shell."""
import os
import re
import subprocess

from suite import ROOT


def blocks(page, section):
    """The ```sh blocks of a section, in order."""
    with open(os.path.join(ROOT, "docs", page), encoding="utf-8") as file:
        text = file.read()
    found = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return re.findall(r"^```sh\n(.*?)^```$", found[1], re.M | re.S)


def conf(page, name):
    """The ```conf block whose first line is `# name`."""
    with open(os.path.join(ROOT, "docs", page), encoding="utf-8") as file:
        return re.search(rf"^```conf\n# {re.escape(name)}\n(.*?)^```$", file.read(), re.M | re.S)[1]


def typed(block, folder, environment, replaced, preamble="", watched=False):
    """Runs a block, in a shell that stops at nothing unless the block says so; `watched`, as by somebody who types line by line
    and stops at the first that fails. `replaced` are (what the page says, what is meant here): each must be there once at least
    in the page's blocks, which the caller looks after."""
    for said, meant in replaced:
        block = block.replace(said, meant)
    return subprocess.run(["bash", *(("-euo", "pipefail") if watched else ()), "-c", preamble + block], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=300, check=False)
