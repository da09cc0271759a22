"""A worker's arrays are made without pandas, which stays there for whoever asks for it."""

import subprocess
import sys

CHILD = """
import sys
import numpy, pyarrow
from recipe_runtime.without_pandas import without_pandas
without_pandas()
made = [pyarrow.array(["a"]), pyarrow.scalar(1), pyarrow.array(numpy.zeros(2), mask=numpy.ones(2, bool))]
made.append(pyarrow.RecordBatch.from_pylist([{"a": 1}]))
numpy.array(pyarrow.array([True]))
print("pandas" in sys.modules)
print(pyarrow.table({"a": [1]}).to_pandas().shape, "pandas" in sys.modules)
import pandas
without_pandas()
print(pyarrow.array(pandas.Series([1, None])).to_pylist(), pyarrow.table({"a": [1]}).to_pandas().shape)
"""


def test_arrays_are_made_without_it_and_data_frames_with_it():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:3] == ["False", "(1, 1) True", "[1.0, None] (1, 1)"]
