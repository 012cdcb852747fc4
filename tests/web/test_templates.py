"""Templates and their contexts fit each other, stay small, and keep to the content security policy."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from app.notice import INTENDED_USE
from app.reviews.summary import NOT_A_SHARE_OF_BLASTS
from app.web.page_contexts import Context
from app.web.rendering import STATIC_DIR, TEMPLATES_DIR, environment, render
from tests.web.samples import HOSTILE, Sample, cell_page, panel, result, samples

CONTEXTS = sorted(Context.__subclasses__(), key=lambda context: context.__name__)
TEMPLATES = sorted(TEMPLATES_DIR.rglob("*.html"))
SAMPLES = samples()


def _own_names(tree: nodes.Template) -> set[str]:
    own: set[str] = set()
    for node in tree.body:
        if isinstance(node, nodes.FromImport):
            own |= {name if isinstance(name, str) else name[1] for name in node.names}
        elif isinstance(node, nodes.Macro):
            own.add(node.name)
        elif isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            own.add(node.target.name)
    return own


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.__name__)
def test_a_template_uses_exactly_the_fields_of_its_context(context: type[Context]) -> None:
    source = (TEMPLATES_DIR / context.template).read_text()
    tree = environment().parse(source)
    used = find_undeclared_variables(tree) - _own_names(tree) - set(environment().globals) - {"chrome"}
    assert {field.name for field in fields(context)} == used


def test_every_context_has_a_sample() -> None:
    assert set(CONTEXTS) == {type(sample.context) for sample in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_renders_under_strict_undefined(sample: Sample) -> None:
    assert "<" in render(sample.chrome, sample.context)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_page_with_its_styles_and_scripts_stays_under_150_kilobytes(sample: Sample) -> None:
    own = render(sample.chrome, sample.context)
    assets = set(re.findall(r'"/static/([^?"]+\.(?:css|js))\?', own))
    assert len(own.encode()) + sum((STATIC_DIR / name).stat().st_size for name in assets) < 150_000


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_page_shows_no_text_of_a_user_as_markup(sample: Sample) -> None:
    assert HOSTILE not in render(sample.chrome, sample.context)


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if not sample.context.template.startswith("partials/")],
    ids=lambda sample: sample.name,
)
def test_every_whole_page_carries_the_intended_use(sample: Sample) -> None:
    assert INTENDED_USE in render(sample.chrome, sample.context)


def test_the_result_alone_carries_the_intended_use_too() -> None:
    partial = next(sample for sample in SAMPLES if sample.name == "cell-result")
    assert INTENDED_USE in render(partial.chrome, partial.context)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_no_page_says_what_this_software_may_not_say(sample: Sample) -> None:
    text = re.sub(r"<[^>]+>", " ", render(sample.chrome, sample.context)).lower()
    for denial in (INTENDED_USE, NOT_A_SHARE_OF_BLASTS):
        text = text.replace(denial.lower(), "")
    for word in ("diagnosis", "diagnostic", "negative", "no leukaemia", "% certain", "blast percentage"):
        assert word not in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_style_or_script_or_trusts_a_string(template: Path) -> None:
    source = template.read_text()
    assert re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|hx-on|javascript:|\|\s*safe|hx-vals", source) is None
    for tag in re.findall(r"<script\b[^>]*>", source):
        assert " src=" in tag
    assert re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", source) is None


def test_ids_are_unique_on_every_page() -> None:
    for sample in SAMPLES:
        ids = re.findall(r'\sid="([^"]+)"', render(sample.chrome, sample.context))
        assert len(ids) == len(set(ids)), sample.name


def test_every_label_in_a_page_names_a_control() -> None:
    for sample in SAMPLES:
        html = render(sample.chrome, sample.context)
        assert set(re.findall(r'<label for="([^"]+)"', html)) <= set(re.findall(r'\sid="([^"]+)"', html))


def test_the_band_and_both_bars_are_drawn_where_the_numbers_say() -> None:
    html = render(SAMPLES[0].chrome, cell_page(result(0.75), panel()))
    assert '<rect class="bar-band" x="360.0" y="0" width="280.0"' in html
    assert '<rect class="bar-fill" x="0" y="5" width="750.0"' in html
    assert '<rect class="bar-fill" x="0" y="5" width="250.0"' in html
