// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control API against its own document, and the command line's JSON against it.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::access::{ADMIN, ask, set_password};
use crate::support::*;

fn document(cloud: &Cloud) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_otakit-cloud")).arg("openapi").output().unwrap();
    assert!(output.status.success() && cloud.dir.exists());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Method, path, and what is written down of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, op)| (method.to_ascii_uppercase(), path.clone(), op.clone()))
    });
    each.collect()
}

/// Why a value is not what its schema says; the schemas of the document use these words and no others.
fn mismatch(value: &Value, schema: &Value, document: &Value) -> Option<String> {
    let fields = schema.as_object().unwrap();
    if let Some(target) = fields.get("$ref") {
        let target = target.as_str().unwrap().strip_prefix('#').unwrap();
        return mismatch(value, document.pointer(target).unwrap(), document);
    }
    let known =
        ["type", "properties", "required", "items", "enum", "const", "oneOf", "anyOf", "minimum", "maximum"];
    let words =
        ["description", "format", "default", "additionalProperties", "minItems", "maxItems", "pattern"];
    if let Some(word) = fields.keys().find(|w| !known.contains(&w.as_str()) && !words.contains(&w.as_str())) {
        return Some(format!("the test does not know {word:?}"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = fields.get("type");
    if types.is_some_and(|types| {
        *types != json!(kind) && !types.as_array().is_some_and(|t| t.contains(&json!(kind)))
    }) {
        return Some(format!("{value} is {kind}, not {types:?}"));
    }
    if let Some(choices) = fields.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        return Some(format!("{value} is none of {choices:?}"));
    }
    if fields.get("const").is_some_and(|only| only != value) {
        return Some(format!("{value} is not {}", fields["const"]));
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(choices) = fields.get(word).and_then(Value::as_array) {
            let fits = choices.iter().filter(|choice| mismatch(value, choice, document).is_none()).count();
            if fits == 0 || word == "oneOf" && fits > 1 {
                return Some(format!("{value} fits {fits} of {word}"));
            }
        }
    }
    let low = fields.get("minimum").and_then(Value::as_i64);
    if low.zip(value.as_i64()).is_some_and(|(low, n)| n < low) {
        return Some(format!("{value} is below {low:?}"));
    }
    let none = serde_json::Map::new();
    let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&none);
    if let Value::Object(value) = value {
        for name in fields.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !value.contains_key(name.as_str().unwrap()) {
                return Some(format!("{name} is missing"));
            }
        }
        for (name, field) in value {
            let why = match (properties.get(name), fields.get("additionalProperties")) {
                (Some(schema), _) => mismatch(field, schema, document),
                (None, Some(schema @ Value::Object(_))) => mismatch(field, schema, document),
                // A choice has been looked at above.
                (None, _) if !fields.contains_key("properties") && !fields.contains_key("type") => None,
                (None, _) => Some("it is not in the document".to_owned()),
            };
            if let Some(why) = why {
                return Some(format!("{name}: {why}"));
            }
        }
    }
    match (value, fields.get("items")) {
        (Value::Array(items), Some(schema)) => items.iter().find_map(|item| mismatch(item, schema, document)),
        _ => None,
    }
}

