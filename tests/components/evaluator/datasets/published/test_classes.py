"""Folders for classes, ImageNet and its variants, and the fine-grained sets in their published layouts."""

import itertools

import pytest

import published_classes
import published_sets
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.names import class_names, published, templates
from components.evaluator.datasets.published import fine_grained, imagenet
from components.evaluator.datasets.published.class_folders import names_by_folder, read_class_folders
from components.evaluator.datasets.registry import ENTRIES

SYNSETS = published("imagenet")["synsets"]


def test_images_are_labelled_by_the_folder_that_they_are_in(tmp_path):
    published_classes.class_folders(tmp_path, ["tabby_cat", "dog"], images=2)
    published_sets.put(tmp_path / "dog/puppies/3.webp", published_sets.picture(3, "WEBP"))
    published_sets.put(tmp_path / "dog/notes.txt", "no image")
    published_sets.put(tmp_path / "dog/.thumb.jpg", "hidden")
    published_sets.put(tmp_path / ".cache/1.jpg", "hidden")
    found = read_class_folders(tmp_path, names_by_folder(tmp_path))
    assert found.classes == (("dog",), ("tabby cat",))
    assert found.image_ids == ("dog/0.JPEG", "dog/1.JPEG", "dog/puppies/3.webp", "tabby_cat/0.JPEG", "tabby_cat/1.JPEG")
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert found.skipped == {"not_an_image": 1}
    assert found.images[3]() == published_sets.picture(0)


def test_a_class_without_images_is_refused(tmp_path):
    published_classes.class_folders(tmp_path, ["dog"])
    published_sets.put(tmp_path / "cat/notes.txt", "no image")
    with pytest.raises(DataSetError, match="cat holds no image; put the class's images there, or remove the folder"):
        read_class_folders(tmp_path, names_by_folder(tmp_path))


def test_folders_and_classes_must_be_the_same(tmp_path):
    published_classes.class_folders(tmp_path, ["dog", "cats"])
    with pytest.raises(DataSetError, match=r"has no folder 'cat' \(1 of 2 classes lack theirs\)"):
        read_class_folders(tmp_path, {"cat": ["cat"], "dog": ["dog"]})
    (tmp_path / "cat").mkdir()
    with pytest.raises(
        DataSetError, match=r"the folder 'cats' in .*, which is no class of the set; did you mean 'cat'"
    ):
        read_class_folders(tmp_path, {"cat": ["cat"], "dog": ["dog"]})
    with pytest.raises(DataSetError, match="is no folder"):
        names_by_folder(tmp_path / "none")
    with pytest.raises(DataSetError, match="holds no folder"):
        names_by_folder(tmp_path / "dog")


def test_the_published_names_and_prompts_are_whole():
    assert len(SYNSETS) == len({*SYNSETS}) == 1000
    assert sorted(SYNSETS) == SYNSETS
    for subset in ("imagenet-r", "imagenet-a"):
        assert len(published("imagenet")[subset]) == 200
        assert {*published("imagenet")[subset]} < {*SYNSETS}
    for language, count in {"en": 80, "zh": 80, "ja": 37, "ar": 55, "it": 49}.items():
        assert len(class_names("imagenet", language)) == 1000
        assert len(templates("imagenet", language)) == count
    assert class_names("imagenet")[:2] == (("tench",), ("goldfish",))
    assert (class_names("pets")[0], class_names("flowers102")[0]) == (("Abyssinian",), ("pink primrose",))
    assert templates("food101") == ("a photo of {}, a type of food.",)


