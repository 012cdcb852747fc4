"""Sample contexts of the model pages: versions, their figures, activations and retrainings."""

from dataclasses import replace
from datetime import timedelta

from app.web.markdown import markdown
from app.web.page_contexts import (
    ActivationRow,
    Compared,
    ComparedFact,
    ComparedMetric,
    Estimate,
    Fact,
    MetricRow,
    ModelComparisonPage,
    ModelPage,
    ModelRef,
    ModelRow,
    Plot,
    RetrainingRow,
)
from app.web.words import (
    GateVerdict,
    ModelState,
    Verification,
)
from tests.web.sample import DIGEST, HOSTILE, MODEL, NOW

CARD = """# vgg16-cnmc 0.1.0

A VGG16 that tells malignant B-lymphoblasts from **normal B-lymphoid precursors** in single-cell pictures.

## Data

- C-NMC 2019, 5,433 pictures of 49 subjects, [TCIA](https://doi.org/10.7937/tcia.2019.dc64i46r)
- Split by leak group: a person, with duplicates merged,
  never by picture

| part | groups | cells |
|---|---|---|
| train | 31 | 3,960 |
| test | 7 | 805 |

## Reproduce

```
python -m training fit --profile honest
```
"""

CANDIDATE = ModelRef("vgg16-cnmc", "0.2.0")
ACTIVATIONS = (
    ActivationRow(MODEL, NOW, "Dr. Marta Lindqvist", "0.2.0 called every large cell malignant " + HOSTILE),
    ActivationRow(CANDIDATE, NOW - timedelta(days=1), "command line", "Better calibrated"),
    ActivationRow(MODEL, NOW - timedelta(days=9), "server", ""),
)

MODEL_PAGE = ModelPage(
    model=MODEL,
    state=ModelState.ACTIVE,
    sha256=DIGEST,
    verification=Verification.VERIFIED,
    verified_at=NOW,
    verification_detail="9 files match the manifest; golden outputs agree to 2e-5.",
    facts=(
        Fact("Architecture", "VGG16, global average pooling, 512, 512, 2"),
        Fact("Input", "450x450, centre crop 320, RGB"),
        Fact("Preprocessing", "crop-320, version 2"),
        Fact("Label order", "malignant, healthy"),
        Fact("Indeterminate band", "0.360 to 0.640"),
        Fact("Calibration", "slope 0.83, intercept -0.21, at prevalence 0.61"),
        Fact("Training data", "b3c1f20a77de (C-NMC 2019, 4,628 cells)"),
        Fact("Licence", "Apache-2.0; data CC BY 3.0"),
    ),
    metrics=(
        MetricRow("AUROC", Estimate(0.913, 0.861, 0.951), Estimate(0.921, 0.842, 0.968)),
        MetricRow("Sensitivity, malignant", Estimate(0.872, 0.812, 0.921), Estimate(0.881, 0.79, 0.93)),
        MetricRow("Specificity", Estimate(0.803, 0.701, 0.884), None),
        MetricRow("Weighted F1", Estimate(0.851, None, None), Estimate(0.859, 0.8, 0.9)),
    ),
    metrics_note="95 % intervals, bootstrap over leak groups: 14 healthy and 29 malignant out of fold, "
    "3 and 4 in the test part.",
    plots=(Plot("procedure.png", "The procedure, out of fold: ROC curves, reliability"),),
    card=markdown(CARD, deeper=2),
    activations=ACTIVATIONS[:1],
)

RETRAININGS = (
    RetrainingRow(
        number=2,
        at=NOW,
        champion="vgg16-cnmc/0.2.0",
        challenger="vgg16-cnmc-local/0.2.0",
        learned_from="412 new cells; 96 reviewed ones were offered",
        snapshot=DIGEST,
        verdict=GateVerdict.INCONCLUSIVE,
        reasons=("auroc may worsen by more than 0.03 " + HOSTILE,),
        let_pass_by="Dr. Marta Lindqvist and Ola Berg " + HOSTILE,
    ),
)

MODEL_ROWS = (
    ModelRow(
        MODEL,
        "VGG16",
        ModelState.ACTIVE,
        Verification.VERIFIED,
        NOW,
        DIGEST,
        "AUROC 0.913 (0.861 to 0.951), out of fold, 43 groups",
    ),
    ModelRow(
        CANDIDATE,
        "VGG16",
        ModelState.CANDIDATE,
        Verification.NOT_CHECKED,
        None,
        DIGEST[::-1],
        "AUROC 0.921 (0.870 to 0.957), out of fold, 43 groups",
    ),
)

COMPARISON = ModelComparisonPage(
    left=Compared(MODEL, ModelState.ACTIVE, "2170 cells of 11 malignant and 6 healthy leak groups."),
    right=Compared(CANDIDATE, ModelState.CANDIDATE, "No figures on a test part."),
    metrics=tuple(
        ComparedMetric(row.name, row, None if number == 2 else replace(row, weights=None))
        for number, row in enumerate(MODEL_PAGE.metrics)
    ),
    facts=(
        *(ComparedFact(fact.name, fact.value, fact.value) for fact in MODEL_PAGE.facts[:3]),
        ComparedFact("Novelty limit", "3.36, with 99% of held-out cells within", ""),
    ),
    choices=(MODEL, CANDIDATE),
)
