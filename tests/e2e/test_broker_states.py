# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every packet of a broker at every state of a device: the product, run by many devices beside each other.

No crash, no hang, nothing that was acknowledged is lost, a broken protocol leads to another connection and a log line that
names the reason, and the last offer is installed. tests/e2e/lib/broker_states.py says what must hold in detail.
OTAKIT_BROKER_CASES=PART runs the cases whose `state/packet` contains the part.
"""

import concurrent.futures
import itertools
import os
import queue
import time
import unittest

from lib.broker_packets import every
from lib.broker_states import STATES, Case, Device, Images

# Most of the time they wait to connect again.
DEVICES = 64


class BrokerStates(unittest.TestCase):
    def test_every_packet_at_every_state(self):
        part = os.environ.get("OTAKIT_BROKER_CASES", "")
        # Neighbours are different states, so that the slow ones do not come together.
        product = itertools.product(every().values(), STATES.values())
        cases = [(state, packet) for packet, state in product if part in f"{state.name}/{packet.name}"]
        images = Images()
        self.addCleanup(images.close)
        todo, failed, started = queue.SimpleQueue(), [], time.monotonic()
        for case in cases:
            todo.put(case)

        def work(_):
            device = Device(images)
            try:
                while True:
                    state, packet = todo.get_nowait()
                    try:
                        Case(device, state, packet).run()
                    except AssertionError as error:
                        failed.append(f"{state.name}/{packet.name}: {error}")
                        # What is left of that case is not the next one's.
                        device.close()
                        device = Device(images)
            except queue.Empty:
                pass
            finally:
                device.close()
        with concurrent.futures.ThreadPoolExecutor(DEVICES) as pool:
            list(pool.map(work, range(DEVICES)))
        self.note = f"{len(STATES)} states, {len(cases)} cases in {time.monotonic() - started:.0f} s"
        self.assertTrue(cases)
        self.assertEqual(len(failed), 0, f"{self.note}, {len(failed)} failed\n" + "\n\n".join(failed[:20]))
