# SPDX-License-Identifier: MIT OR Apache-2.0
import network
import utime
sta_if = network.WLAN(network.STA_IF)
sta_if.active(True)
sta_if.connect('<AP_name>', '<password>')
utime.sleep_ms(500)
while not sta_if.isconnected():
    utime.sleep_ms(500)
from aliyunIoT import Device
import utime

on_connect_lp_succeed = False
def on_connect(data):
  global on_connect_lp_succeed
  on_connect_lp_succeed = True

aliyunIoT_Device = Device()
key_info = {
  'region' : 'cn-shanghai' ,
  'productKey': '<productKey>',
  'deviceName': '<deviceName>' ,
  'deviceSecret': '<deviceSecret>',
  'keepaliveSec': 60
}
aliyunIoT_Device.on(Device.ON_CONNECT,  on_connect)
aliyunIoT_Device.connect(key_info)
while not on_connect_lp_succeed:
	utime.sleep_ms(50)
import ota

data_handle = {}
#aliyunIoT_Device是连接aliyunIoT时Device()返回的句柄
data_handle['device_handle'] = aliyunIoT_Device.getDeviceHandle()
ota.init(data_handle)
info = {
  'url': '',
  'store_path': '<your_store_path>',
  'install_path': '<your_install_path>',
  'length': 0,
  'hash_type':'',
  'hash':''
}

def on_trigger(data):
  global info
  # 保存服务端推送的ota信息
  info['url'] = data['url']
  info['length'] = data['length']
  info['module_name'] = data['module_name']
  info['version'] = data['version']
  info['hash'] = data['hash']
  info['hash_type'] = data['hash_type']
  # 开始ota 包下载
  dl_data = {}
  dl_data['url'] = info['url']
  dl_data['store_path'] = info['store_path']
  ota.download(dl_data)

def on_download(data):
	global info
	if data >= 0:
		print('Ota download succeed')
	# 开始ota包校验
	param = {}
	param['length'] = info['length']
	param['store_path'] = info['store_path']
	param['hash_type'] = info['hash_type']
	param['hash'] = info['hash']
	ota.verify(param)

def on_verify(data):
	global info
	print(data)
	if data >= 0 :
		print('Ota verify succeed')

ota.on(1, on_trigger)
ota.on(2, on_download)
ota.on(3, on_verify)
report_info = { 
                         "device_handle": aliyunIoT_Device.getDeviceHandle() ,
                         "product_key": '<productKey>' ,
                         "device_name": '<deviceName >',
                         "module_name": '<your_module_name>',
                         "version": '<your_module_version>'
                     }   
ota.report(report_info)

'''
aliyunIoT_Device是连接aliyunIoT时Device()返回的句柄。
'<your_module_name>'如果系统固件需要指定成'default', 其他的可以自己定义名字，和云端保持一致即可；
'<your_module_version>'是当前模块版本号;
'<productKey>'和'<deviceName>'是三元组的productkey和devicename；
'''
