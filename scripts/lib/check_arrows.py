#!/usr/bin/env python3
"""Compares every #include of the tree with scripts/arrows.txt. Prints what is not allowed; exit 1 then."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def read_table():
    arrows, doors = {}, {}
    with open(os.path.join(ROOT, "scripts/arrows.txt"), encoding="utf-8") as table:
        for line in table:
            line = line.split("#")[0].strip()
            if line.startswith("door "):
                _, header, *places = line.split()
                doors[header] = places
            elif line:
                room, _, targets = line.partition("->")
                arrows[room.strip()] = targets.split()
    return arrows, doors


def under(path, room):
    return path == room or path.startswith(room + "/")


def room_of(path, arrows):
    rooms = [room for room in arrows if under(path, room)]
    return max(rooms, key=len) if rooms else None


def target_of(header):
    """The place in the tree that an include names, None for what is not ours."""
    if header.startswith("prismatic/"):
        return "protos/" + header.split("/")[1]
    if header.split("/")[0] in ("services", "gateway", "tests"):
        return header
    return None


def violations(path, arrows, doors):
    room = room_of(path, arrows)
    wiring = os.path.basename(path) == "main.cc" or "_server." in path
    name = os.path.basename(path)
    test = path.startswith("tests/") or name.endswith(("_test.cc", "_fixture.h")) or name.startswith(("test_", "fake_"))
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(1)
            for door, places in doors.items():
                inside = any(path.startswith(place) for place in places)
                if (header == door or header.startswith(door + "/") or header == door + ".h") and not inside and not test:
                    yield f"{path}:{number}: <{header}> belongs behind its door: {' '.join(places)}"
            target = target_of(header)
            if target is None:
                continue
            if room is None:
                yield f"{path}:{number}: the file is in no room of scripts/arrows.txt"
                return
            allowed = [room] + arrows[room]
            if wiring:
                allowed.append(room)
            if test:
                allowed += ["tests/support", room, "protos", "services/common", "services/catalog_watch"]
            if not any(under(target, place) for place in allowed):
                yield f"{path}:{number}: {room} may not include {header}"


def main():
    arrows, doors = read_table()
    found = []
    for top in ("services", "gateway", "tests"):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for name in files:
                if name.endswith((".h", ".cc")):
                    found += violations(os.path.relpath(os.path.join(folder, name), ROOT), arrows, doors)
    print("\n".join(found) if found else "arrows: every include follows the table")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
