# SPDX-License-Identifier: MIT OR Apache-2.0
# The way that scripts for HaaS's cellular boards sign in: the network first, then a secret by dynamic registration if none is
# kept, then the connection.
import network
import ujson
import utime as time
import modem
import kv
from aliyunIoT import Device

productKey = "<productKey>"
productSecret = "<productSecret>"
deviceName = "<deviceName>"

registered = False
connected = False
linked = False
secret = None


def on_network(args):
    global linked
    pdp = args[0]
    state = args[1]
    if state == 1:
        linked = True
        print("pdp", pdp, "is up")


def connect_network():
    net = network.NetWorkClient()
    if net._stagecode is not None and net._stagecode == 3 and net._subcode == 1:
        net.on(1, on_network)
        net.connect(None)
    else:
        print("no network")
    while not linked:
        time.sleep_ms(20)


def on_register(data):
    global registered, secret
    secret = data
    registered = True


def on_connect(data):
    global connected
    connected = True


connect_network()
print("imei", modem.info.getDevImei(), "iccid", modem.sim.getIccid())
device = Device()
secret = kv.get("_amp_customer_devicesecret")
if secret is None:
    device.register({"region": "cn-shanghai", "productKey": productKey, "deviceName": deviceName, "productSecret": productSecret}, on_register)
    while not registered:
        time.sleep_ms(20)
    if not secret:
        print("not registered")
    kv.set("_amp_customer_devicesecret", secret)
    print("secret of", len(secret), "characters")
key_info = {
    "region": "cn-shanghai",
    "productKey": productKey,
    "deviceName": deviceName,
    "deviceSecret": secret,
    "keepaliveSec": 60,
}
device.on(Device.ON_CONNECT, on_connect)
device.connect(key_info)
while not connected:
    time.sleep_ms(20)
print("connected as", device.getDeviceInfo()["deviceName"])
device.postProps({"params": ujson.dumps({"light": 1})})
device.end()
print("kept", kv.get("_amp_customer_devicesecret") == secret)
