"""Copies of a program whose Redis functions differ: their source lies in it as plain text.

The hash in the library's name is made of that text at the start, so for Redis a copy is another version.
"""
import os
import stat


def patched(path, folder, name, old, new):
    """The path of a copy in which `old` reads `new`, filled with blanks to the same length."""
    old, new = old.encode(), new.encode()
    with open(path, "rb") as file:
        program = file.read()
    assert program.count(old) == 1, f"{old!r} is {program.count(old)} times in {path}: is the source another one now?"
    assert len(new) <= len(old), f"{new!r} is too long"
    copy = os.path.join(folder, f"{os.path.basename(path)}-{name}")
    with open(copy, "wb") as file:
        file.write(program.replace(old, new.ljust(len(old))))
    os.chmod(copy, stat.S_IRWXU)
    return copy
