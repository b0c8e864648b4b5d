# SPDX-License-Identifier: MIT OR Apache-2.0
"""`modem` of QuecPython (functions) and of HaaS's cellular modules (`modem.info`, `modem.sim`). Off the module there is none:
what it tells is set by the host, in environment variables; -1 is what the original returns when it does not know."""

import os


def _told(name):
    return os.getenv(name) or -1


def getDevImei():
    return _told("OTAKIT_MODEM_IMEI")


def getDevSN():
    return _told("OTAKIT_MODEM_SN")


def getDevModel():
    return _told("OTAKIT_MODEM_MODEL")


def getDevProductId():
    return _told("OTAKIT_MODEM_PRODUCT_ID")


def getDevFwVersion():
    return _told("OTAKIT_MODEM_FW_VERSION")


class info:
    getDevImei = staticmethod(getDevImei)
    getDevSN = staticmethod(getDevSN)
    getDevModel = staticmethod(getDevModel)
    getDevProductId = staticmethod(getDevProductId)
    getDevFwVersion = staticmethod(getDevFwVersion)


class sim:
    @staticmethod
    def getImsi():
        return _told("OTAKIT_MODEM_IMSI")

    @staticmethod
    def getIccid():
        return _told("OTAKIT_MODEM_ICCID")

    @staticmethod
    def getPhoneNumber():
        return _told("OTAKIT_MODEM_PHONE_NUMBER")
