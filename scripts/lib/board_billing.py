"""Is the money right, and can clients spend it?"""
from board_panels import panel, quantiles, rate, stat

UID = "prismatic-billing"
TITLE = "Prismatic / Billing"
DESCRIPTION = "Books, holds, settlements, and the Redis that keeps them."

ROWS = [
    ("Is the money right?", [
        stat("Drift of the books",
             "Do balances add up to the ledgers? Anything but 0 is a page: somebody wrote past billing, data are damaged, or a "
             "failover lost writes. `prismatic ledger verify` names the entry.", "currencyUSD",
             ("max(prismatic_ledger_drift_nano_usd{@}) / 1e9", "drift"), [(1e-9, "red")], width=4),
        stat("Accounts that drift", "How many accounts differ from their ledger or their holds? One whose balance is right may drift in its "
             "holds alone.", "short", ("max(prismatic_ledger_drift_accounts{@})", "accounts"), [(1, "red")], width=4),
        stat("Since the books were looked at", "Is the drift beside this still true? Time since all accounts were compared, which takes a minute, or with a million of them "
             "an hour and a half.", "s",
             ("time() - max(prismatic_books_looked_timestamp_seconds{@})", "ago"), [(7200, "orange")], width=4),
        stat("Holds past their end", "Does somebody's money stay locked? Holds that should have been ended and were not.", "short",
             ("max(prismatic_reservations_overdue{@})", "overdue"), [(1, "red")], width=4),
        panel("Delivered before the charge was confirmed",
              "Are we giving away pictures? unanswered: settlements that billing does not answer now; pending: answers a second that "
              "went out before a charge; lost: charges refused for good.", "none",
              ("sum(prismatic_settlements_unanswered{@})", "unanswered now"),
              ("sum(rate(prismatic_settlements_pending_total{@}[$__rate_interval]))", "pending a second"),
              ("sum(rate(prismatic_settlements_lost_total{@}[$__rate_interval]))", "lost a second")),
    ]),
    ("Holds", [
        panel("Holds outstanding", "How much is under way? Reservations neither settled nor released yet; each is a picture being made.",
              "short", ("max(prismatic_reservations_outstanding{@})", "holds"), width=6),
        panel("Money held", "How much of the clients' money is locked now?", "currencyUSD",
              ("max(prismatic_reservations_outstanding_nano_usd{@}) / 1e9", "held"), width=6),
        panel("Accounts that could not be compared", "Is the drift above the whole truth? Accounts with too many holds that change too "
              "quickly; a few now and then are well.", "short", ("max(prismatic_books_unchecked_accounts{@})", "accounts"), width=6),
        panel("Age of the oldest hold", "Does a hold not end? A generation takes 300 s at most and a hold 420 s; above 840 s the sweeper "
              "does not work.", "s", ("max(prismatic_reservation_age_max_seconds{@})", "oldest"), thresholds=[(840, "red")], width=6),
    ]),
    ("What billing does", [
        panel("Reservations, by what became of them", "Can clients buy? admitted is the good end; the others are refusals by their reason.",
              "reqps", rate("prismatic_reservations_total", "result"), stack=True),
        panel("Settlements, by what they did", "Is what was delivered charged? late: after the hold had ended; replayed: asked twice, "
              "charged once.", "reqps", rate("prismatic_settlements_total", "result"), stack=True),
        panel("Holds given back", "How many ended without a charge? Released after a failure, or expired because a gateway died.", "cps",
              rate("prismatic_releases_total", "result"),
              ("sum(rate(prismatic_reservations_expired_total{@}[$__rate_interval]))", "expired")),
        panel("Steps of the ledger, by operation", "What is Redis asked to do? Each is one function, done wholly or not at all. Without those "
              "that billing makes by itself all the time: looking for holds that are due, and through the books.", "ops",
              rate("prismatic_ledger_operations_total", "operation", '@,operation!~"due|take_turn|list_buckets?|list_pending|inspect"')),
        panel("Steps of the ledger that had no effect",
              "Does Redis fail them? unavailable: no answer; error: Redis refused it; unconfirmed: no replica has it yet. The others are "
              "refusals.", "ops", rate("prismatic_ledger_operations_total", "operation,result", '@,result!="ok"')),
        panel("Top-ups and corrections", "Is money coming in? Top-ups, adjustments and write-offs, and what became of them.", "ops",
              rate("prismatic_ledger_operations_total", "operation,result", '@,operation=~"top_up|adjust|write_off"')),
        panel("No money, and repeated requests",
              "Do clients run out of money, or do callers repeat themselves? Reservations that nothing could pay for, and calls that were given "
              "the first one's answer.", "reqps",
              ("sum(rate(prismatic_insufficient_funds_total{@}[$__rate_interval]))", "no funds"),
              ("sum by (operation) (rate(prismatic_idempotent_replays_total{@}[$__rate_interval]))", "{{operation}} repeated")),
        panel("Pictures charged", "Does what is charged follow what is delivered? Compare with the pictures of the Overview board.", "short",
              rate("prismatic_images_charged_total", "model", factor=" * 60"), stack=True),
        panel("Quota used", "How much goes to subscriptions? Units a minute, by model.", "short",
              rate("prismatic_charged_quota_units_total", "model", factor=" * 60"), stack=True),
    ]),
    ("Redis", [
        panel("Time of a command", "Is Redis slow? fast is reservations and checks, given up after 100 ms; lasting is what must be on disk, "
              "2 s.", "s", *quantiles("prismatic_redis_command_duration_seconds", by="lane", shares=(0.5, 0.99))),
        panel("Failed commands, by kind", "What is wrong with it? deadline: no answer in time; lost or not_connected: the connection; "
              "breaker_open: not even asked.", "cps", rate("prismatic_redis_errors_total", "job,kind")),
        panel("Connected", "Who is cut off? 1: connected and answering; 0: no connection, or the breaker is open.", "none",
              ("min by (job, instance, lane) (prismatic_redis_connected{@} - prismatic_redis_breaker_open{@})",
               "{{job}} {{instance}} {{lane}}")),
        panel("Commands on the way", "Does Redis fall behind? Commands sent and not answered yet.", "short",
              ("sum by (job, lane) (prismatic_redis_pending{@})", "{{job}} {{lane}}")),
        panel("Writes that no replica confirmed", "What would a failover lose now? Writes that must last and that too few replicas had in "
              "time.", "cps", rate("prismatic_redis_unconfirmed_total", "job")),
        panel("Failovers and breakers", "Has the master changed? Other replication IDs than before, and breakers that opened.", "cps",
              ("sum by (job) (rate(prismatic_redis_replication_id_changes_total{@}[$__rate_interval]))", "{{job}} failovers"),
              ("sum by (job) (rate(prismatic_redis_breaker_opened_total{@}[$__rate_interval]))", "{{job}} breakers")),
    ]),
]
