"""What is refused before a run begins: nothing is read or written then, and the command ends with 2."""

import os
import subprocess
import sys

import pytest
import torch
from pytorch_lightning.utilities import rank_zero_only

from munseo import UserError, bench_train, evaluate, predict, train
from munseo._commands.config import check
from munseo._config import load_config
from munseo._console import quietly
from munseo._run import open_run
from munseo._training import start_checks
from munseo._training.hardware import (
    FOLDER_VARIABLE,
    LightningEnvironment,
    TorchElasticEnvironment,
    cluster_environment,
    join_launcher,
    launched_outside,
    rank,
)
from munseo._training.start_checks import CHECKS, check_start
from munseo._training.training_run import start_run

LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "GROUP_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
             FOLDER_VARIABLE)  # fmt: skip


@pytest.fixture
def nothing(tmp_path, overrides, plain_config):
    """Words of a run whose data are missing, so that reading them would be another error; no folder may be made."""

    def words(**changes):
        return [str(plain_config), *overrides(**{"data_dir": tmp_path / "missing", **changes})]

    yield words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.yaml"]


@pytest.fixture
def launcher(monkeypatch):
    """Set the variables of a launcher; what is set by the code under test is taken back as well."""
    for name in (*LAUNCHERS, *(name for name in os.environ if name.startswith("SLURM"))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rank_zero_only, "rank", 0)

    def started_by(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    yield started_by
    for name in LAUNCHERS:
        os.environ.pop(name, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "cuda"}, "device: cuda is not available on this machine; choose auto or cpu."),
        ({"wandb.log": "true"}, "wandb.log is true, but wandb is not installed"),
        ({"mlflow.log": "true"}, "mlflow.log is true, but mlflow is not installed"),
        ({"tta_views": "[deskwed]"}, "deskwed: no such view; did you mean deskewed?"),
        ({"model_name": "vit_tiny_patch16_224", "image_size": 225}, "it takes 224 and 240."),
        ({"trainable_patterns": "[zzz*]", "fine_tuning": "custom"}, "is called so: zzz*"),
        ({"batch_size": 1, "image_size": 16}, "set it to 2 or more"),
        ({"num_nodes": 2}, "torchrun --nnodes 2 --nproc-per-node 1"),
        ({"device": "cuda", "wandb.log": "true"}, "The run cannot begin; nothing was read or written."),
    ],
)
def test_a_run_that_cannot_begin_reads_and_writes_nothing(nothing, launcher, monkeypatch, changes, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(start_checks, "missing_packages", lambda names: list(names))
    config, *words = nothing(**changes)
    with pytest.raises(UserError) as refused:
        train(config, words, quiet=True)
    assert message in str(refused.value)


def test_the_command_ends_with_2(nothing):
    words = nothing(model_name="vit_tiny_patch16_224", image_size=225)
    done = subprocess.run(
        [sys.executable, "-m", "munseo", "train", *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "image_size: vit_tiny_patch16_224 cannot take pages of 225 px" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_configuration_is_checked_with_its_model(plain_config):
    words = ["model_name=vit_tiny_patch16_224", "device=cuda"]  # it may be trained on another machine
    assert check(plain_config, [*words, "image_size=224"]) == f"{plain_config}: fine"
    with pytest.raises(UserError, match="it takes 224 and 240"):
        check(plain_config, [*words, "image_size=225"])


def test_other_commands_look_for_the_device_first(finished, documents, tmp_path, monkeypatch, plain_config, overrides):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = "device: cuda is not available on this machine"
    with pytest.raises(UserError, match=message):
        evaluate(finished.path, documents, device="cuda")
    for output in ("out.csv", "out.parquet"):
        with pytest.raises(UserError, match=message):
            predict(finished.path, [documents / "test"], tmp_path / output, device="cuda", quiet=True)
    with pytest.raises(UserError, match=message):
        bench_train(plain_config, overrides(device="cuda", data_dir=tmp_path / "missing"), quiet=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.yaml"]


def test_more_gpus_than_there_are(launcher, plain_config, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match="devices: 4, but this machine has 2 GPUs; set devices=2"):
        start_checks.check_device(load_config(plain_config, ["device=cuda", "devices=4"]))
    start_checks.check_device(load_config(plain_config, ["device=cuda", "devices=2"]))


def test_a_program_is_told_how_to_start_several_processes(launcher, nothing):
    """Lightning would run the program again, from its first line, and wait without an end for those that fail."""
    config, *words = nothing(devices=2)
    with pytest.raises(UserError, match=r"torchrun --nproc-per-node 2 PROGRAM\.py"):
        train(config, words, quiet=True)


def test_the_number_of_launched_processes_has_to_be_the_configured_one(launcher, plain_config):
    launcher(RANK=1, WORLD_SIZE=4, LOCAL_RANK=1, MASTER_ADDR="127.0.0.1", MASTER_PORT=1)
    with pytest.raises(UserError, match="2 x 1 processes are configured, and the launcher has started 4"):
        start_checks.check_processes(load_config(plain_config, ["devices=2"]))
    start_checks.check_processes(load_config(plain_config, ["devices=2", "num_nodes=2"]))


@pytest.mark.parametrize("number", [0, 1, 3])
def test_every_task_of_a_step_may_be_a_run_of_its_own(launcher, overrides, plain_config, number):
    """SLURM numbers the tasks of ``srun -n 4 munseo train …``; each is a run that writes, and its trackers record."""
    launcher(SLURM_PROCID=number, SLURM_LOCALID=number, SLURM_NTASKS=4, SLURM_STEP_NUM_TASKS=4, SLURM_JOB_ID=77)
    rank_zero_only.rank = number  # what Lightning takes from SLURM_PROCID
    with quietly(True):
        training = start_run(load_config(plain_config, overrides(shift="none")), ["a", "test"])
    assert training.folder.manifest_file.exists()
    assert (rank(), rank_zero_only.rank) == (0, 0)
    assert isinstance(cluster_environment(), LightningEnvironment)


def test_tasks_of_a_step_are_one_run_where_the_configuration_has_as_many_processes(launcher, plain_config):
    launcher(
        SLURM_PROCID=3, SLURM_LOCALID=1, SLURM_NODEID=1, SLURM_STEP_NUM_TASKS=4, SLURM_JOB_ID=123456,
        SLURM_STEP_NODELIST="gpu[07-08]",
    )  # fmt: skip
    config = load_config(plain_config, ["devices=2", "num_nodes=2"])
    join_launcher(config)
    start_checks.check_processes(config)
    assert launched_outside()
    assert (rank(), rank_zero_only.rank) == (3, 3)
    environment = cluster_environment()
    assert isinstance(environment, TorchElasticEnvironment)
    assert (environment.world_size(), environment.local_rank(), environment.node_rank()) == (4, 1, 1)
    assert (environment.main_address, environment.main_port) == ("gpu07", 15000 + 3456)


@pytest.mark.skipif("MUNSEO_TORTURE" not in os.environ, reason="two whole runs at once; part of make torture")
def test_two_tasks_of_a_step_train_one_run(overrides, plain_config, monkeypatch):
    """Both are processes of their own from the beginning, so that this takes as long as two short runs at once."""
    words = [str(plain_config), *overrides(devices=2, epochs=1, shift="none", robustness_pages=0)]
    monkeypatch.setenv(FOLDER_VARIABLE, "left by a run of an earlier test")
    step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_NODEID": "0", "SLURM_JOB_ID": str(os.getpid()),
            "SLURM_STEP_NODELIST": "127.0.0.1"}  # fmt: skip
    command = [sys.executable, "-m", "munseo", "train", *words]
    # A run that ended in this process may have left where its further processes would have found its folder.
    own = {name: value for name, value in os.environ.items() if name not in LAUNCHERS}
    tasks = [
        subprocess.Popen(
            command,
            env={**own, **step, "SLURM_PROCID": number, "SLURM_LOCALID": number},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in "01"
    ]
    ended = [task.communicate(timeout=300) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], ended
    run = open_run(ended[0][0].strip().splitlines()[-1])
    assert len(list(run.path.parent.iterdir())) == 1, "one folder for both"
    assert run.read_manifest()["status"] == "finished"


def test_every_check_lets_a_usual_run_pass(launcher, overrides, plain_config):
    config = load_config(plain_config, overrides(device="cpu"))
    check_start(config)
    assert len(CHECKS) == len({check.__name__ for check in CHECKS})
