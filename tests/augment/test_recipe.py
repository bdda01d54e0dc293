"""Recipes: reading and editing them, and their effect."""

import numpy as np
import pytest
import yaml

from munseo._augment import COMPETITION, DAMAGES, DOCUMENT, Recipe, apply_recipe, build_policy
from munseo._errors import UserError
from munseo._randomness import generator


@pytest.mark.parametrize("recipe", [COMPETITION, DOCUMENT], ids=lambda recipe: recipe.name)
def test_a_recipe_survives_the_way_through_yaml(recipe):
    assert Recipe.from_dict(yaml.safe_load(yaml.safe_dump(recipe.to_dict()))) == recipe
    assert {entry[0] for entry in recipe.damages} <= set(DAMAGES)


def test_the_document_recipe_knows_every_damage():
    assert {entry[0] for entry in DOCUMENT.damages} == set(DAMAGES)


def test_damages_happen_as_often_and_as_strongly_as_the_table_says(letter):
    page = np.full((32, 32, 3), 100, np.uint8)
    recipe = Recipe.of("light", brightness=(0.3, 0.2, 0.6))
    added = [int(apply_recipe(page, recipe, generator(0, "t", index))[16, 16, 0]) - 100 for index in range(1500)]
    changed = [value for value in added if value]
    assert 0.26 < len(changed) / len(added) < 0.34
    assert min(changed) >= 18
    assert max(changed) <= 54
    assert abs(np.mean(changed) - 36) < 2


def test_switching_one_damage_off_leaves_the_choice_of_the_others(letter):
    without = DOCUMENT.changed({"occlusion": {"probability": 0}})
    assert len(without.damages) == len(DOCUMENT.damages)
    same = [
        np.array_equal(*(apply_recipe(letter, recipe, generator(0, "t", index)) for recipe in (DOCUMENT, without)))
        for index in range(60)
    ]
    assert 0.5 < np.mean(same) < 0.95, "pages that had no box are what they were"


def test_the_document_policy_takes_overrides(letter):
    still = {name: {"probability": 0} for name in DAMAGES}
    policy = build_policy("document", {**still, "mirror": {"probability": 1, "severity": [1, 1]}})
    assert policy.name == "document"
    assert np.array_equal(policy(letter, generator(0, "t")), letter[:, ::-1])
    changed = build_policy("document", {"jpeg": {"probability": 1}}).recipe
    kept, before = ({entry[0]: entry[1:] for entry in recipe.damages} for recipe in (changed, DOCUMENT))
    assert kept["jpeg"] == (1.0, *before["jpeg"][1:])
    assert {**kept, "jpeg": None} == {**before, "jpeg": None}


def test_wrong_overrides_are_reported_together():
    wrong = {
        "rotaton": {"probability": 1},
        "mirror": 0.5,
        "noise": {"probability": 2, "severity": [0.8, 0.2]},
        "jpeg": {"probability": True, "quality": 3},
        "stain": {"severity": [0, float("nan")]},
    }
    with pytest.raises(UserError) as caught:
        build_policy("document", wrong)
    told = "\n".join(caught.value.problems)
    assert "augmentation_params.document.rotaton: no such damage; did you mean rotation?" in told
    assert "augmentation_params.document.mirror: 0.5 is not allowed; should be like {probability: 0.3" in told
    assert "augmentation_params.document.noise.probability: 2 is not allowed" in told
    assert "augmentation_params.document.noise.severity: [0.8, 0.2] is not allowed; low first" in told
    assert "augmentation_params.document.jpeg.probability: True is not allowed" in told
    assert "augmentation_params.document.jpeg.quality: unknown; known: probability, severity" in told
    assert "augmentation_params.document.stain.severity: [0, nan] is not allowed" in told
    assert len(caught.value.problems) == 7


def test_errors_of_a_recipe_are_reported_together():
    with pytest.raises(UserError) as caught:
        Recipe.from_dict(
            {"name": 3, "damage": {}, "damages": {"blur": {"probability": 0.1}, "noise": {}}}, "shift.yaml"
        )
    told = "\n".join(caught.value.problems)
    assert "shift.yaml.name: 3 is not allowed; should be text" in told
    assert "shift.yaml.damage: unknown; known: name, damages" in told
    assert "shift.yaml.damages.blur: no such damage" in told
    assert "shift.yaml.damages.noise.probability: missing; a number from 0 to 1" in told
    with pytest.raises(UserError, match="wrong"):
        Recipe.from_dict({"name": "x"})
