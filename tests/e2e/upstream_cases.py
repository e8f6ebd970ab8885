"""What upstreams do, good and bad, and what a client is to see of it: the table of upstreams_test.py.

Each case is made for each format, with a route of its own that it happens to and another one that works. Where a case
comes to something else in one format than in the others, it says so."""
import typing

from suite import SEED_REQUEST
from upstream_catalog import FORMATS

JOBS = tuple(form.name for form in FORMATS if form.is_job)
NEED_BYTES = tuple(form.name for form in FORMATS if form.needs_bytes)
ONE_PER_CALL = tuple(form.name for form in FORMATS if form.per_call == 1)
SEVERAL_CALLS = ("openai_images", *ONE_PER_CALL)  # for n = 4
ASK = {"prompt": "a lighthouse", "size": "256x256", "response_format": "b64_json"}


class Expect(typing.NamedTuple):
    status: int
    code: typing.Optional[str] = None
    images: int = 0  # delivered, and billed
    first: int = 1  # calls that arrived over the first route
    second: int = 0  # and over the second, which always works


DELIVERED = Expect(200, images=1)
# It had not begun: the other route was asked.
MOVED_ON = Expect(200, images=1, second=1)
NEVER_ARRIVED = Expect(200, images=1, first=0, second=1)
# It may have done the work: nobody else was asked.
FAILED = Expect(502, "upstream_error")
TIMED_OUT = Expect(504, "upstream_timeout")
REFUSED = Expect(400, "moderation_blocked")


class Case(typing.NamedTuple):
    name: str
    expect: Expect
    # Steers the first request to the sandbox, and no other.
    words: str = ""
    # Jobs: the fault is at the poll that finds the job done, not at the submission.
    at_result: bool = False
    # How the first provider is reached, and the proxy's mode.
    way: typing.Optional[str] = None
    mode: str = "pass"
    # More of the request; `{reference}`, `{nowhere}` and `{data}` are URLs of reference images.
    ask: dict = {}
    timeout: int = 20
    formats: tuple = tuple(form.name for form in FORMATS)
    # Formats in which it comes to something else.
    but: dict = {}
    has_second: bool = True
    provider: dict = {}
    # With the ways `scripted` and `scripted_tls`: what is answered in the sandbox's place.
    script: typing.Optional[typing.Callable] = None

    def expected(self, form):
        return self.but.get(form.name, self.expect)

    def steering(self, form):
        words = self.words
        if form.is_job and self.at_result:
            words += " at=result"
        if form.is_job and "polls=" not in words:
            words += " polls=0"  # done when first asked for
        return words


def polled_at(form, url):
    """A job whose state is to be asked for at `url`."""
    return {"black_forest_labs": {"id": "1", "polling_url": url},
            "fal": {"status": "IN_QUEUE", "request_id": "1", "status_url": url, "response_url": url},
            "replicate": {"id": "1", "status": "starting", "urls": {"get": url}}}[form.name]


def polled_elsewhere(form, upstreams):
    return polled_at(form, f"{upstreams.elsewhere.address}/state?id=1")


def polled_without_tls(form, upstreams):
    """At the provider's own host and port, where everybody on the way could read the credential."""
    return polled_at(form, f"{upstreams.scripted_tls.address}/state?id=1".replace("https:", "http:"))


def pictures_elsewhere(form, upstreams):
    """A job that is done at once, and whose picture is somewhere else, as on a CDN."""
    url = f"{upstreams.elsewhere.address}/picture.png"
    return {"black_forest_labs": {"id": "1", "status": "Ready", "result": {"sample": url}},
            "fal": {"images": [{"url": url}]},
            "replicate": {"id": "1", "status": "succeeded", "output": [url]}}[form.name]


def no_picture_and_why(form, _):
    """What a prompt may bring about."""
    if form.name == "gemini":
        return {"candidates": [{"finishReason": "NO_IMAGE", "content": {"parts": []}}]}
    return {"choices": [{"finish_reason": "length", "message": {"content": "First I shall"}}]}


def four(**fields):
    return {"n": 4, **fields}


