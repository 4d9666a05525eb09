"""`unseen train fit`: what belongs to a training under encryption is refused for a joint one."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from unseen.cli.main import app


@pytest.mark.parametrize(
    "more", [["--rows", "FILE"], ["--aligned-by", "x"], ["--rate", "2"], ["--ridge", "0.1"]]
)
def test_a_joint_training_takes_neither_rows_nor_steps(tmp_path: Path, more: list[str]) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id\n1\n")
    words = [str(file) if word == "FILE" else word for word in more]
    homes = ["--home", str(tmp_path / "a"), "--home", str(tmp_path / "b")]
    done = CliRunner().invoke(app, ["train", "fit", "contract", *homes, *words])
    assert done.exit_code == 2
    assert "--rows, --aligned-by, --rate and --ridge" in done.output.replace("\n", " ")


def test_without_a_home_there_is_no_training(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", "fit", "contract", "--home", str(tmp_path / "none")])
    assert done.exit_code != 0
    assert "no client home" in done.output