#[test]
fn a_request_needs_what_the_document_says() {
    let mut cloud = Cloud::new("api-rights");
    set_password(&cloud, ADMIN);
    let (_, http) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let scopes = ["read", "firmware", "jobs", "devices", "admin"];
    let tokens = scopes.map(|scope| {
        let text = cloud.ok(&["token", "create", scope, "--scope", scope]);
        (scope, format!("Authorization: Bearer {}\r\n", text.trim()))
    });
    let document = document(&cloud);
    let served = ask(&http, "GET", "/api/openapi.json", &tokens[0].1, "");
    assert_eq!((served.0, &served.2), (200, &document), "served and printed are the same");
    let mut asked = 0;
    for (method, path, op) in operations(&document) {
        let mut whole = path.clone();
        for (place, name) in [("{id}", "999999"), ("{key}", "999999"), ("{action}", "pause")] {
            whole = whole.replace(place, name);
        }
        let whole = whole.replace(['{', '}'], "");
        let needed = op["security"][0]["token"][0].as_str();
        let unsigned = ask(&http, &method, &whole, "", "");
        match needed {
            Some(_) => assert_eq!(unsigned.0, 401, "{method} {path}"),
            None => assert!(
                op["responses"].get(unsigned.0.to_string()).is_some(),
                "{method} {path}: {}",
                unsigned.0
            ),
        }
        for (scope, header) in &tokens {
            let (status, _, body) = ask(&http, &method, &whole, header, "");
            let may = needed.is_none_or(|needed| needed == *scope || *scope == "admin");
            assert_eq!(status != 403, may, "{method} {path} with {scope}: {status} {body}");
            let error = document.pointer("/components/schemas/Error").unwrap();
            if status != 200 {
                assert!(
                    op["responses"].get(status.to_string()).is_some(),
                    "{method} {path}: {status} {body}"
                );
                assert_eq!(mismatch(&body, error, &document), None, "{method} {path}: {status}");
            }
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
}

#[test]
fn listings_are_what_the_document_says() {
    let mut cloud = Cloud::new("api-listings");
    let image_file = cloud.path("fw.bin");
    image(&image_file, 1000);
    let image_file = image_file.to_str().unwrap().to_owned();
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    cloud.ok(&[
        "firmware",
        "add",
        &image_file,
        "--product",
        PRODUCT,
        "--version",
        "2.0.0",
        "--sign",
        "sha256",
    ]);
    let document = document(&cloud);
    let refers = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let list_of = |name: &str| json!({ "type": "array", "items": refers(name) });
    let check = |cloud: &Cloud, words: &[&str], schema: &Value| {
        let listed: Value = serde_json::from_str(&cloud.ok(words)).unwrap();
        assert_eq!(mismatch(&listed, schema, &document), None, "{words:?}: {listed}");
        assert!(!listed.as_array().is_some_and(Vec::is_empty), "{words:?} lists nothing");
        listed
    };
    let both = [
        (vec!["device", "list", "--json"], list_of("DeviceView")),
        (vec!["firmware", "list", "--json"], list_of("Firmware")),
        (vec!["status", "--json"], refers("StatusView")),
    ];
    let alone: Vec<Value> = both.iter().map(|(words, schema)| check(&cloud, words, schema)).collect();
    let tables: Value = serde_json::from_str(&cloud.ok(&["db", "status", "--json"])).unwrap();
    assert!(tables["version"].is_i64() && tables["version"] == tables["newest"], "{tables}");
    cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    for ((words, schema), before) in both.iter().zip(&alone) {
        let listed = check(&cloud, words, schema);
        if words[0] == "firmware" {
            assert_eq!(listed, *before, "the same with a server and without");
        }
    }
    cloud.ok(&["push", PRODUCT, DEVICE]);
    cloud.ok(&["job", "create", PRODUCT, "--version", "2.0.0", "--stage", "50:90", "--stage", "100"]);
    cloud.ok(&["job", "approve", "1"]);
    cloud.ok(&["job", "start", "1"]);
    cloud.ok(&["token", "create", "ci", "--scope", "read,jobs", "--days", "3"]);
    cloud.ok(&["onenet", "task", PRODUCT, DEVICE, "--version", "2.0.0"]);
    for (words, schema) in [
        (vec!["status", "--json"], refers("StatusView")),
        (vec!["device", "list", "--json"], list_of("DeviceView")),
        (vec!["job", "list", "--json"], list_of("JobView")),
        (vec!["job", "show", "1", "--json"], refers("JobView")),
        (vec!["job", "preview", PRODUCT, "--version", "2.0.0", "--json"], refers("Preview")),
        (vec!["token", "list", "--json"], list_of("Token")),
        (vec!["audit", "--json"], list_of("Audited")),
        (vec!["onenet", "tasks", PRODUCT, DEVICE], list_of("Task")),
    ] {
        check(&cloud, &words, &schema);
    }
}

#[test]
fn shells_complete_the_commands() {
    let program = env!("CARGO_BIN_EXE_otakit-cloud");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Command::new(program).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("firmware"), "{shell}");
    }
    let ask = "source <($0 completions bash); COMP_WORDS=(otakit-cloud firm); COMP_CWORD=1; \
               read -ra words <<<\"$(complete -p otakit-cloud)\"; for n in ${!words[@]}; do \
               [ ${words[n]} = -F ] && ${words[n + 1]} otakit-cloud firm otakit-cloud; done; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", ask, program]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "firmware");
}

#[test]
fn a_reader_that_goes_away() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_otakit-cloud"))
        .arg("openapi")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
