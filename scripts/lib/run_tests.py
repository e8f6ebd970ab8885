#!/usr/bin/env python3
"""Builds and runs the test suites, prints the seconds of each, and counts tests.

usage: run_tests.py [full] [--only NAME]...
"""
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A suite that hangs is a failure, not a wait: twice what the slowest one needs on a busy machine.
TIMEOUT_SECONDS = 900
# What measures, or keeps both cores busy.
ALONE = ("load_", "upstream_", "hostile", "chaos_", "billing_model", "late_settlement", "browser_", "replicas",
         "rolling", "observability_queries", "operations_redis_ha", "operations_systemd")
# Programs that cross no gRPC: Debian's gRPC and Abseil are not instrumented for ThreadSanitizer.
TSAN_PROGRAMS = ["common_task_test", "common_trace_test", "common_metrics_test", "common_byte_budget_test", "common_loop_test",
                 "common_redis_test", "common_http_test", "common_json_test",
                 "common_log_test", "common_config_test", "common_money_test", "gateway_openai_test",
                 "gateway_generation_test", "catalog_watch_test", "provider_proxy_adapters_test",
                 "provider_proxy_routing_test", "provider_proxy_upstream_test", "sandbox_provider_test",
                 "model_registry_operators_test"]


def build(preset):
    script = f'. scripts/lib/build.sh; build {preset}'
    if preset == "tsan":
        script += " " + " ".join(TSAN_PROGRAMS)
    return subprocess.run(["bash", "-c", script], cwd=ROOT, check=False).returncode == 0


def programs(folder):
    return sorted(path for path in glob.glob(os.path.join(ROOT, folder, "tests", "*_test")) if os.access(path, os.X_OK))


def suites(full):
    """(name, preset that must be built first, command)"""
    for path in programs("build"):
        yield os.path.basename(path), "dev", [path, "--gtest_brief=1"]
    for mode in ([], ["--separate"]):
        name = "separate" if mode else "all_in_one"
        yield f"e2e_{name}", "dev", [sys.executable, "tests/e2e/first_picture_test.py", *mode]
        for suite in ("faults", "error_table", "refusal_order", "idempotency", "hangup", "drain", "headers", "upstreams",
                      "failover_matrix", "trace"):
            yield f"{suite}_{name}", "dev", [sys.executable, f"tests/e2e/{suite}_test.py", *mode]
        yield f"reflection_{name}", "dev", [sys.executable, "tests/e2e/reflection_test.py", *mode]
        for suite in ("operator", "books", "admin", "admin_requests", "admin_changes", "admin_books", "admin_howto"):
            yield f"{suite}_{name}", "dev", [sys.executable, f"tests/e2e/{suite}_test.py", *mode]
        for suite in ("metrics_reference", "cardinality"):
            yield f"{suite}_{name}", "dev", [sys.executable, f"tests/observability/{suite}_test.py", *mode]
        for suite in ("examples", "tutorial"):
            yield f"{suite}_{name}", "dev", [sys.executable, f"tests/examples/{suite}_test.py", *mode]
        for suite in ("openapi", "admin_openapi"):
            yield f"{suite}_{name}", "dev", [sys.executable, f"tests/contract/{suite}_test.py", *mode]
        yield f"browser_{name}", "dev", [sys.executable, "tests/browser/browser_test.py", *mode]
        yield f"sdk_python_{name}", "dev", [sys.executable, "tests/sdk/python_sdk_test.py", *mode]
        yield f"sdk_node_{name}", "dev", [sys.executable, "tests/sdk/node_sdk_test.py", *mode]
    for mode, name in (([], "all_in_one"), (["--separate"], "separate")):
        # The gate is the same in both; what a request in flight takes is not.
        for suite, always in (("in_flight", ("all_in_one", "separate")), ("slow_clients", ("separate",)),
                              ("idle_connections", ("separate",)), ("limits", ("all_in_one",))):
            if full or name in always:
                yield f"load_{suite}_{name}", "dev", [sys.executable, f"tests/load/{suite}_test.py", *mode]
    for mode, name in (([], "all_in_one"), (["--separate"], "separate")):
        # The all-in-one's threads are four services'; health takes its time and is the same in both.
        for suite, always in (("routing", ("separate",)), ("images_switch", ("all_in_one", "separate")),
                              ("big_images", ("all_in_one", "separate")), ("http2_and_proxy", ("all_in_one", "separate")),
                              ("in_flight_upstream", ("separate",))):
            if name in always or full and suite != "in_flight_upstream":
                yield f"upstream_{suite}_{name}", "dev", [sys.executable, f"tests/upstream/{suite}_test.py", *mode]
    for suite, mode in (("rules", []), ("boards", []), ("queries", ["--separate"])):
        yield f"observability_{suite}", "dev", [sys.executable, f"tests/observability/{suite}_test.py", *mode]
    for suite, always in (("pages", True), ("checklist", True), ("restore", True), ("redis_users", True), ("systemd", True),
                          ("upgrades", True), ("redis_ha", False)):
        if full or always:
            yield f"operations_{suite}", "dev", [sys.executable, f"tests/operations/{suite}_test.py"]
    yield "replicas", "dev", [sys.executable, "tests/e2e/replicas_test.py"]
    yield "rolling", "dev", [sys.executable, "tests/e2e/rolling_test.py"]
    yield "catalog_schema", "dev", [sys.executable, "tests/contract/catalog_schema_test.py"]
    yield "hostile", "dev", [sys.executable, "tests/hostile/hostile_test.py"]
    yield "hostile_behind_proxies", "dev", [sys.executable, "tests/hostile/proxied_test.py"]
    yield "fault_proxy", "dev", [sys.executable, "tests/support/fault_proxy_test.py"]
    yield "chaos_checker", "dev", [sys.executable, "tests/chaos/checker_test.py"]
    for mode, name in (([], "all_in_one"), (["--separate"], "separate")):
        for suite, always in (("arrows", ("separate",)), ("history", ("all_in_one", "separate")), ("sentinel", ("separate",))):
            if full or name in always:
                yield f"chaos_{suite}_{name}", "dev", [sys.executable, f"tests/chaos/{suite}_test.py", *mode]
    yield "chaos_upgrade", "dev", [sys.executable, "tests/chaos/upgrade_test.py"]
    if full:
        yield "chaos_power", "dev", [sys.executable, "tests/chaos/power_test.py"]
        yield "chaos_history_long", "dev", [sys.executable, "tests/chaos/history_test.py", "--separate", "--seconds", "240"]
        for half in ("first", "second"):  # of a million steps, each with a seed of its own, that it prints
            yield f"billing_model_{half}_half_million", "dev", [
                "env", "PRISMATIC_MODEL_OPERATIONS=500000", os.path.join(ROOT, "build/tests/billing_model_test"),
                "--gtest_filter=BillingModelTest.TheFunctionsDoWhatTheModelDoes", "--gtest_brief=1"]
        yield "e2e_under_asan", "asan", [sys.executable, "tests/e2e/first_picture_test.py", "--bin", "build-asan/bin"]
        for suite in ("faults", "hangup", "drain"):
            yield f"{suite}_under_asan", "asan", [sys.executable, f"tests/e2e/{suite}_test.py", "--separate", "--bin",
                                                  "build-asan/bin"]
        for mode, name in (([], "all_in_one"), (["--separate"], "separate")):
            yield f"late_settlement_{name}", "dev", [sys.executable, "tests/e2e/late_settlement_test.py", *mode]
    for path in programs("build-asan"):
        yield "asan_" + os.path.basename(path), "asan", [path, "--gtest_brief=1"]
    for name in TSAN_PROGRAMS:
        # Simulations have one thread and minutes of work for ThreadSanitizer.
        yield "tsan_" + name, "tsan", [os.path.join(ROOT, "build-tsan/tests", name), "--gtest_brief=1",
                                       "--gtest_filter=-*Simulation*"]


