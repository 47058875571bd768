"""The names that a served dual encoder answers to: signatures, inputs and outputs.

Legend: N requests in a batch, M texts, L labels, T templates, C captions of the image that has most in the batch, D
embedding dimension. N, M and L may be 0.
This module imports nothing: training writes by these names, serving and evaluation read by them.
"""

MODEL_NAME = "align"

# encode_image: image_bytes [N] string (an encoded PNG, JPEG, GIF or BMP) -> embedding [N, D] float32, unit length
ENCODE_IMAGE = "encode_image"
IMAGE_BYTES = "image_bytes"

# encode_text: text [N] string (UTF-8) -> embedding [N, D] float32, unit length
ENCODE_TEXT = "encode_text"
TEXT = "text"

EMBEDDING = "embedding"

# similarity: image_bytes [N] string, text [M] string -> cosine [N, M] float32, probability [N, M] float32: the softmax
# over the texts of the cosines divided by the temperature that the model learnt
SIMILARITY = "similarity"
COSINE = "cosine"
PROBABILITY = "probability"

# classify: image_bytes [N] string, labels [L] string, templates [T] string, each with one "{}" where the label stands
# -> cosine and probability [N, L] float32, label [N] string, the one of highest cosine (empty where L is 0). A label's
# vector is the normalised mean of its T texts' (ALIGN section 5.3).
CLASSIFY = "classify"
LABELS = "labels"
TEMPLATES = "templates"
PLACEHOLDER = "{}"

# serving_default is encode_text: what a search asks for each query, and what can be typed into curl. It refuses what is
# no UTF-8, such as the bytes of a picture. Where the image half is served alone it is encode_image.
DEFAULT = "serving_default"

# evaluate: examples [N] string (serialized tf.train.Example as in components/schema.py, class/texts among its features)
# -> the five below, each row a function of its own Example alone
EVALUATE = "evaluate"
EXAMPLES = "examples"
IMAGE_EMBEDDING = "image_embedding"  # [N, D] float32, unit length
CAPTION_EMBEDDING = "caption_embedding"  # [N, C, D] float32, unit length; rows past caption_count are zero
CAPTION_COUNT = "caption_count"  # [N] int64, captions of each image
LABEL = "label"  # [N] string, the class label or empty
LABEL_EMBEDDING = "label_embedding"  # [N, D] float32, normalised mean of the embeddings of class/texts; zero for none
