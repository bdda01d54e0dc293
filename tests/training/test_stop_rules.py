"""What ends a training is recorded by the rule that ends it, and every reason has a sentence in reports."""

import pytest
import pytorch_lightning as pl
import torch

from munseo._config import Config
from munseo._config.key import keys_of
from munseo._training.stop_rules import (
    STOP_RULES,
    EndReason,
    EpochRule,
    build_stop_rules,
    end_reason,
    restore_stop_rules,
)


class Stuck(pl.LightningModule):
    """Its monitored value improves for some epochs, then never again."""

    def __init__(self, improving_epochs):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.improving_epochs = improving_epochs

    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.ones(1, 1))

    def val_dataloader(self):
        return torch.utils.data.DataLoader(torch.ones(1, 1))

    def training_step(self, batch, batch_idx):
        return self.layer(batch).sum()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", 10.0 - min(self.current_epoch, self.improving_epochs))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def train(tmp_path, epochs, improving_epochs):
    rules = build_stop_rules(Config(epochs=epochs, patience=2))
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=list(rules.values()), logger=False, default_root_dir=tmp_path,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(Stuck(improving_epochs))
    return rules, trainer.current_epoch


@pytest.mark.parametrize(
    ("epochs", "improving_epochs", "trained", "reason"),
    [
        (8, 1, 4, EndReason.PATIENCE),
        (4, 1, 4, EndReason.EPOCHS),  # patience ends with the last epoch, and cuts nothing short
        (3, 3, 3, EndReason.EPOCHS),
    ],
)
def test_the_rule_that_ends_training_is_the_reason(tmp_path, epochs, improving_epochs, trained, reason):
    rules, done = train(tmp_path, epochs, improving_epochs)
    assert done == trained
    assert end_reason(rules, epochs) == reason
    again = build_stop_rules(Config(epochs=epochs, patience=2))
    restore_stop_rules(again, {rule.state_key: rule.state_dict() for rule in rules.values()})
    assert end_reason(again, epochs) == reason, "a resumed run knows it from the saved state"


def test_a_rule_may_end_the_first_epoch():
    rules = {EndReason.EPOCHS: EpochRule(), EndReason.PATIENCE: EpochRule()}
    assert end_reason(rules, 3) == EndReason.EPOCHS
    rules[EndReason.PATIENCE].stopped_epoch = 0
    assert end_reason(rules, 3) == EndReason.PATIENCE
    assert end_reason(rules, 1) == EndReason.EPOCHS, "it was the only planned one"


def test_every_reason_is_a_key_with_a_sentence_for_reports():
    keys = {name for name, known in keys_of(Config).items() if known.ends is not None}
    assert keys == set(EndReason)
    assert set(EndReason) == {EndReason.EPOCHS, *STOP_RULES}
    values = {key: 1 if value is None else value for key, value in Config().to_dict().items()} | {"monitor": "val_loss"}
    for name in keys:
        ends = keys_of(Config)[name].ends
        assert ends.of("en", **values) != ends.of("ko", **values)
