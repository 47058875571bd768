"""What a class asks with in zero-shot classification: each of its names, put into each prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.closest_name import did_you_mean


def class_texts(label: str, *, prompts: Sequence[str], class_names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Returns the texts whose embeddings are averaged and normalised to the class's own (ALIGN section 5.3).

    Args:
      label: of the class; "" is no class and has no texts.
      prompts: templates with one "{}" for a name.
      class_names: label -> its names; a label that is not listed is its own name.

    Returns:
      names x prompts, name by name.
    """
    if not label:
        return ()
    return tuple(prompt.replace("{}", name) for name in class_names.get(label, (label,)) for prompt in prompts)


def unknown_labels(class_names: Mapping[str, Sequence[str]], labels: Sequence[str]) -> list[str]:
    """Returns a sentence for each class that has names and that no image is of, with the closest that one is of.

    Args:
      class_names: label -> its names.
      labels: the classes of all images.
    """
    return [
        f"evaluation.class_names names {name!r}, which is the label of no image{did_you_mean(name, labels)}"
        for name in class_names
        if name not in labels
    ]
