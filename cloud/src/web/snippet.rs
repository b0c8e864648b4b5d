// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text to paste: how a device gets to this server.

use crate::data::model::Device;
use crate::lan::Reach;

/// In place of a secret that is not shown.
pub const MASK: &str = "••••••";

/// A text as C writes it.
fn c(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            // A question mark could begin a trigraph.
            b'?' => out.push_str("\\?"),
            b' '..=b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out.push('"');
    out
}

/// A word as a shell writes it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A device of Link Kit, as C.
pub fn link_kit(device: &Device, secret: &str) -> String {
    let secret = if secret == MASK { format!("\"{MASK}\"") } else { c(secret) };
    format!(
        r#"#include <string.h>
#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"

/* Connects and reports the version; offers arrive in IOT_MQTT_Yield. */
void *start_ota(void **mqtt)
{{
    const char *product_key = {};
    const char *device_name = {};
    const char *device_secret = {};
    iotx_conn_info_pt conn = NULL;
    iotx_mqtt_param_t params;
    void *ota;

    if (IOT_SetupConnInfo(product_key, device_name, device_secret, (void **)&conn) != 0) {{
        return NULL;
    }}
    memset(&params, 0, sizeof(params));
    params.host = conn->host_name;
    params.port = conn->port;
    params.client_id = conn->client_id;
    params.username = conn->username;
    params.password = conn->password;
    params.pub_key = conn->pub_key;
    params.keepalive_interval_ms = 60000;
    *mqtt = IOT_MQTT_Construct(&params);
    if (*mqtt == NULL) {{
        return NULL;
    }}
    ota = IOT_OTA_Init(product_key, device_name, *mqtt);
    if (ota != NULL) {{
        IOT_OTA_ReportVersion(ota, "1.0.0");
    }}
    return ota;
}}
"#,
        c(&device.product_key),
        c(&device.device_name),
        secret
    )
}

/// The project's own examples, as commands.
pub fn commands(device: &Device, secret: &str, reach: &Reach) -> [String; 2] {
    let (product, name, secret) = (shell(&device.product_key), shell(&device.device_name), shell(secret));
    let start = |variable: &str, value: &str| format!("{variable}={}{} \\\n  ", shell(value), trust(reach));
    [
        start("OTAKIT_LAB_ALIYUN_MQTT", &reach.mqtt)
            + &format!("linkkit_ota_basic -k {product} -n {name} -s {secret} -v 1.0.0"),
        start("OTAKIT_LAB_ONENET", &reach.http) + &format!("onenet_ota -p {product} -d {name} -k {secret}"),
    ]
}

/// Which certificate a lab build trusts.
fn trust(reach: &Reach) -> String {
    let file = reach.certificate.as_ref();
    file.map(|file| format!(" OTAKIT_LAB_CA={}", shell(&file.to_string_lossy()))).unwrap_or_default()
}

/// The parameters of a product's firmware, as C: where this server is, and what it trusts.
pub fn server(products: &[String], host: &str, port: &str, certificate: &str) -> String {
    let named = products.first().map_or("a product of yours", String::as_str);
    let more = if products.len() > 1 {
        format!("  /* or: {} */", products.get(1..).unwrap_or_default().join(", "))
    } else {
        String::new()
    };
    let lines: Vec<String> = certificate.lines().map(|line| c(&format!("{line}\n"))).collect();
    format!(
        "#define PRODUCT_KEY {}{more}\nstatic const char cloud_ca[] =\n    {};\n\n\
         /* in iotx_mqtt_param_t, for IOT_MQTT_Construct: */\n\
         params.host = {};\nparams.port = {port};\nparams.pub_key = cloud_ca;\n",
        c(named),
        lines.join("\n    "),
        c(host),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(c("a\"b\\c?é\n"), "\"a\\\"b\\\\c\\?\\303\\251\\012\"");
        assert_eq!(shell("a'b $(x)"), "'a'\\''b $(x)'");
    }
}
