"""What clients asked for and what they were told, in the order of one clock; written by many threads at once."""
import dataclasses
import itertools
import json
import threading
import time

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"


@dataclasses.dataclass
class Operation:
    """One call. `asked` is what it said, `told` what the answer said; nobody knows the outcome until it is over."""
    number: int
    kind: str  # reserve, settle, release, top_up, adjust, revoke, read, generate
    account: str
    asked: dict
    invoked: float
    completed: float = float("inf")
    outcome: str = UNKNOWN
    reason: str = ""
    told: dict = dataclasses.field(default_factory=dict)


class History:
    def __init__(self):
        self.operations = []
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()

    def invoke(self, kind, account, **asked):
        operation = Operation(next(self.numbers), kind, account, asked, time.monotonic())
        with self.lock:
            self.operations.append(operation)
        return operation

    @staticmethod
    def complete(operation, outcome, reason="", **told):
        """Told to the checker as one moment: `completed` is taken before the outcome can be seen."""
        operation.completed, operation.reason, operation.told = time.monotonic(), reason, told
        operation.outcome = outcome
        return operation

    def counts(self):
        """{kind: {outcome: number}}"""
        table = {}
        for operation in self.operations:
            row = table.setdefault(operation.kind, {OK: 0, FAILED: 0, UNKNOWN: 0})
            row[operation.outcome] += 1
        return table

    def write(self, path, books):
        with open(path, "w", encoding="utf-8") as file:
            for operation in self.operations:
                file.write(json.dumps(dataclasses.asdict(operation)) + "\n")
            for name, book in books.items():
                file.write(json.dumps({"book": name, **dataclasses.asdict(book)}) + "\n")
