# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `checkNet`, where the host has seen to its network: (3, 1), connected."""

_READY = (3, 1)


def waitNetworkReady(timeout=60):
    return _READY


def wait_network_connected(timeout=60):
    return _READY


class CheckNetwork:
    def __init__(self, project_name, project_version):
        self._name, self._version = project_name, project_version

    def poweron_print_once(self):
        print("PROJECT_NAME     :", self._name)
        print("PROJECT_VERSION  :", self._version)

    def wait_network_connected(self, timeout=60):
        return _READY
