# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the end-to-end tests stand on: brokers, origins, certificates, a recording proxy, the driver."""
