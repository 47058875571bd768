"""How much a text and an image count in a query, where nobody says.

Reference: ALIGN, arXiv:2102.05918, its section on search with image+text queries: text 2 : image 1 worked best.
"""

IMAGE_WEIGHT = 1.0
TEXT_WEIGHT = 2.0
