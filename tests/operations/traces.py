"""What a process did, as strace wrote it: system calls, address families, files, executable memory."""
import re

CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)$")


class Trace:
    def __init__(self, path):
        self.calls, self.families, self.executed = set(), set(), []
        self.executable, self.written = [], set()
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                found = CALL.match(line)
                if found:
                    self.look(found[1], found[2])

    def look(self, call, rest):
        self.calls.add(call)
        if call == "socket":
            self.families.add(rest.split(",")[0])
        elif call == "execve":
            self.executed.append(rest)
        elif call in ("open", "openat"):
            self.opened(rest)
        elif call in ("mmap", "mprotect", "pkey_mprotect") and "PROT_EXEC" in rest:
            # What MemoryDenyWriteExecute= refuses: memory that can be written and executed, or is made executable.
            if "PROT_WRITE" in rest or call != "mmap":
                self.executable.append(f"{call}({rest}")

    def opened(self, rest):
        path = re.search(r'"([^"]*)"', rest)
        if not path or re.search(r"= -1 ", rest):
            return
        if re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", rest):
            self.written.add(path[1])
