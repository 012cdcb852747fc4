from models.bundle import Figures, Interval
from models.metrics import METRICS
from models.networks import Architecture
from tests.bundles import make_manifest
from training.judging.evaluate import Comparison, GroupShare
from training.publishing.card import INTENDED_USE, description, figures_table, groups_table, verdicts


def _interval(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


def _comparison(gain_low: float) -> Comparison:
    gains = ("auroc_over_area", "auroc_over_measurements", "weighted_f1_over_measurements")
    return Comparison(
        figures=Figures(
            description="drawn",
            command="none",
            cells=9,
            malignant_groups=2,
            healthy_groups=1,
            metrics=dict.fromkeys(METRICS, _interval(0.7, 0.9)),
        ),
        baselines={},
        gains=dict.fromkeys(gains, _interval(gain_low, 0.4)),
        band={},
        groups=[GroupShare(group="H40", label="healthy", cells=55, called_malignant=1.0)],
    )


def test_a_gain_whose_interval_holds_zero_is_not_called_one() -> None:
    assert "is **not** shown to beat area alone" in verdicts({"these weights": _comparison(-0.1)})
    assert ": beats area alone" in verdicts({"these weights": _comparison(0.1)})


def test_a_missing_column_is_said_and_not_left_out() -> None:
    assert "was not computed" in verdicts({"these weights": _comparison(0.1)})


def test_every_metric_stands_in_the_table_with_its_interval() -> None:
    table = figures_table({"these weights": _comparison(0.1)})
    assert table.count("0.800 (0.700 to 0.900)") == len(METRICS)


def test_a_group_that_is_called_wrong_as_a_whole_shows_as_such() -> None:
    table = groups_table({"these weights": _comparison(0.1)})
    assert "| these weights | H40 | healthy | 55 | 100% |" in table


def test_the_description_names_the_levels_that_are_read_and_what_the_trees_weigh() -> None:
    manifest = make_manifest()
    head = manifest.head.model_copy(update={"trees": 300})
    two = Architecture(name="vgg16", blocks=4, levels=2)
    texts = [
        description(manifest.model_copy(update={"architecture": each, "head": head}))
        for each in (two, manifest.architecture)
    ]
    assert "block 3's" in texts[0]
    assert "300 boosted trees on the same measurements, a third of the margin" in texts[0]
    assert "block 1's" not in texts[1]
    assert "half of the margin" in texts[1]


def test_the_intended_use_is_the_research_sentence() -> None:
    assert INTENDED_USE == "For research use only. Not for use in diagnostic procedures."
