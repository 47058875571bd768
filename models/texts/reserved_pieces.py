"""The word pieces that BERT reserves, arXiv:1810.04805. Imports no framework."""

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
PAD_ID = 0  # fills token ids up to their length