def counts(output):
    """(passed, failed, skipped) of a GoogleTest or unittest run; None when it counted nothing."""
    gtest = re.search(r"\[==========\] (\d+) tests? from", output)
    if gtest:
        passed = re.search(r"\[  PASSED  \] (\d+) test", output)
        skipped = re.search(r"\[  SKIPPED \] (\d+) test", output)
        passed, skipped = (int(match.group(1)) if match else 0 for match in (passed, skipped))
        return passed, int(gtest.group(1)) - passed - skipped, skipped
    ran = re.search(r"^Ran (\d+) tests?", output, re.M)
    if not ran:
        return None
    total = int(ran.group(1))
    bad = sum(int(number) for number in re.findall(r"(?:failures|errors)=(\d+)", output))
    skipped = sum(int(number) for number in re.findall(r"skipped=(\d+)", output))
    return max(0, total - bad - skipped), bad, skipped  # what fails before the first test has not run


def run(name, command):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRISMATIC_")}
    environment.update(ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1", TSAN_OPTIONS="halt_on_error=1")
    started = time.monotonic()
    # A session of its own, so that what a suite has started ends with it when it hangs.
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)  # unittest cleans up
            try:
                output, _ = process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
            status = "timeout"
    passed, failed, skipped = counts(output) or (0, 1, 0)
    if status != 0 and failed == 0:
        failed = 1
    report = (f"{'ok  ' if status == 0 else 'FAIL'} {name:34} {passed:4} passed {failed:3} failed {skipped:3} skipped "
              f"{time.monotonic() - started:7.1f} s")
    if status != 0:
        lines = output.splitlines()
        said = [line for line in lines if not line.startswith('{"time')]  # what failed, and not below thousands of log lines
        report = "\n    ".join([report, *said[-120:], "... and the last of the log:", *lines[-20:]])
    print(report, flush=True)
    return passed, failed, skipped


def run_all(commands):
    """The sums of `run`: most wait more than they work, so that two run side by side, and then the others by themselves."""
    alone = [one for one in commands if one[0].startswith(ALONE)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda one: run(*one), [one for one in commands if one not in alone]))
    results += [run(*one) for one in alone]
    return [sum(column) for column in zip(*results)] if results else [0, 0, 0]


def main():
    arguments = sys.argv[1:]
    only = [arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word == "--only"]
    totals, started = [0, 0, 0], time.monotonic()
    for preset in ("dev", "asan", "tsan"):
        if only and not any(preset in name for name in only) and preset != "dev":
            continue
        if not build(preset):
            print("0 passed, 1 failed")
            return 1
        if preset != "tsan" and not programs("build" if preset == "dev" else "build-asan"):
            print("The build made no test programs.\n0 passed, 1 failed")
            return 1
        chosen = [(name, command) for name, needs, command in suites("full" in arguments)
                  if needs == preset and (not only or name in only)]
        totals = [total + count for total, count in zip(totals, run_all(chosen))]
    print(f"All suites: {time.monotonic() - started:.0f} s")
    skipped = f", {totals[2]} skipped" if totals[2] else ""
    print(f"{totals[0]} passed, {totals[1]} failed{skipped}")
    # Where everything can be installed, a skipped test is one that nobody runs.
    skipping = totals[2] > 0 and "CI" in os.environ
    return 1 if totals[1] or skipping or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
