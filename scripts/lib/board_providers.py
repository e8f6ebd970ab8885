"""Which upstream is it, and is it used as it should be?"""
from board_panels import panel, quantiles, rate, state

UID = "prismatic-providers"
TITLE = "Prismatic / Providers"
DESCRIPTION = "How upstream providers answer, how they are treated, and how much room they leave."
BAD = ('outcome!~"ok|partial|rate_limited|overloaded|moderation_blocked|rejected|cancelled|not_expressible|no_room|no_image|'
       'too_large|forbidden_page"')
CALLS = "sum by (provider) (rate(prismatic_upstream_requests_total{@}[$__rate_interval]))"

ROWS = [
    ("Who fails?", [
        panel("Calls by how they ended",
              "What do the providers say? ok is a whole picture; moderation_blocked and rejected are about the client's request; "
              "unauthorized and payment_required want an operator.", "reqps",
              rate("prismatic_upstream_requests_total", "provider,outcome"), stack=True, width=12),
        panel("Share of calls that fail",
              "Which provider is in trouble? Failures of the provider itself, throttling not counted.", "percentunit",
              (f"(sum by (provider) (rate(prismatic_upstream_requests_total{{@,{BAD}}}[$__rate_interval])) or 0 * {CALLS}) / {CALLS}",
               "{{provider}}"), thresholds=[(0.1, "red")], width=6),
        panel("Share of calls that are throttled",
              "Is our quota there too small? \"Too many\" and \"overloaded\" of all calls.", "percentunit",
              ('(sum by (provider) (rate(prismatic_upstream_requests_total{@,outcome=~"rate_limited|overloaded"}[$__rate_interval])) '
               f"or 0 * {CALLS}) / {CALLS}", "{{provider}}"), thresholds=[(0.2, "orange")], width=6),
    ]),
    ("What do we do about it?", [
        state("Breaker",
              "Is it in use? The worst that any provider-proxy found of a provider or one of its models: returning gets a growing "
              "share, ejected is asked last, open is not asked but for a probe now and then.",
              ("max by (provider) (prismatic_upstream_breaker{@})", "{{provider}}"),
              [(0, "closed", "green"), (1, "returning", "yellow"), (2, "ejected", "orange"), (3, "open", "red")]),
        state("Images switch",
              "Has somebody switched it off? `prismatic catalog history` and `prismatic audit list` say who.",
              ("max by (provider) (prismatic_provider_enabled{@})", "{{provider}}"), [(0, "off", "blue"), (1, "on", "green")]),
        panel("Taken out of use",
              "How often, and why? failure_share: too many of its calls failed; failed_return: again while it was let back in; "
              "failures_in_a_row: none succeeded. The first one of a kind since the start is not seen here, but beside it.", "cps", rate("prismatic_upstream_ejections_total", "provider,reason")),
        panel("Given to the next route",
              "What was rescued? Calls that had provably not begun and went to another route, by what the first one said.", "cps",
              rate("prismatic_fallbacks_total", "from,reason")),
        panel("Calls for one generation",
              "Are we asking too often? Upstream calls for one generation: 1 is one call and done.", "none",
              ("sum(rate(prismatic_upstream_attempts_sum{@}[$__rate_interval])) / sum(rate(prismatic_upstream_attempts_count{@}[$__rate_interval]))",
               "mean"), *quantiles("prismatic_upstream_attempts", shares=(0.99,))),
        panel("Retry budget used up",
              "Are all of them bad at once? Further calls that were not made, to spare the upstreams.", "cps",
              rate("prismatic_retry_budget_exhausted_total", "instance")),
    ]),
    ("Are they quick?", [
        panel("Time of a call, by provider",
              "Which one is slow? One call to an upstream, jobs with all their polls.", "s",
              *quantiles("prismatic_upstream_request_duration_seconds", by="provider", shares=(0.5, 0.95)), width=12),
        panel("Time of a delivered generation, by model",
              "Which model do clients wait for? From the request at provider-proxy to its last picture.", "s",
              *quantiles("prismatic_image_generation_duration_seconds", by="model", shares=(0.95,)), width=12),
    ]),
    ("Is there room?", [
        panel("Calls under way, of those allowed",
              "Is a provider full? At 100 % requests go to the next route or wait for two seconds; the limit is max_concurrent of the "
              "catalog, in each provider-proxy.", "percentunit",
              ("max by (provider) (prismatic_provider_concurrency{@} / prismatic_provider_concurrency_limit{@})", "{{provider}}"),
              thresholds=[(0.9, "orange")]),
        panel("Calls under way",
              "How many pictures does each provider work on for us now?", "short",
              ("sum by (provider) (prismatic_provider_concurrency{@})", "{{provider}}")),
        panel("Bytes exchanged",
              "Is the line to a provider the trouble? Bytes a second to and from upstreams.", "Bps",
              rate("prismatic_upstream_bytes_total", "provider,direction")),
    ]),
]
