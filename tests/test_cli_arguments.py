"""What is typed after `tokstream`: nothing, a mistake, `--version`."""

from __future__ import annotations

from importlib import metadata

import pytest

import tokstream
from cli import KEY, CommandLine, fail, run
from tokstream import cli


class TestArguments(CommandLine):
    """What the command line refuses before it asks anyone."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("chat",), "there is no prompt"),
            (("chat", " "), "there is no prompt"),
            (("chat", "--base-url", "ftp://x", "Hello!"), "ftp"),
            (("chat", "--local", "--model", "x", "Hello!"), "--model-file"),
            (("chat", "--model-file", "x", "--base-url", "http://x", "Hello!"), "--base-url"),
            (("chat", "--max-tokens", "0", "Hello!"), "--max-tokens: 0 is not positive"),
            (("chat", "--max-tokens", "many", "Hello!"), "--max-tokens: many is not a whole number"),
            (("chat", "--temperature", "abc", "Hello!"), "--temperature: abc is not a number"),
            (("serve", "--ctx-size", "1.5"), "--ctx-size: 1.5 is not a whole number"),
            (("chat", "--temperature", "nan", "Hello!"), "--temperature: nan is not a number"),
            (("chat", "--mod", "x", "Hello!"), "--mod"),
            (("chat", "--api-key", KEY, "Hello!"), "set DEEPINFRA_API_KEY instead"),
            (("serve", "--api-key", KEY), "set TOKSTREAM_LOCAL_API_KEY instead"),
            (("serve", "--parallel", "0"), "--parallel: 0 is not positive"),
            (("nonsense",), "nonsense"),
        ],
    )
    def test_a_mistake(self, arguments: tuple[str, ...], words: str) -> None:
        assert words in fail(2, *arguments)

    @pytest.mark.parametrize(
        ("command", "options"),
        [
            ((), ("chat", "models", "serve", "--version", "exit codes:", "DEEPINFRA_API_KEY")),
            (
                ("chat",),
                (
                    "--system",
                    "--model",
                    "--base-url",
                    "--max-tokens",
                    "--temperature",
                    "--json",
                    "--local",
                    "--model-file",
                    "--reasoning",
                    "--quiet",
                ),
            ),
            (("models",), ("--base-url", "--json", "--quiet")),
            (
                ("serve",),
                ("--model-file", "--host", "--port", "--ctx-size", "--parallel", "--embeddings", "--verbose"),
            ),
        ],
    )
    def test_help(self, command: tuple[str, ...], options: tuple[str, ...]) -> None:
        done = run(*command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"usage: {' '.join(('tokstream', *command))} ")
        for option in options:
            assert option in done.stdout

    def test_no_command(self) -> None:
        done = run()
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("usage: tokstream ")
        assert "exit codes:" in done.stderr


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tokstream {tokstream.__version__}\n"


def test_the_program_of_the_package() -> None:
    """What pip puts on the path under the package's name."""
    (program,) = metadata.entry_points(group="console_scripts", name="tokstream")
    assert program.load() is cli.main
