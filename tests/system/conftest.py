"""The audit's assertions say what they compared."""

import pytest

pytest.register_assert_rewrite("system.accounts", "system.machine", "system.provider")
