"""Is anybody hurt, and where do I look next?"""
from board_panels import panel, quantiles, rate, stat

UID = "prismatic-overview"
TITLE = "Prismatic / Overview"
DESCRIPTION = "Whether clients are served, how quickly, and what is sold."
ASKED = '@,route!~"healthz|readyz"'
FAILED = 'sum(rate(prismatic_http_requests_total{@,route!~"healthz|readyz",code=~"5.."}[$__rate_interval]))'
ALL = 'sum(rate(prismatic_http_requests_total{@,route!~"healthz|readyz"}[$__rate_interval]))'
BY_UPSTREAMS = ('sum(rate(prismatic_generations_total{@,outcome=~"upstream_error|upstream_timeout|model_overloaded"}'
                '[$__rate_interval]))')

ROWS = [
    ("Are clients served?", [
        panel("Requests a second, by answer",
              "How much is asked for, and what is answered? 429 is a client's limit or its money, 503 is ours or has no provider; "
              "probes are not counted.", "reqps", rate("prismatic_http_requests_total", "code", ASKED), stack=True),
        panel("Share of failed requests",
              "Is it getting worse? 5xx of everything that was asked; \"by providers\" is the part that an upstream caused: "
              "then look at the Providers board.", "percentunit",
              (f"{FAILED} / {ALL}", "all 5xx"), (f"({BY_UPSTREAMS} or 0 * {ALL}) / {ALL}", "by providers")),
        panel("Burn of the error budget",
              "How long does the budget of 0.1 % in 30 days last? 1 is just sustainable; at 14.4 (a page) it is gone in two days, "
              "at 6 (a ticket) in five. Errors of our own only.", "none",
              ('prismatic:http_error_ratio:rate1h{namespace=~"$namespace",job=~"$job"} / 0.001', "{{job}} 1 h"),
              ('prismatic:http_error_ratio:rate6h{namespace=~"$namespace",job=~"$job"} / 0.001', "{{job}} 6 h"),
              thresholds=[(6, "orange"), (14.4, "red")]),
        panel("How generations end",
              "What becomes of requests for pictures? settled is the good end; the others are the reasons in the error table.",
              "reqps", rate("prismatic_generations_total", "outcome"), stack=True),
        panel("Failed requests, by model",
              "Is it one model or all? Requests a second that its providers failed, or that found none.", "reqps",
              rate("prismatic_generations_total", "model",
                   '@,outcome=~"upstream_error|upstream_timeout|model_overloaded|no_image_route"')),
        panel("Refused before any work, by reason",
              "Whom do we turn away at the door? overload is ours; the others are clients': wrong keys, limits, requests too large "
              "or too slow.", "reqps", rate("prismatic_http_rejected_total", "reason")),
    ]),
    ("Are they quick?", [
        panel("Time to answer a request for pictures",
              "What do clients wait? From the complete request to the complete answer, providers included.", "s",
              *quantiles("prismatic_http_request_duration_seconds", matchers='@,route="generations"')),
        panel("Our own share of it",
              "Is it us? Of requests that brought pictures, the time less the provider's. Milliseconds are normal; when only the panel beside it is high, "
              "it is a provider.", "s", *quantiles("prismatic_gateway_overhead_seconds"), thresholds=[(0.25, "red")]),
        panel("In flight",
              "Are requests piling up? Generations being worked on, and open connections; at --in-flight-max (1,000) new ones are "
              "refused.", "short",
              ("sum by (instance) (prismatic_http_in_flight{@})", "{{instance}} generations"),
              ("sum by (instance) (prismatic_http_connections{@})", "{{instance}} connections")),
    ]),
    ("What is sold?", [
        panel("Pictures a minute, by model",
              "Does what people buy arrive? Pictures received from providers and found whole.", "short",
              rate("prismatic_images_generated_total", "model", factor=" * 60"), stack=True),
        panel("Revenue an hour, by model",
              "What do we earn now? What wallets are charged, as if the present rate went on for an hour; quota of subscriptions is "
              "not in it.", "currencyUSD", rate("prismatic_charged_nano_usd_total", "model", factor=" * 3600 / 1e9"), stack=True),
        panel("Reservations refused by billing, by reason",
              "Who cannot buy, and why? Limits and missing money are the clients' own; billing_unavailable is ours.", "reqps",
              rate("prismatic_reservations_total", "result", '@,result!~"admitted|replayed"')),
        stat("Processes that serve",
             "Is everything there? Processes of each service that Prometheus reaches and that are not being drained.", "short",
             ("count by (job) (prismatic_shutdown_state{@} == 0)", "{{job}}"), [], width=12),
        stat("Prices and switches: age of the newest change",
             "Was it us? A change of the catalog minutes before the trouble is the first suspect; `prismatic catalog history` names it.",
             "s", ("min by (job) (prismatic_catalog_age_seconds{@})", "{{job}}"), [], width=12),
    ]),
]