def test_imagenet_by_synset_and_flat_with_the_devkit_are_the_same(tmp_path):
    published_classes.class_folders(tmp_path / "one/imagenet/val", SYNSETS)
    (tmp_path / "one/imagenet/train").symlink_to(tmp_path / "one/imagenet/val")
    both = ENTRIES["imagenet-knn"].load(tmp_path / "one")
    by_synset = both.test
    assert by_synset.labels.tolist() == both.train.labels.tolist() == list(range(1000))
    backwards = {number + 1: synset for number, synset in enumerate(reversed(SYNSETS))}
    published_classes.flat_imagenet(tmp_path / "two", backwards, truth=[1000, 1, 999])
    flat = ENTRIES["imagenet-it"].load(tmp_path / "two")
    assert flat.labels.tolist() == [0, 999, 1]
    assert flat.image_ids == tuple(f"ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 2, 3))
    assert (by_synset.classes[0], flat.classes[0]) == (("tench",), ("una tinca",))
    (tmp_path / "two/imagenet/val/ILSVRC2012_val_00000003.JPEG").unlink()
    with pytest.raises(DataSetError, match=r"has 2 images and .* 3 labels"):
        imagenet.read_validation(tmp_path / "two")
    (tmp_path / "two/imagenet/ILSVRC2012_devkit_t12/data/meta.mat").unlink()
    with pytest.raises(DataSetError, match=r"no folder for each synset and .*meta\.mat is missing; unpack"):
        imagenet.read_validation(tmp_path / "two")


def test_the_variants_of_imagenet_have_their_own_classes(tmp_path):
    for name in ("imagenet-r", "imagenet-a"):
        published_classes.class_folders(tmp_path / name, published("imagenet")[name])
        published_sets.put(tmp_path / name / "README.txt", "as it is published")
        found = ENTRIES[name].load(tmp_path)
        label = published("imagenet")[name].index("n01498041")  # stingray, which both have
        assert (len(found.classes), found.classes[label]) == (200, ("stingray",))
    published_classes.class_folders(tmp_path / "imagenet-v2", [str(label) for label in range(1000)])
    found = ENTRIES["imagenet-v2"].load(tmp_path)
    place = found.image_ids.index("10/0.JPEG")
    assert found.classes[found.labels[place]] == class_names("imagenet")[10]
    next((tmp_path / "imagenet-v2/10").iterdir()).unlink()
    (tmp_path / "imagenet-v2/10").rmdir()
    with pytest.raises(DataSetError, match=r"has no folder '10' \(1 of 1000"):
        ENTRIES["imagenet-v2"].load(tmp_path)


def test_flowers_are_labelled_by_number(tmp_path):
    published_classes.flowers102(tmp_path)
    found = ENTRIES["flowers102"].load(tmp_path)
    assert found.train.image_ids == ("jpg/image_00005.jpg", "jpg/image_00001.jpg")
    parts = (found.train, found.validation, found.test)
    assert [part.labels.tolist() for part in parts] == [[76, 0], [101], [76, 0]]
    assert found.test.images[1]() == published_sets.picture(3)


def test_pets_skip_the_lists_comments(tmp_path):
    published_classes.pets(tmp_path)
    found = ENTRIES["pets"].load(tmp_path)
    assert [found.train.classes[label][0] for label in found.train.labels] == ["Abyssinian", "Beagle"]
    assert [found.test.classes[label][0] for label in found.test.labels] == ["Yorkshire Terrier"]
    assert found.test.image_ids == ("images/yorkshire_terrier_9.jpg",)


def test_cars_take_their_names_from_the_devkit(tmp_path):
    published_classes.cars(tmp_path)
    found = ENTRIES["cars"].load(tmp_path)
    assert found.train.labels.tolist() == [1, 0]
    assert (found.test.image_ids, found.test.labels.tolist()) == (("cars_test/00001.jpg",), [1])
    assert found.test.classes == (("AM General Hummer SUV 2000",), ("Acura RL Sedan 2012",))
    assert len(found.test.templates) == 8


def test_food_keeps_the_order_of_its_list(tmp_path):
    published_classes.food101(tmp_path)
    found = ENTRIES["food101"].load(tmp_path)
    assert found.test.classes == (("cheesecake",), ("cheese plate",))
    assert (found.train.labels.tolist(), found.test.labels.tolist()) == ([0, 1], [1])
    published_sets.put(tmp_path / "food-101/meta/test.txt", "soup/1\n")
    with pytest.raises(DataSetError, match="names an image of 'soup'"):
        fine_grained.read_food(tmp_path)


@pytest.mark.parametrize(
    ("name", "image"),
    [("flowers102", "jpg/image_00002.jpg"), ("pets", "images/beagle_1.jpg"), ("cars", "cars_train/00002.jpg")],
)
def test_a_missing_image_is_refused(tmp_path, name, image):
    getattr(published_classes, name)(tmp_path)
    (tmp_path / name / image).unlink()
    with pytest.raises(DataSetError, match=f"1 of the . images that .* are missing, the first .*{image}; unpack"):
        ENTRIES[name].load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no MATLAB file at all" * 20])
def test_a_damaged_matlab_file_is_refused(tmp_path, content):
    published_classes.flowers102(tmp_path)
    (tmp_path / "flowers102/setid.mat").write_bytes(content)
    with pytest.raises(DataSetError, match=r"setid\.mat is damaged, or has no 'trnid'"):
        ENTRIES["flowers102"].load(tmp_path)


def test_each_image_of_a_set_is_of_one_part(tmp_path):
    for name in ("flowers102", "pets", "cars"):
        getattr(published_classes, name)(tmp_path)
        found = ENTRIES[name].load(tmp_path)
        ids = [part.image_ids for part in (found.train, found.validation, found.test) if part is not None]
        assert len({*itertools.chain(*ids)}) == sum(map(len, ids)) > 1
