"""What the fork server imports, and nothing else does: a decoder forked from it has all it needs.

One cell is read here and now. Pillow looks for its formats with the first picture, and OpenCV builds tables with the
first colours, a tenth of a second.
"""

from app.light_start import uncollected

with uncollected():
    import numpy as np

    import app.inference.decoder_pool  # noqa: F401 - whose functions run in a decoder
    import models.dicom  # noqa: F401 - otherwise imported with the first DICOM file
    from app.inference.upload import encode_png, read_upload
    from models.decoding import SIDE_PX

    _cell = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    _cell[150:300, 150:300] = 120, 60, 140
    read_upload(encode_png(_cell))
