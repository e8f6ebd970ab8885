"""The words that boards are written in."""


def panel(title, description, unit, *targets, width=8, **more):
    """One panel; a target is (expression, legend). `more`: kind, stack, min, thresholds, states, color."""
    return {"kind": "timeseries", **more, "title": title, "description": description, "unit": unit, "targets": targets,
            "width": width}


def state(title, description, target, states, **more):
    """What a gauge of few values has been; a state is (value, words, colour)."""
    return panel(title, description, "none", target, kind="state-timeline", states=states, color="thresholds", **more)


def stat(title, description, unit, target, thresholds, **more):
    """One figure, green until the first threshold; a threshold is (value, colour)."""
    return panel(title, description, unit, target, kind="stat", thresholds=thresholds, color="thresholds", **more)


def quantiles(metric, by="", matchers="@", shares=(0.5, 0.95, 0.99)):
    """Targets for the quantiles of a histogram, of everything or by a label."""
    labels = f"le,{by}" if by else "le"
    prefix = f"{{{{{by}}}}} " if by else ""
    return [(f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{matchers}}}[$__rate_interval])))",
             f"{prefix}p{share * 100:g}") for share in shares]


def rate(metric, by, matchers="@", factor=""):
    """A target: how often a second, by a label."""
    return (f"sum by ({by}) (rate({metric}{{{matchers}}}[$__rate_interval])){factor}",
            " ".join(f"{{{{{label}}}}}" for label in by.split(",")))
