# SPDX-License-Identifier: MIT OR Apache-2.0
import fota
import _thread
import utime

def th_func():
    utime.sleep(40) #时间根据升级包的大小来定，确保在下载完之前取消
    fota_obj.download_cancel()

def result(args):
    print('download status:',args[0],'download process:',args[1])

fota_obj = fota()
_thread.start_new_thread(th_func, ())
fota_obj.httpDownload(url1="http://www.example.com/fota.bin",callback=result)
