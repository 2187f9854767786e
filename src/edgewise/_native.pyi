"""The compiled part. Addresses are `data_ptr()` of contiguous CPU tensors, checked by the caller."""

def cpu_level() -> str:
    """`x86-64-v4`, `x86-64-v3`, `x86-64-v2`, or `baseline` for every other processor."""

def merge_runs(
    operation: int,
    rows: int,
    a_offsets: int,
    a_start: int,
    a_stop: int,
    b_offsets: int,
    b_start: int,
    b_stop: int,
    out_offsets: int,
    out_start: int,
    out_stop: int,
) -> int:
    """Set algebra row by row: 0 a | b, 1 a & b, 2 a - b. Returns the number of runs written.

    Offsets are int64 [rows + 1], starts and stops int32, sorted and disjoint within a row. The outputs have room for
    the runs of a and b together; what is written is sorted, disjoint and does not touch.
    """
