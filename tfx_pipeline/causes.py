"""Why something failed, as one line for whoever looks at the end of a log."""

from __future__ import annotations


def explain(error: BaseException) -> str:
    """Returns the root cause of an exception as one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, SystemExit):  # says nothing itself: what argparse refused is the error before it
        cause = f" ({explain(error.__context__)})" if error.__context__ else ""
        return f"it called for an exit with status {error.code}{cause}; the log says why"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
