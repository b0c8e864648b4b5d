# SPDX-License-Identifier: MIT OR Apache-2.0
"""QuecPython's `app_fota_download`: what scripts use that put files into the download area themselves, such as those of an
archive that they have unpacked there."""

import app_fota


def update_download_stat(url, file_name, total_size):
    """Takes a file of `total_size` bytes that lies in the download area (/usr/.updater) into the next update. 0, or -1."""
    return app_fota.add_stored(url, file_name, total_size)


def download(url, file_name):
    """As app_fota.new().download. 0, or -1."""
    return app_fota.new().download(url, file_name)
