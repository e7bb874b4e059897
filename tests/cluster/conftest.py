"""The small cases of the workflows' tests serve here, too."""

import importlib.util
from pathlib import Path

_source = Path(__file__).parent.parent / "workflows" / "conftest.py"
_spec = importlib.util.spec_from_file_location("conftest_of_workflows", _source)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
write_case, six_cases = _module.write_case, _module.six_cases
