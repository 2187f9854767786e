"""Shapes in signatures are executed while tests run: jaxtyping and beartype check every annotated call."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from jaxtyping import install_import_hook

install_import_hook("edgewise", "beartype.beartype")