CASES = (
    # --- good answers ---
    Case("seed_request", DELIVERED),  # request_of has it
    Case("four_images", Expect(200, images=4), ask=four(),
         but={form.name: Expect(200, images=4, first=4 // form.per_call) for form in FORMATS if form.per_call < 4}),
    Case("as_base64", DELIVERED),
    Case("as_url", DELIVERED, ask={"response_format": "url"}),
    Case("as_it_comes", DELIVERED, ask={"response_format": None}),
    Case("url_given_base64_asked", DELIVERED, "url_only", formats=("openai_images", "chat_completions")),
    Case("reference_as_data_url", DELIVERED, ask={"image_url": "{data}"}),
    Case("reference_as_url", DELIVERED, ask={"image_url": ["{reference}"]}),
    Case("reference_that_is_not_there", Expect(400, "invalid_value", first=0), ask={"image_url": "{nowhere}"},
         formats=NEED_BYTES),
    Case("over_tls", DELIVERED, way="tls"),
    Case("gzip", DELIVERED, "gzip", at_result=True),
    Case("draft_before_the_picture", DELIVERED, "thought", formats=("gemini",)),
    Case("picture_in_markdown", DELIVERED, "markdown", formats=("chat_completions",)),
    Case("grid_before_the_pictures", Expect(200, images=2), "grid", ask={"n": 2}, formats=("sdapi",)),

    # --- the request cannot have been begun: the next route ---
    Case("rate_limited", MOVED_ON, "status=429 retry_after=3"),
    Case("rate_limited_everywhere", Expect(503, "model_overloaded"), "status=429 retry_after=3", has_second=False),
    Case("credential_missing", MOVED_ON, provider={"credential": None}),
    Case("connection_refused", NEVER_ARRIVED, way="plain", mode="refuse"),
    Case("certificate_not_trusted", NEVER_ARRIVED, way="untrusted"),

    # --- it may have worked: no second call ---
    Case("server_error", FAILED, "status=500"),
    Case("reset_instead_of_an_answer", FAILED, way="plain", mode="reset"),
    Case("cut_body", FAILED, way="plain", mode="cut"),
    Case("cut_tls", FAILED, way="tls", mode="cut"),
    Case("read_timeout", TIMED_OUT, way="plain", mode="hold", timeout=1),
    Case("slow_drip", TIMED_OUT, way="plain", mode="drip", timeout=1),
    Case("endless_body", FAILED._replace(first=0), way="plain", mode="endless"),  # the sandbox is not asked
    Case("gzip_bomb", FAILED, "gzip_bomb=64", at_result=True),
    Case("html_with_200", FAILED, "body=html", at_result=True),
    Case("broken_json", FAILED, "body=broken_json", at_result=True),
    # In a chat, words without a picture are a refusal.
    Case("empty_data", FAILED, "body=empty_data", but={"chat_completions": REFUSED}),
    Case("wrong_base64", FAILED, "body=wrong_base64"),
    Case("not_an_image", FAILED, "body=not_image"),
    Case("impossible_dimensions", FAILED, "huge_dimensions"),
    # The sandbox is not asked.
    Case("no_picture_and_a_reason", FAILED._replace(first=0), way="scripted", script=no_picture_and_why,
         formats=("gemini", "chat_completions")),
    Case("picture_above_the_limit", FAILED, "size_bytes=1300000"),

    # --- some of it ---
    Case("fewer_images_than_asked", Expect(200, images=1), "images=1", ask={"n": 2},
         but={name: Expect(200, images=1, first=2) for name in ONE_PER_CALL}),
    Case("one_call_of_several_fails", Expect(200, images=3, first=4), "status=500", ask=four(),
         formats=SEVERAL_CALLS, but={"openai_images": Expect(200, images=2, first=2)}),
    # Nothing but this one was not begun: it alone is asked for over the other route.
    Case("one_call_of_several_is_not_begun", Expect(200, images=4, first=4, second=1), "status=429", ask=four(),
         formats=SEVERAL_CALLS, but={"openai_images": Expect(200, images=4, first=2, second=1)}),

    # --- jobs ---
    Case("submission_without_json", FAILED, "body=html", formats=JOBS),
    Case("poll_that_fails_and_recovers", DELIVERED, "polls=2 poll_status=503", formats=JOBS),
    # A job that was begun is nobody else's, whatever a poll is told.
    Case("poll_that_finds_no_job", FAILED, "polls=9 poll_status=404", formats=JOBS),
    Case("poll_that_is_unauthorized", FAILED, "polls=9 poll_status=401", formats=JOBS),
    Case("poll_that_is_rate_limited", DELIVERED, "polls=1 poll_status=429 retry_after=1", formats=JOBS),
    Case("job_that_never_ends", TIMED_OUT, "polls=1000000", timeout=2, formats=JOBS),
    Case("result_that_is_always_cut", TIMED_OUT, "cut=10", at_result=True, timeout=2, formats=JOBS),
    # The sandbox is not asked in these three.
    Case("polling_url_of_another_host", FAILED._replace(first=0), way="scripted", script=polled_elsewhere,
         formats=JOBS),
    Case("polling_url_without_tls", FAILED._replace(first=0), way="scripted_tls", script=polled_without_tls,
         formats=JOBS),
    Case("picture_at_another_host", DELIVERED._replace(first=0), way="scripted", script=pictures_elsewhere,
         formats=JOBS),
    Case("picture_that_is_gone", FAILED, "status=404 at=picture", formats=JOBS),
    Case("picture_that_is_cut", FAILED, "cut=100 at=picture", formats=JOBS),
    Case("picture_that_takes_too_long", TIMED_OUT, "delay_ms=5000 at=picture", timeout=2, formats=JOBS),
)


def cases_of(form):
    for case in CASES:
        if form.name not in case.formats:
            continue
        if case.name == "fewer_images_than_asked" and form.per_call == 1:
            case = case._replace(words="body=empty_data")  # one of two calls gives nothing
        yield case
    for way in form.refusals:
        yield Case(f"refused_by_{way}", REFUSED, f"refuse={way}")
    if form.refusals and form.name in SEVERAL_CALLS:
        yield Case("one_call_of_several_is_refused", Expect(200, images=4 - form.per_call, first=4 // form.per_call),
                   f"refuse={form.refusals[0]}", ask=four())


def fill(value, places):
    """A request's field with its `{places}`."""
    if isinstance(value, list):
        return [fill(each, places) for each in value]
    if isinstance(value, str) and value.startswith("{"):
        return places[value[1:-1]]
    return value


def request_of(case, form, places):
    fields = {**ASK, **case.ask}
    if case.name == "seed_request":
        fields = dict(SEED_REQUEST)
        if form.needs_bytes:  # which would be fetched from the internet
            fields["image_url"] = [places["reference"]]
    return {name: fill(value, places) for name, value in fields.items() if value is not None}
