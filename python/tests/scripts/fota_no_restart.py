# SPDX-License-Identifier: MIT OR Apache-2.0
#远程升级，下载完不自动重启

import fota
from misc import Power

fota_obj = fota(reset_disable=1)

def result(args):
    print('download status:',args[0],'download process:',args[1])
    
fota_obj.httpDownload(url1="http://www.example.com/dfota.bin",callback=result) #期望下载完不重启
Power.powerRestart() #手动重启进行升级
