"""Which precision a CPU is fast in, by lines that Linux writes."""

from __future__ import annotations

import pytest

from models.saving.bfloat16_units import precision_for


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("fpu avx2 avx512f avx512_bf16 la57", "bfloat16"),  # Cooper Lake, Zen 4
        ("fpu avx2 amx_bf16 amx_tile", "bfloat16"),  # Sapphire Rapids
        ("fpu avx avx2 fma", "float32"),
        ("fpu avx512f avx512_bf16x", "float32"),
        ("", "float32"),
    ],
)
def test_by_its_flags(flags, precision):
    assert precision_for(f"processor\t: 0\nmodel name\t: amx_bf16\nflags\t\t: {flags}\n\nprocessor\t: 1\n") == precision


def test_nothing_known():
    assert precision_for("Features : fp asimd bf16\n") == "float32"
