"""Copies are found by pixels and by hash, and say of which set."""

import numpy as np

from components.pair_filter.copies.evaluation_images import EvaluationImages, Prints, collect


def prints(of: str, pixels: list[int], perceptual: list[int]) -> Prints:
    return Prints(of, np.array(pixels, np.uint64), np.array(perceptual, np.uint64))


def find_copies(images: EvaluationImages, pixels: list[int | None], perceptual: list[int | None]) -> dict[int, str]:
    given = [
        (np.array([value or 0 for value in values], np.uint64), np.array([value is not None for value in values]))
        for values in (pixels, perceptual)
    ]
    return images.find_copies(*given[0], *given[1])


PARTS = [prints("seen", [5, 7], [0b1111]), prints("coco", [7, 2**63], [0b1111, 0b1111 << 20]), prints("none", [], [])]


def test_copies_are_found_within_the_distance():
    images = collect(PARTS, max_distance=2)
    found = find_copies(images, [5, None, 99, 2**63, 98, 97, 7], [None, 0b1111, 0b111, 1, 0b1, 0b11, None])
    assert found == {
        0: "a copy of an image of 'seen'",
        1: "within 0 bits of an image of 'coco'",  # of two sets the first by name
        2: "within 1 bits of an image of 'coco'",
        3: "a copy of an image of 'coco'",
        5: "within 2 bits of an image of 'coco'",
        6: "a copy of an image of 'coco'",
    }


def test_without_a_distance_only_equal_pixels_count():
    assert find_copies(collect(PARTS, None), [5, 1], [0b1111, 0b1111]) == {0: "a copy of an image of 'seen'"}


def test_the_order_of_the_parts_does_not_matter():
    forwards, backwards = collect(PARTS, 2), collect(PARTS[::-1], 2)
    np.testing.assert_array_equal(forwards.pixels, backwards.pixels)
    np.testing.assert_array_equal(forwards.pixels_of, backwards.pixels_of)
    np.testing.assert_array_equal(forwards.hashes_of, backwards.hashes_of)


def test_no_evaluation_images_are_copied_by_nothing():
    assert find_copies(collect([], 4), [1, None], [2, 3]) == {}
