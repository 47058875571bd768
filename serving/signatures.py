"""The names that a served dual encoder answers to: signatures, inputs and outputs.

Legend: N requests in a batch, C captions of the image that has most in the batch, D embedding dimension.
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

# evaluate: examples [N] string (serialized tf.train.Example as in components/schema.py, class/texts among its features)
# -> the five below, each row a function of its own Example alone
EVALUATE = "evaluate"
EXAMPLES = "examples"
IMAGE_EMBEDDING = "image_embedding"  # [N, D] float32, unit length
CAPTION_EMBEDDING = "caption_embedding"  # [N, C, D] float32, unit length; rows past caption_count are zero
CAPTION_COUNT = "caption_count"  # [N] int64, captions of each image
LABEL = "label"  # [N] string, the class label or empty
LABEL_EMBEDDING = "label_embedding"  # [N, D] float32, normalised mean of the embeddings of class/texts; zero for none
