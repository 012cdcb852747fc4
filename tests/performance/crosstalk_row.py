"""The crosstalk test's figures as a row: how many answers of a long, rough run were swapped or wrong."""

import tempfile
from pathlib import Path

from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import running_server
from tests.faults.crosstalk import CLIENTS, make_uploads, send_all
from tests.performance.figures import Row


def crosstalk_rows(scratch: Path, count: int) -> list[Row]:
    """Run it on the small test bundle, whose engine is quick enough to make everything else the crowd."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        data_dir = Path(folder)
        make_bundle(data_dir / "models")
        uploads = make_uploads(data_dir / "models" / NAME / "0.1.0", count)
        with running_server(data_dir, f"{NAME}/0.1.0") as server:
            found = send_all(server.address, server.key("cases:read", "cases:write"), uploads)
    what = f"{count:,} requests, {CLIENTS} at a time: answers swapped or wrong"
    happened = (
        f"{found.answered:,} answered, {found.cancelled:,} given up ({found.stored_after_cancel:,} of them stored), "
        f"{found.refused:,} bad files refused, {found.busy:,} sent again after 503, {found.late:,} stored but late"
    )
    return [Row(what, happened, "the classifier alone", f"{len(found.wrong)}", "0", not found.wrong)]
