"""Are the processes themselves well?"""
from board_panels import panel, quantiles, rate, stat, state

UID = "prismatic-runtime"
TITLE = "Prismatic / Runtime"
DESCRIPTION = "Processes, memory, gRPC between the services, and the catalog that they hold."

ROWS = [
    ("Processes", [
        panel("Processor", "Who is busy? Cores that each process uses.", "none", rate("process_cpu_seconds_total", "job,instance")),
        panel("Resident memory", "Does one grow? Reckon with two to three times --bytes-in-flight-max beside some 30 MiB.", "bytes",
              ("sum by (job, instance) (process_resident_memory_bytes{@})", "{{job}} {{instance}}")),
        panel("Open files, of those allowed", "Will connections be refused soon? At 100 % none is taken.", "percentunit",
              ("max by (job, instance) (process_open_fds{@} / process_max_fds{@})", "{{job}} {{instance}}"), thresholds=[(0.8, "orange")]),
        panel("Time since the start", "Does one start again and again?", "s",
              ("time() - max by (job, instance) (process_start_time_seconds{@})", "{{job}} {{instance}}")),
        state("Serving or being drained", "Is a roll-out under way? A process that is drained takes nothing new and finishes what it has.",
              ("max by (job, instance) (prismatic_shutdown_state{@})", "{{job}} {{instance}}"),
              [(0, "serving", "green"), (1, "draining", "blue")]),
        stat("Processes, by version", "What runs? Two versions at once are a roll-out, or one that got stuck.", "short",
             ("count by (job, version) (prismatic_build_info{@})", "{{job}} {{version}}"), []),
    ]),
    ("Memory for pictures, and connections", [
        panel("Bytes in flight", "Is the room for pictures taken? Requests and results in memory; from three quarters of "
              "--bytes-in-flight-max (512 MiB) on, new requests are refused.", "bytes",
              ("sum by (job, instance) (prismatic_bytes_in_flight{@})", "{{job}} {{instance}}")),
        panel("Results that wait for room", "Are pictures late for it? Requests whose results wait unread.", "short",
              ("sum by (job, instance) (prismatic_results_waiting{@})", "{{job}} {{instance}}")),
        panel("Connections of clients", "Who is connected? Open connections, and requests begun on them, slow ones too.", "short",
              ("sum by (instance) (prismatic_http_connections{@})", "{{instance}} connections"),
              ("sum by (instance) (prismatic_http_requests_begun{@})", "{{instance}} requests begun")),
        panel("Size of requests", "Do clients send big reference images?", "bytes", *quantiles("prismatic_http_request_body_bytes")),
        panel("Size of answers", "How big is what we send?", "bytes", *quantiles("prismatic_http_response_body_bytes")),
        panel("Requests of the admin port", "Is an operator or a script at work? Answers a second, by status.", "reqps",
              rate("prismatic_admin_requests_total", "code"), stack=True),
    ]),
    ("gRPC", [
        panel("Calls answered, by method", "Who is asked, and how much?", "reqps", rate("grpc_server_handled_total", "grpc_service,grpc_method"),
              width=12),
        panel("Time to answer, p99, by method", "Which service is slow, seen from within? GenerateImages takes as long as the upstream.", "s",
              ("histogram_quantile(0.99, sum by (le,grpc_method) (rate(grpc_server_handling_seconds_bucket{@}[$__rate_interval])))",
               "{{grpc_method}}"), width=12),
        panel("Calls not answered with OK", "Which answers are refusals or failures? UNAVAILABLE and DEADLINE_EXCEEDED are trouble; "
              "most others are what a client did.", "reqps", rate("grpc_server_handled_total", "grpc_method,grpc_code", '@,grpc_code!="OK"'), width=6),
        panel("Calls made that did not end well", "Does one service not reach another? As the caller sees it.", "reqps",
              rate("grpc_client_handled_total", "job,grpc_method,grpc_code", '@,grpc_code!="OK"'), width=6),
        panel("Time of calls made, p99", "Is it the network between them? Compare with the time to answer.", "s",
              ("histogram_quantile(0.99, sum by (le,job,grpc_method) (rate(grpc_client_handling_seconds_bucket{@}[$__rate_interval])))",
               "{{job}} {{grpc_method}}"), width=6),
        panel("Calls made, by method", "Does a service ask more than it should, or nothing at all? Calls begun, as the caller sees them.",
              "reqps", rate("grpc_client_started_total", "job,grpc_method"), width=6),
    ]),
    ("Catalog", [
        stat("Processes, by catalog version", "Do all hold the same? More than one version for longer than a second: somebody is cut off.",
             "short", ('count_values("catalog", prismatic_catalog_version{@})', "{{catalog}}"), []),
        panel("Silence of its source", "Who is cut off? Seconds since the registry, or for a registry its Redis, was heard; 0 is well.", "s",
              ("max by (job, instance) (prismatic_catalog_last_contact_seconds{@})", "{{job}} {{instance}}"), thresholds=[(300, "red")]),
        panel("Watches and their failures", "Do connections to the registry break? Watches that are open, and failures a second.", "none",
              ("sum by (instance) (prismatic_catalog_watchers{@})", "{{instance}} watchers"),
              rate("prismatic_catalog_watch_failures_total", "job")),
    ]),
]
