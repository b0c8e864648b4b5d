# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `log`."""

DEBUG, INFO, WARNING, ERROR, CRITICAL = 10, 20, 30, 40, 50
_NAMES = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_config = {"level": INFO}


def basicConfig(level=INFO):
    _config["level"] = level


class Logger:
    def __init__(self, name):
        self.name = name

    def log(self, level, message, *arguments):
        if level >= _config["level"]:
            print(_NAMES.get(level, level), self.name, message % arguments if arguments else message, sep=":")

    def debug(self, message, *arguments):
        self.log(DEBUG, message, *arguments)

    def info(self, message, *arguments):
        self.log(INFO, message, *arguments)

    def warning(self, message, *arguments):
        self.log(WARNING, message, *arguments)

    def error(self, message, *arguments):
        self.log(ERROR, message, *arguments)

    def critical(self, message, *arguments):
        self.log(CRITICAL, message, *arguments)


def getLogger(name="root"):
    return Logger(name)
