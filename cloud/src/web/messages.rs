// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every text of the console in both languages. A text without its translation does not compile, and neither does one that
//! no page uses: the compiler warns of it, and warnings are errors in CI.
//!
//! `{name}` is a value. English about a number `{n}` has the forms `one|other`. Terms are those of docs/DECISIONS.md,
//! "Chinese terms of the console".

macro_rules! messages {
    ($($key:ident $en:literal $zh:literal)*) => {
        /// A text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Msg { $($key),* }

        impl Msg {
            /// In English.
            pub fn en(self) -> &'static str {
                match self { $(Self::$key => $en),* }
            }

            /// In Chinese.
            pub fn zh(self) -> &'static str {
                match self { $(Self::$key => $zh),* }
            }

            /// All of them.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$key),*];
        }
    };
}

messages! {
    // The frame.
    Overview "Overview" "概览"
    Products "Products" "产品"
    Devices "Devices" "设备"
    Firmware "Firmware" "升级包"
    Jobs "Jobs" "升级批次"
    Navigation "Main" "主导航"
    SkipToContent "Skip to the content" "跳到正文"
    Language "Language" "语言"
    Appearance "Appearance" "外观"
    ThemeAuto "Auto" "自动"
    ThemeLight "Light" "浅色"
    ThemeDark "Dark" "深色"
    ConnectionLost "Connection lost, trying again…" "连接已断开，正在重连……"
    Comma ", " "，"
    Previous "Previous" "上一页"
    Next "Next" "下一页"
    Pages "Pages" "分页"
    PageOf "Page {page} of {pages}" "第 {page} 页，共 {pages} 页"
    Back "Back" "返回"
    NotFound "Not found" "未找到"
    NotPossible "Not possible" "无法执行"
    NotDone "That did not work" "操作未成功"
    NothingChanged "Nothing was changed." "未做任何更改。"
    ServerSays "The server says:" "服务器返回："
    NoSuchPage "There is no such page." "页面不存在。"
    Unknown "unknown" "未知"
    Time "Time" "时间"
    State "State" "状态"
    Status "Status" "状态"
    Actions "Actions" "操作"
    Delete "Delete" "删除"
    Save "Save" "保存"
    Copy "Copy" "复制"
    Copied "Copied" "已复制"
    Search "Search" "搜索"
    Filter "Filter" "筛选"
    Choose "Choose" "选择"
    Name "Name" "名称"
    BadName "{field}: “{value}” cannot be used. Use 1 to 64 letters, digits and - _ . with no dot in front." "{field}：“{value}”不可用。请使用 1 至 64 个字母、数字或 - _ . ，且不以点开头。"
    NoNumber "{field}: “{value}” is not a number in range." "{field}：“{value}”不是有效范围内的数字。"

    // Signing in.
    SignIn "Sign in" "登录"
    SignOut "Sign out" "退出登录"
    Password "Password" "密码"
    WrongPassword "That is not the password. Check it and try again." "密码错误。请检查后重试。"
    TooManyTries "Too many tries. Wait {seconds} s, then try again." "尝试次数过多。请等待 {seconds} 秒后重试。"
    HintPassword "It was set with otakit-cloud password." "该密码由 otakit-cloud password 命令设置。"

    // Overview.
    Totals "Totals" "总数"
    OnLine "On line" "在线"
    OffLine "Off line" "离线"
    OpenJobs "Open jobs" "未结束的批次"
    OpenUpdates "Updates under way" "进行中的升级"
    RunningJobs "Running jobs" "执行中的批次"
    NoJobRuns "No job is running." "暂无执行中的批次。"
    LatestFailures "Latest failures" "最近的失败"
    NothingFailed "Nothing has failed." "暂无失败。"

    // Products and devices.
    Product "Product" "产品"
    Device "Device" "设备"
    NoProducts "There is no product yet. Add a device or a firmware: its product comes with it." "暂无产品。添加设备或升级包时会一并创建产品。"
    VersionsRunning "Versions in use" "版本分布"
    NeverReported "never reported" "从未上报"
    AddDevice "Add a device" "添加设备"
    AllProducts "All products" "全部产品"
    PartOfName "Part of the name" "设备名称的一部分"
    DeviceCount "{n} device|{n} devices" "{n} 台设备"
    Connection "Connection" "连接状态"
    CurrentVersion "Current version" "当前版本号"
    LastUpdate "Last update" "最近一次升级"
    TwoClients "Two devices use this identity: each closes the other's connection. Give each board a name and a secret of its own." "有两台设备使用同一身份，彼此挤掉对方的连接。请为每块板卡分配独立的名称和密钥。"
    LastReport "Last report" "最近上报时间"
    HintProduct "The product's key: Link Kit's ProductKey, or OneNET's product ID." "Link Kit 的 ProductKey，或 OneNET 的产品 ID。"
    HintName "Unique within the product." "在产品内唯一。"
    HintSecret "Leave it empty to have one made." "留空则自动生成。"
    HintProductSecret "Only for devices that register themselves." "仅用于动态注册的设备。"
    DeviceExists "{device} exists already. Choose another name, or delete that device first." "设备 {device} 已存在。请更换名称，或先删除该设备。"
    NoSuchDevice "There is no device {device}." "设备 {device} 不存在。"
    Gateway "Gateway" "网关"
    Module "Module" "OTA 模块"
    Updates "Updates and version history" "升级与版本历史"
    NoUpdates "No update yet." "暂无升级记录。"
    OlderUpdates "{n} older update is not shown.|{n} older updates are not shown." "另有 {n} 条更早的记录未显示。"
    StepCount "{n} report|{n} reports" "{n} 次进度上报"
    DeviceSays "What was reported:" "上报内容："
    WhatToDo "What to do:" "处理建议："
    Conversation "Live conversation" "实时消息"
    HintConversation "The last 100 messages since the server started. Secrets are masked." "服务器启动以来的最近 100 条消息，密钥已隐藏。"
    NoMessages "No message yet." "暂无消息。"
    Direction "Direction" "方向"
    Uplink "up" "上行"
    Downlink "down" "下行"
    Payload "Payload" "消息内容（Payload）"
    FirmwareToPush "Firmware" "升级包"
    Push "Push to this device" "推送到此设备"
    HintPush "An older version rolls the device back." "选择较旧的版本即可回滚。"
    RunsNow "runs now" "当前运行"
    RunsAlready "{device} runs {version} already." "设备 {device} 已运行 {version}。"
    NoFirmwareOfProduct "There is no firmware for this product." "该产品暂无升级包。"
    NoSuchFirmware "There is no such firmware." "升级包不存在。"
    CancelUpdates "Cancel {n} open update|Cancel {n} open updates" "取消 {n} 个未结束的升级"
    Groups "Groups" "分组"
    HintGroups "Names with spaces between them. Jobs can be for groups." "以空格分隔，可按分组升级。"
    DeleteDevice "Delete the device" "删除设备"
    DeleteDeviceSure "Delete {device} with its history? It can no longer sign in." "删除设备 {device} 及其历史记录？删除后该设备将无法接入。"
    Credentials "Credentials and code" "凭据与代码"
    ShowSecret "Show the secret" "显示密钥"
    HintReveal "The secret is shown on the next page, and hidden again when you leave it." "密钥仅在下一页显示，离开后再次隐藏。"
    SecretShown "Copy the secret now: it is hidden again when you leave this page." "请立即复制密钥：离开本页后将再次隐藏。"
    ExampleLinkKit "Example program · Link Kit" "示例程序 · Link Kit"
    ExampleOneNet "Example program · OneNET" "示例程序 · OneNET"

    // Firmware.
    AddFirmware "Add firmware" "添加升级包"
    NoFirmware "There is no firmware yet." "暂无升级包。"
    Version "Version" "升级包版本号"
    File "File" "文件"
    Digest "Digest" "摘要"
    DigestInOffer "Digest method" "摘要算法"
    Added "Added" "添加时间"
    DefaultModule "default" "默认模块（default）"
    Automatic "offered unasked" "自动推送"
    HintVersion "As the device will report it, for example 2.0.0." "与设备上报的版本号一致，例如 2.0.0。"
    HintModule "Empty: the device itself." "留空表示默认模块（整机）。"
    OfferUnasked "Offer it to every device that reports an older version" "自动推送给上报较旧版本的设备"
    DragHere "Drag a file here, or choose one:" "将文件拖到此处，或选择文件："
    Upload "Upload" "上传"
    Uploading "Uploading" "上传进度"
    UploadBroken "The upload ended early or is not a form of this page. Try again." "上传中断或表单无效。请重试。"
    NoFile "There is no file, or it is empty. Choose the image to upload." "未选择文件，或文件为空。请选择要上传的文件。"
    FirmwareExists "Firmware {version} of {product} exists already. Use another version, or delete that one first." "产品 {product} 已有版本号为 {version} 的升级包。请更换版本号，或先删除该升级包。"
    Configuration "Configuration" "远程配置"
    AddConfig "Add a configuration" "添加远程配置"
    HintConfig "A file that jobs give to devices as their remote configuration (COTA). Its version is made of its content." "由升级批次下发给设备的远程配置（COTA）文件，版本号由内容生成。"
    HintConfigJob "Devices are sent a push. A device has succeeded when it has answered with code 200 and fetched the last byte." "设备将收到配置推送。设备应答 200 并取走最后一个字节，即为成功。"
    NewJobFor "New job with {version}" "用 {version} 创建批次"
    DeleteFirmware "Delete {version}" "删除 {version}"
    DeleteFirmwareSure "Delete firmware {version} of {product}?" "删除产品 {product} 的升级包 {version}？"
    FirmwareInJobs "Firmware {version} is named by these jobs: {jobs}. The record of a job needs its firmware, so it stays." "升级包 {version} 被以下批次引用：{jobs}。批次记录需要该升级包，因此不能删除。"
    FirmwareInUse "Devices that are being updated to {version}: {count}. Cancel those updates first." "正在升级到 {version} 的设备数：{count}。请先取消这些升级。"

    // Jobs.
    Job "Job" "批次"
    JobNumber "Job {id}" "批次 {id}"
    NewJob "New job" "创建批次"
    NoJobs "There is no job yet. Add firmware or a configuration, then create a job for it." "暂无批次。请先添加升级包或远程配置，再创建批次。"
    NoSuchJob "There is no job {id}." "批次 {id} 不存在。"
    TargetVersion "Target version" "目标版本号"
    Progress "Progress" "升级进度"
    Created "Created" "创建时间"
    Started "Started" "开始时间"
    Ended "Ended" "结束时间"
    RolloutProgress "Progress of {job}" "{job} 的升级进度"
    VerificationProgress "Verification of {job}" "{job} 的验证进度"
    OnTestDevices "Test devices:" "测试设备："
    CountSucceeded "{n} succeeded|{n} succeeded" "成功 {n}"
    CountFailed "{n} failed|{n} failed" "失败 {n}"
    CountRunning "{n} under way|{n} under way" "升级中 {n}"
    CountWaiting "{n} waiting|{n} waiting" "等待 {n}"
    CountDropped "{n} left out|{n} left out" "跳过 {n}"
    JobDraft "Draft" "草稿"
    JobVerifying "Verifying" "验证中"
    JobVerified "Verified" "已验证"
    JobVerifyFailed "Verification failed" "验证失败"
    JobApproved "Approved" "已批准"
    JobRunning "Running" "执行中"
    JobPaused "Paused" "已暂停"
    JobDone "Done" "已完成"
    JobCancelled "Cancelled" "已取消"
    Verify "Verify on test devices" "在测试设备上验证"
    Approve "Approve" "批准"
    Start "Start" "开始执行"
    Pause "Pause" "暂停"
    Resume "Resume" "继续"
    RetryFailed "Retry {n} failed device|Retry {n} failed devices" "重试 {n} 台失败的设备"
    CancelJob "Cancel the job" "取消批次"
    CancelJobSure "Cancel {job}? Not begun, will not be updated: {waiting}. At work, will finish: {running}." "取消 {job}？尚未开始、将不再升级：{waiting}。正在升级、将继续完成：{running}。"
    RollBack "Roll back" "回滚"
    RollBackSure "Roll {job} back? Every device that has {version} from it, or is getting it, is offered the version that it had before. Devices that have not begun are left alone." "回滚 {job}？凡已通过该批次升级到 {version} 或正在升级的设备，将被推送其升级前的版本；尚未开始的设备不再升级。"
    JobCannot "{job} is in the state “{state}”: that is not possible now." "{job} 当前为“{state}”状态，无法执行该操作。"
    NewJobSameFirmware "New job with this firmware" "用此升级包创建新批次"
    NextVerify "Next: try it on the test devices." "下一步：在测试设备上验证。"
    NextApprove "Next: approve it." "下一步：批准。"
    NextVerifyFailed "Look at the reason below, then verify again or cancel." "请查看下方的失败原因，然后重新验证或取消。"
    NextStart "Next: start it." "下一步：开始执行。"
    NextResume "Devices at work go on; no new ones begin." "正在升级的设备会继续，不再开始新的设备。"
    StageOf "Stage {n} of {stages}." "第 {n} 阶段，共 {stages} 个阶段。"
    OverTime "Over time" "随时间变化"
    ChartLabel "Devices that succeeded and failed over time; the table below has the same numbers" "成功与失败设备数随时间变化的图表，下方表格包含相同数据"
    SameAsTable "The same as a table" "以表格显示"
    NoCourse "No device has come to an end yet." "暂无设备结束升级。"
    Failures "Failures by cause" "失败原因"
    ForExample "For example:" "例如："
    DeviceWords "In the device's words" "设备上报的原文"
    AllStates "All states" "全部状态"
    NoTargetsYet "The devices are chosen when the job starts." "批次开始执行时确定设备。"
    NoneInState "No device is in this state." "没有处于该状态的设备。"
    Stage "Stage" "阶段"
    SourceVersion "Source version" "源版本号"
    TestDevice "test" "测试设备"
    StateWaiting "waiting" "等待中"
    StateQueued "waiting for push" "待推送"
    StatePushed "pushed" "已推送"
    StateDownloading "downloading" "下载中"
    StateInstalling "installing" "升级中"
    StateSucceeded "succeeded" "升级成功"
    StateFailed "failed" "升级失败"
    StateTimedOut "timed out" "已超时"
    StateCancelled "cancelled" "已取消"
    StateSuperseded "superseded" "已被替代"
    StateSkipped "skipped" "已跳过"
    Plan "Plan" "升级计划"
    What "What" "升级内容"
    AllDevices "All devices" "全部设备"
    Scope "Scope" "升级范围"
    Kind "Kind" "升级方式"
    Dynamic "dynamic: later devices join" "动态升级：后续符合条件的设备自动加入"
    Static "static: the devices at the start" "静态升级：仅开始时符合条件的设备"
    Strategy "Strategy" "升级策略"
    TestDevices "Test devices" "测试设备"
    HintVerify "All of them must succeed before the job can be approved. Choose none to skip this." "全部成功后才能批准批次。不选择则跳过验证。"
    HintScope "Choose devices, groups or a percentage; nothing chosen means all devices of the product." "选择设备、分组或百分比；均不选择表示该产品的全部设备。"
    HintTags "Names of groups, with spaces between them." "分组名称，以空格分隔。"
    DeviceNames "Device names" "设备名称"
    HintNames "One in each line." "每行一个。"
    Percentage "Percentage" "百分比"
    HintPercent "1 to 100. It is always the same part of the devices." "1～100。相同百分比总是选中相同的设备。"
    Platform "Platform" "平台"
    LinkKit "Link Kit (Aliyun)" "Link Kit（阿里云）"
    Fota "OneNET, FOTA (cellular module)" "OneNET 固件升级，FOTA（模组）"
    Sota "OneNET, SOTA (MCU)" "OneNET 软件升级，SOTA（MCU）"
    HintPlatform "Link Kit's devices get an offer over MQTT, OneNET's a task that they ask for." "Link Kit 的设备通过 MQTT 收到升级通知，OneNET 的设备自行查询升级任务。"
    LeastBattery "Least battery (%)" "最低电量（%）"
    LeastSignal "Least signal" "最低信号"
    HintOneNet "OneNET only: the device is told." "仅用于 OneNET，随任务告知设备。"
    SourceVersions "Source versions" "源版本号"
    HintSource "Only devices that run one of these. Empty: any version." "仅升级运行这些版本的设备（阿里云控制台称“待升级版本号”）。留空表示任意版本。"
    JoinLater "Devices that match later join (dynamic)" "后续符合条件的设备自动加入（动态升级）"
    Stages "Stages" "阶段"
    HintStages "For example 10:90 50:90 — 10 % of the devices first; 90 % of those must succeed; then 50 %; then all. Empty: all at once." "例如 10:90 50:90：先升级 10% 的设备，其中 90% 成功后升级到 50%，最后全部。留空表示一次全部。"
    ErrorThreshold "Error threshold (%)" "失败阈值（%）"
    HintErrorPercent "The job pauses by itself when this part of the finished devices failed." "已结束设备中的失败比例达到该值时，批次自动暂停。"
    ErrorMinimum "Not before so many ended" "最少结束设备数"
    HintErrorMin "Devices that must have come to an end before the threshold counts." "结束的设备达到该数量后，失败阈值才生效。"
    Timeout "Time-out (minutes)" "超时时间（分钟）"
    HintTimeout "From a device's first progress report on; with a configuration, from the push on. Empty: none." "从设备首次上报进度开始计时，远程配置从推送时开始计时。留空表示不限。"
    Retries "Retries" "重试次数"
    HintRetries "How often a device that failed is tried again." "设备升级失败后的重试次数。"
    RetryMinutes "Retry interval (minutes)" "重试间隔（分钟）"
    HintRetryMinutes "The wait before each retry." "每次重试前的等待时间。"
    Rate "Push rate (devices a minute)" "推送速率（台/分钟）"
    HintRate "Empty: no limit." "留空表示不限。"
    Window "Maintenance window" "维护时段"
    WindowFrom "Window from" "维护时段开始"
    WindowTo "Window to" "维护时段结束"
    HintWindow "Devices begin within these hours only." "仅在该时段内开始升级。"
    UtcOffset "Minutes ahead of UTC" "与 UTC 的时差（分钟）"
    HintOffset "China: 480." "中国为 480。"
    HalfWindow "A maintenance window needs both times." "维护时段需要同时填写开始和结束时间。"
    Minutes "{n} minute|{n} minutes" "{n} 分钟"
    HintJobName "What you will recognise it by." "便于识别的名称。"
    Preview "Preview" "预览"
    CreateDraft "Create the draft" "创建草稿"
    WouldGet "{n} device would get it now.|{n} devices would get it now." "当前将升级 {n} 台设备。"
    NobodySelected "No device is selected. Devices that run {version} already are left out. Change the scope, or let devices join later." "没有选中任何设备。已运行 {version} 的设备不在范围内。请修改升级范围，或允许后续设备加入。"
    StrangerInJob "{device} is no device of {product}." "{device} 不是产品 {product} 的设备。"

    // Causes.
    Cause "Cause" "失败原因"
    CauseExpired "The download URL was refused" "下载地址被拒绝"
    DoExpired "The URL has expired or its signature is wrong. Check the device's clock, then push the firmware again." "下载地址已过期或签名不正确。请检查设备时钟，然后重新推送。"
    CauseStatus "The server answered with an error" "服务器返回错误状态"
    DoStatus "404: check that the firmware is still in the library. 5xx: look at the server, then retry." "404：请确认升级包仍存在。5xx：请检查服务器后重试。"
    CauseCertificate "The server's certificate was refused" "服务器证书被拒绝"
    DoCertificate "Give the device the authority that signed it (otakit_set_https_ca), and check the device's clock." "请为设备配置签发该证书的 CA（otakit_set_https_ca），并检查设备时钟。"
    CauseTls "TLS failed" "TLS 失败"
    DoTls "Check that the port speaks TLS, and that the scheme of the URL fits it." "请确认端口使用 TLS，且下载地址的协议与之匹配。"
    CauseConnect "The host could not be reached" "无法连接服务器"
    DoConnect "Check name and port from the device's network; give devices a reachable address with --public-url." "请在设备所在网络检查主机名和端口；用 --public-url 指定设备可访问的地址。"
    CauseSilent "The server was silent for too long" "服务器长时间无响应"
    DoSilent "Check the device's network and signal, then retry." "请检查设备的网络和信号强度，然后重试。"
    CauseBroken "The connection broke" "连接中断"
    DoBroken "The download goes on where it stopped. Retry; if it stays, look for a proxy that cuts connections." "下载支持断点续传，请重试。若持续出现，请检查是否有代理中断连接。"
    CauseLength "The size is not the one offered" "文件大小不一致"
    CauseDigest "The image's digest is wrong" "校验失败：摘要不一致"
    DoDigest "The bytes are not those that were offered. Upload the image again as a new firmware, and look for a proxy that changes it." "收到的数据与升级包不一致。请重新上传为新的升级包，并检查是否有代理修改内容。"
    CauseSignature "The signature is not by a trusted key" "验签失败：签名不可信"
    DoSignature "Sign the image with the key whose public part the device holds." "请用设备所持公钥对应的私钥签名升级包。"
    CauseFull "There is no room for the image" "空间不足"
    DoFull "Make room on the device, or offer a smaller image." "请清理设备存储空间，或提供更小的升级包。"
    CauseStore "The image could not be stored" "无法保存升级包"
    DoStore "Look at the device's log for the reason of the system; check the folder and the flash." "请查看设备日志中的系统错误，检查目录与存储器。"
    CauseRollback "The device refuses an older version" "设备拒绝旧版本（防回滚）"
    DoRollback "Its policy forbids to go back. Offer a newer version." "设备的防回滚策略不允许降级。请提供更新的版本。"
    CauseMemory "The device is out of memory" "设备内存不足"
    DoMemory "Restart the device and retry; give the download smaller buffers." "请重启设备后重试，并减小下载缓冲区。"
    CauseTime "The device did not finish in time" "升级超时"
    DoTime "Check that the device is on line and has power, then retry, or allow more time in the job." "请确认设备在线且供电正常，然后重试，或在批次中延长超时时间。"
    CauseStrayed "The device runs another version than expected" "设备上报了其他版本"
    DoStrayed "Check that the version inside the image is the one that was entered at the upload." "请确认升级包内的版本号与上传时填写的一致。"
    CauseFetch "The download failed" "下载失败"
    DoFetch "Look at the device's log: the library prints what it tried and what came back. Check that the device reaches the HTTP address." "请查看设备日志：库会打印尝试的内容和返回结果。请确认设备能访问 HTTP 地址。"
    CauseCheck "The image failed the check" "校验失败"
    CauseBurn "The image could not be written" "烧写失败"
    DoBurn "Check the room and the state of the flash, and power during the update." "请检查存储空间、存储器状态和升级期间的供电。"
    CauseGeneral "The device gave up" "设备放弃升级"
    DoGeneral "Look at the device's log and at the conversation on its page." "请查看设备日志及设备页面的实时消息。"
    CauseConfig "The device did not take the configuration" "设备未接受远程配置"
    DoConfig "Look at the device's log: it refused what the push said, or it has no use for a configuration." "请查看设备日志：设备拒绝了推送的内容，或不支持远程配置。"
    CauseUnknown "Another reason" "未知异常"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn values(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
    }

    fn is_han(c: char) -> bool {
        matches!(c, '\u{4e00}'..='\u{9fff}')
    }

    #[test]
    fn both_languages_have_the_same_values() {
        for message in Msg::ALL {
            for form in message.en().split('|') {
                let (en, zh) = (values(form), values(message.zh()));
                // English may spell out the number one.
                assert_eq!(en, zh, "{message:?}");
            }
            assert!(!message.en().trim().is_empty() && !message.zh().is_empty(), "{message:?}");
            assert!(!message.zh().contains('|'), "{message:?}: Chinese has one form");
            assert_eq!(
                message.en().contains('|'),
                message.en().contains("{n}") && *message != Msg::StageOf,
                "{message:?}"
            );
        }
    }

    /// The style of docs/DECISIONS.md: a space between Han and Latin, full-width punctuation beside Han, no old spellings.
    #[test]
    fn chinese_is_well_set() {
        for message in Msg::ALL {
            let text = message.zh();
            for wrong in ["登陆", "帐号", "阀值", "您们", "的的", "!", "！"] {
                assert!(!text.contains(wrong), "{message:?}: {wrong}");
            }
            let chars: Vec<char> = text.chars().collect();
            for pair in chars.windows(2) {
                let &[a, b] = pair else { continue };
                let latin = |c: char| c.is_ascii_alphanumeric() || c == '{' || c == '}';
                assert!(
                    !(is_han(a) && latin(b) || latin(a) && is_han(b)),
                    "{message:?}: a space between {a} and {b}"
                );
                let half = |c: char| ",:;?()".contains(c);
                assert!(!(is_han(a) && half(b) || half(a) && is_han(b)), "{message:?}: {a}{b}");
                let wide = |c: char| "，。；：？、（）“”".contains(c);
                assert!(
                    !(wide(a) && b == ' ' || a == ' ' && wide(b) && !text.contains("- _ .")),
                    "{message:?}: a space at {a}{b}"
                );
            }
            assert!(chars.iter().any(|c| is_han(*c)) || matches!(message, Msg::Comma), "{message:?}: {text}");
        }
    }
}
