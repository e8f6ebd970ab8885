"""Models that lack what a generation needs, in every combination, added to the suite's catalog."""
import itertools
import os

from suite import wait_until

# In the order in which a request is refused for them.
LACKS = ("images", "references", "route", "price")
PROVIDER = """
  - name: sandbox-off
    wire_format: openai_images
    base_url: {sandbox}/v1
    credential: env:PROVIDER_KEY_SANDBOX
    images_enabled: false
"""


def model_without(*lacks):
    """The public ID of the model that lacks these and nothing else."""
    return "-".join(["lacks", *(word for word in LACKS if word in lacks)])


def model_text(lacks):
    name = model_without(*lacks)
    return f"""  - name: {name}
    public_ids: [{name}]
    owned_by: prismatic
    capabilities: [{"text_generation" if "images" in lacks else "image_generation"}]
{"" if "price" in lacks else '    retail_generation_usd: "0.04"'}
    routes:
      - provider: {"sandbox-off" if "route" in lacks else "sandbox"}
        upstream_model: {name}
        supported_parameters: [n, size]
        reference_images: {"none" if "references" in lacks else "native"}
"""


def add_faulty_models(suite):
    path = os.path.join(suite.state, "catalog.yaml")
    with open(path, encoding="utf-8") as catalog:
        providers, models = catalog.read().split("\nmodels:\n")
    subsets = itertools.chain.from_iterable(itertools.combinations(LACKS, count) for count in range(1, len(LACKS) + 1))
    providers += PROVIDER.format(sandbox=suite.env["PRISMATIC_SANDBOX_URL"])
    models = models.rstrip() + "\n" + "".join(model_text(lacks) for lacks in subsets)
    with open(path, "w", encoding="utf-8") as catalog:
        catalog.write(f"{providers}\nmodels:\n{models}")
    suite.cli("catalog", "apply", path)
    last = model_without(*LACKS)
    wait_until(lambda: last in suite.api("GET", "/models").body.decode(), 5, "the new models")
