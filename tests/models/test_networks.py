"""The networks have the sizes the paper's have."""

import pytest
from pydantic import ValidationError

from models.networks import Architecture, build_base, build_classifier, vgg_convolutions, vgg_macs


def test_vgg16_at_250_px_costs_18_8_gmac() -> None:
    assert vgg_macs(Architecture(name="vgg16"), 250) == 18_796_942_080


@pytest.mark.parametrize(("name", "convolutions"), [("vgg16", 13), ("vgg19", 16)])
def test_a_vgg_has_its_number_of_convolutions(name: str, convolutions: int) -> None:
    assert len(vgg_convolutions(Architecture(name=name))) == convolutions


def test_the_vgg16_base_has_the_published_number_of_parameters() -> None:
    assert build_base(Architecture(name="vgg16")).count_params() == 14_714_688


def test_the_papers_vgg16_ends_in_two_dense_512_and_two_logits() -> None:
    model = build_classifier(Architecture(name="vgg16"), 64)
    head = 512 * 512 + 512 + 512 * 512 + 512 + 512 * 2 + 2
    assert model.count_params() == 14_714_688 + head
    assert model.output_shape == (None, 2)


def test_the_papers_xception_has_one_dense_2048() -> None:
    model = build_classifier(Architecture(name="xception"), 96)
    assert model.get_layer("dense1").units == 2048
    assert model.output_shape == (None, 2)


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ValueError, match="got 'resnet'"):
        build_base(Architecture(name="resnet"))


@pytest.mark.parametrize("architecture", [{"name": "vgg16", "blocks": 1}, {"name": "xception"}])
def test_what_has_no_level_below_is_refused_as_one_that_reads_two(architecture: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="two blocks or more"):
        Architecture.model_validate(architecture | {"levels": 2})
