"""Cuts captions into the words that pieces are learnt from, as BERT and the model's tokenizer cut them."""

from __future__ import annotations

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

_NORMALIZER = BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True)
_PRE_TOKENIZER = BertPreTokenizer()


def split_words(text: str) -> list[str]:
    """Return the words of a caption: lower case, without accents; punctuation and each CJK character by itself.

    Reference: BERT's basic tokenizer, arXiv:1810.04805.
    """
    return [word for word, _ in _PRE_TOKENIZER.pre_tokenize_str(_NORMALIZER.normalize_str(text))]
