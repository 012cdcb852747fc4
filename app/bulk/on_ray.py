"""Scoring files on a Ray cluster with Ray Data. Folder and bundle lie at the same paths on every node."""

from app.ray_cluster import joined  # before Ray: it sets what Ray reads when it is imported

# isort: split
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import ray
import ray.data

from app.bulk.local import score_files
from app.bulk.service import Rows, RowStream
from models.bundle import Bundle
from models.classifier import Classifier
from models.engines import EngineName

ROWS_A_TASK = 64
"""Files an actor gets at a time: seconds of work, so that the answer file grows evenly and little is lost."""


class ScoreFiles:
    """An actor's loaded model (0.5 GB with ncnn) and one engine stream; called with tables of file names."""

    def __init__(self, folder: Path, bundle_folder: Path, sha256: str, engine: EngineName) -> None:
        self._folder = folder
        self._classifier = Classifier.open(bundle_folder, engine, sha256)

    def __call__(self, table: pa.Table) -> pa.Table:
        """(n) `name`, as the file system's bytes -> (n) `row`, as JSON text, in the same order."""
        names = map(os.fsdecode, table["name"].to_pylist())
        rows = score_files(self._folder, names, self._classifier, streams=1)
        return pa.table({"row": [json.dumps(row) for row in rows]})


def ray_rows(bundle_folder: Path, engine: EngineName, address: str) -> Rows:
    """Scoring on the cluster at `address`, or on a Ray started for this run when it is empty."""

    def rows(folder: Path, names: Iterator[str], bundle: Bundle) -> RowStream:
        with joined(address):
            _settle_data_context()
            resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
            gpus = int(resources.get("GPU", 0))
            items = [{"name": os.fsencode(name)} for name in names]
            dataset = ray.data.from_items(items, override_num_blocks=-(-len(items) // ROWS_A_TASK))
            scored = dataset.map_batches(
                ScoreFiles,
                fn_constructor_args=(
                    folder.absolute(),
                    bundle_folder.absolute(),
                    bundle.sha256,
                    engine,
                ),
                batch_size=ROWS_A_TASK,
                batch_format="pyarrow",
                # One core each, so that an actor fits wherever one is free.
                num_cpus=1,
                num_gpus=1 if gpus else 0,
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=gpus or int(resources["CPU"])),
            )
            for found in scored.iter_rows():
                yield json.loads(found["row"])

    return rows


def _settle_data_context() -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # the command draws its own
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
