#!/usr/bin/env python3
"""After a restore: what the exported files know and Redis does not, as commands that put it right.

usage: make_good.py --ledgers DIR [--audit FILE --since TIME] > make-good.sh

Changes nothing. Asks billing (`prismatic ledger list`) for each account that has a file ACCOUNT.jsonl in DIR, finds the
entries that a restore lost, and prints a shell script: money in first, then money out. Each line names a request ID, so that
the script may be run twice. Lines that begin with `#!` need a person. With --audit, a file of `prismatic audit list --output
json`, also what was shut since TIME (RFC 3339, UTC) and is open again: revoked keys, suspended accounts, disabled operators.
"""
import argparse
import decimal
import glob
import json
import os
import shlex
import subprocess
import sys

SECOND = len("2026-01-01T00:00:00")
CHARGES = ("charge", "late_charge")


def prismatic(*words):
    return subprocess.run([os.environ.get("PRISMATIC_CLI", "prismatic"), *words, "--output", "json"],
                          capture_output=True, text=True, check=False)


def known_now(account):
    """{number: entry} of billing; None for an account that it does not know."""
    done = prismatic("ledger", "list", "--account", account, "--all")
    if done.returncode == 1 and "ACCOUNT_NOT_FOUND" in done.stderr:
        return None
    if done.returncode != 0:
        sys.exit(f"{account}: {done.stderr.strip()}")
    return {entry["sequence"]: entry for entry in json.loads(done.stdout)["entries"]}


def compared(path, now):
    """(entries of the file that billing has not, entries of billing that the file has not), word for word. What was trimmed
    from Redis is not lost, nor is a charge whose reservation was settled anew: it has another number now."""
    first = min(now, default=1)
    with open(path, encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
    for entry in entries:
        entry.pop("account")
    paid = {entry["reservation_id"] for entry in now.values() if entry["type"] in CHARGES}
    lost = [entry for entry in entries if entry["sequence"] >= first and now.get(entry["sequence"]) != entry
            and not (entry["type"] in CHARGES and entry["reservation_id"] in paid)]
    of_file = {entry["sequence"]: entry for entry in entries}
    return lost, [entry for number, entry in now.items() if of_file.get(number) != entry]


def usd(entry, name):
    return decimal.Decimal(entry[name + "_usd"])


def total(entries):
    """What they took."""
    return -sum((usd(entry, "amount") for entry in entries), decimal.Decimal(0))


def command(*words):
    return shlex.join(["prismatic", *map(str, words)])


class Script:
    def __init__(self):
        self.money_in, self.money_out, self.shut, self.people = [], [], [], []
        self.lost_keys = set()

    def account(self, account, lost, new=()):
        """One account's lost entries; `new` are those that it has got since the restore."""
        charges = [entry for entry in lost if entry["type"] in CHARGES]
        for entry in lost:
            self.entry(account, entry)
        taken = total(charges)
        request = f"restore-{charges[0]['reservation_id'].rpartition('.')[2]}" if charges else None
        before = [entry for entry in new if entry["type"] == "adjustment" and (entry["request_id"] or "").startswith("restore-")]
        if any((entry["request_id"], -usd(entry, "amount")) != (request, taken) for entry in before):
            # Settled after the script had run, a charge is part of what was taken then.
            self.people.append(f"{account}: {total(before):f} USD were taken for lost charges, "
                               f"but {taken:f} are lost: a log was replayed since; give back the rest by hand")
        elif taken:
            span = f"{charges[0]['sequence']}-{charges[-1]['sequence']}"
            self.money_out.append(command(
                "account", "adjust", account, f"--usd={-taken:f}", "--reason",
                f"{len(charges)} charges of entries {span} that a restore lost", "--request-id", request))
        units = sum(entry["units"] for entry in charges)
        if units:
            self.people.append(f"{account}: {units} units of its quota were used and are free again")
        owed = sum(usd(entry, "owed_change") for entry in charges)
        if owed:
            self.people.append(f"{account}: {owed:f} USD were owed and are not: charge them by hand, or forgive them")

    def entry(self, account, entry):
        kind, amount = entry["type"], usd(entry, "amount")
        if kind == "top_up" and entry["request_id"]:
            whole = amount - usd(entry, "owed_change")  # what paid a debt was paid in, too
            self.money_in.append(command("account", "top-up", account, f"--usd={whole:f}", "--request-id",
                                         entry["request_id"]))
        elif kind == "adjustment":
            place = self.money_in if amount > 0 else self.money_out
            place.append(command("account", "adjust", account, f"--usd={amount:f}", "--reason", entry["reason"],
                                 "--request-id", entry["request_id"]))
        elif kind == "write_off":
            self.people.append(f"{account}: a write-off is lost; if it still owes that: " + command(
                "account", "write-off", account, f"--usd={-usd(entry, 'owed_change'):f}", "--reason", entry["reason"],
                "--request-id", entry["request_id"]))
        elif kind not in CHARGES:
            self.people.append(f"{account}: entry {entry['sequence']}, {kind} of {entry['time']}, is lost: {entry}")

    def audit(self, entry, since=""):
        # Made in the second of the snapshot, a key may be in it.
        if entry["action"] in ("key.create", "key.import") and entry["time"][:SECOND] > since[:SECOND]:
            self.lost_keys.add(entry["target"])
        if entry["action"] == "key.revoke" and entry["target"] not in self.lost_keys:
            self.shut.append(command("key", "revoke", entry["target"]))
        elif entry["action"] in ("account.suspend", "account.resume"):
            self.shut.append(command("account", entry["action"].partition(".")[2], entry["account"]))
        elif not entry["action"].startswith(("wallet.", "ledger.", "session.")):
            self.people.append(f"{entry['time']} {entry['action']} {entry.get('account') or ''} {entry['target'] or ''} "
                               f"by {entry['actor']}")

    def text(self):
        lines = ["set -eu", *self.shut, *self.money_in, *self.money_out]
        return "\n".join(lines + ["#! " + line for line in self.people]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ledgers", required=True)
    parser.add_argument("--audit")
    parser.add_argument("--since", default="")
    arguments = parser.parse_args()
    script = Script()
    for path in sorted(glob.glob(os.path.join(arguments.ledgers, "*.jsonl"))):
        account = os.path.basename(path).removesuffix(".jsonl")
        now = known_now(account)
        if now is None:
            script.people.append(f"{account} was opened after the backup: open it again (`account create`), give out new "
                                 "keys, and run this once more")
        else:
            script.account(account, *compared(path, now))
    if arguments.audit:
        with open(arguments.audit, encoding="utf-8") as file:
            entries = json.load(file)["entries"]
        for entry in reversed(entries):  # oldest first
            # Without the Z, of the same second all are later: what is repeated needlessly does no harm.
            if entry["time"].rstrip("Z") > arguments.since.rstrip("Z"):
                script.audit(entry, arguments.since)
    sys.stdout.write(script.text())


if __name__ == "__main__":
    main()
