// SPDX-License-Identifier: MIT OR Apache-2.0
//! The OpenAPI 3.1 document of the control API, made of its table.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::shape::Operation;
use super::{Control, Op, all};

/// The document as it is served; made at the first request.
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| of(&all()).to_string())
}

/// The document of an API.
pub fn of(control: &Control) -> Value {
    let settings = |settings: &mut SchemaSettings| {
        settings.meta_schema = None;
        "/components/schemas".clone_into(settings.definitions_path.to_mut());
    };
    // A field with a default may be left out of a request, and is always there in an answer: each has schemas of its own.
    let mut answers = SchemaSettings::draft2020_12().with(settings).for_serialize().into_generator();
    let inline = |s: &mut SchemaSettings| s.inline_subschemas = true;
    let mut requests =
        SchemaSettings::draft2020_12().with(settings).with(inline).for_deserialize().into_generator();
    let mut paths = Map::new();
    for op in control.ops() {
        let written = operation(op, &mut requests, &mut answers);
        let path = paths.entry(op.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(op.method.as_str().to_ascii_lowercase(), written);
        }
    }
    let mut schemas = answers.take_definitions(true);
    schemas.insert(
        "Error".to_owned(),
        json!({
            "type": "object", "required": ["error"], "additionalProperties": false,
            "properties": { "error": { "type": "string", "description": "Why not, for a person to read" } },
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "otakit-cloud",
            "summary": "The control API of a local cloud for OTA development",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "An API token (`otakit-cloud token create`) with one of the scopes that the operation lists, or with `admin`",
                },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "otakit-8080",
                    "description": "The cookie that POST /api/session gives; its name ends with the server's port, and begins with `__Host-` under TLS. A change carries the session's X-CSRF-Token too, which GET /api/session tells",
                },
            },
        },
    })
}

/// What a status means.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request makes no sense, or cannot be done now",
        401 => "Whoever asks is not signed in",
        403 => "The token or the page may not do that",
        404 => "There is nothing of this name",
        413 => "The body is too large",
        415 => "The body is of another type",
        421 => "The Host header names another server",
        422 => "The body is JSON of another form",
        429 => "Too many tries; later",
        _ => "The database is away; later",
    }
}

fn operation(op: &Op, requests: &mut SchemaGenerator, answers: &mut SchemaGenerator) -> Value {
    let mut shape = Operation {
        requests,
        answers,
        path: Vec::new(),
        query: Vec::new(),
        body: None,
        answer: None,
        headers: std::collections::BTreeMap::new(),
        refusals: Vec::new(),
    };
    (op.describe)(&mut shape);
    let names = op.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = names
        .zip(&shape.path)
        .map(|(name, schema)| json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    let behind = shape.query.iter().map(|(name, schema, required)| {
        json!({ "name": name, "in": "query", "required": required, "schema": schema })
    });
    let parameters: Vec<Value> = in_path.chain(behind).collect();
    let mut refusals: BTreeSet<u16> = shape.refusals.into_iter().collect();
    refusals.extend(op.doc.names.then_some(404));
    let scope = op.scope();
    if scope.is_some() {
        refusals.extend([401, 403, 503]);
    }
    if op.path.starts_with("/api/") || scope.is_some() {
        // See `crate::origin::guard`.
        refusals.extend([400, 403, 421]);
    }
    let mut responses = Map::new();
    let (kind, schema) = shape.answer.unwrap_or(("application/json", json!({})));
    let headers: Map<String, Value> = (shape.headers.into_iter())
        .map(|(name, why)| (name.to_owned(), json!({ "description": why, "schema": { "type": "string" } })))
        .collect();
    responses.insert(
        "200".to_owned(),
        json!({ "description": "Done", "headers": headers, "content": { kind: { "schema": schema } } }),
    );
    for status in refusals {
        let error = json!({ "schema": { "$ref": "#/components/schemas/Error" } });
        responses.insert(
            status.to_string(),
            json!({ "description": meaning(status), "content": { "application/json": error } }),
        );
    }
    let mut written = json!({
        "operationId": op.doc.id,
        "summary": op.doc.summary,
        "responses": responses,
        "security": match scope {
            Some(scope) => json!([{ "token": [scope.to_string()] }, { "session": [] }]),
            None => json!([]),
        },
    });
    let mut add = |name: &str, value: Value| {
        if let Some(written) = written.as_object_mut() {
            written.insert(name.to_owned(), value);
        }
    };
    if !parameters.is_empty() {
        add("parameters", json!(parameters));
    }
    if let Some((kind, schema)) = shape.body {
        add("requestBody", json!({ "required": true, "content": { kind: { "schema": schema } } }));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(document: &Value) -> Vec<(String, Value)> {
        let paths = document["paths"].as_object().unwrap();
        let each = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(move |(method, op)| (format!("{method} {path}"), op.clone()))
        });
        each.collect()
    }

    #[test]
    fn every_operation_is_whole() {
        let control = all();
        let document = of(&control);
        let operations = operations(&document);
        assert_eq!(operations.len(), control.ops().len(), "two operations of one method and path");
        assert!(operations.len() > 25);
        let mut ids = BTreeSet::new();
        for (name, op) in &operations {
            assert!(ids.insert(op["operationId"].as_str().unwrap().to_owned()), "{name}: its id is taken");
            assert!(!op["summary"].as_str().unwrap().is_empty(), "{name}");
            let done = op["responses"]["200"]["content"].as_object().unwrap();
            let schema = &done.values().next().unwrap()["schema"];
            assert!(schema.get("type").or(schema.get("$ref")).is_some(), "{name}: {schema}");
            let public = op["security"] == json!([]);
            let scope = op["security"][0]["token"][0].as_str();
            assert!(
                public || scope.is_some_and(|scope| crate::access::scope::Scopes::parse(scope).is_ok()),
                "{name}"
            );
            for status in ["401", "403", "503"].iter().filter(|_| !public) {
                let error = &op["responses"][status]["content"]["application/json"]["schema"];
                assert_eq!(error["$ref"], "#/components/schemas/Error", "{name} {status}");
            }
            let in_path =
                op["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "path").count();
            assert_eq!(in_path, name.matches('{').count(), "{name}");
            // What is done to a job is in the path.
            if name.starts_with("post ") && !name.starts_with("post /api/jobs/{id}/") {
                let body = op["requestBody"]["content"].as_object().unwrap();
                assert!(
                    body.values().all(|content| content["schema"]["type"].is_string()),
                    "{name}: {body:?}"
                );
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value, seen: &mut usize) {
            match value {
                Value::Object(fields) => {
                    if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                        let target = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(target).is_some(), "{target}");
                        *seen += 1;
                    }
                    fields.values().for_each(|field| walk(field, document, seen));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, document, seen)),
                _ => {}
            }
        }
        let document = of(&all());
        let mut seen = 0;
        walk(&document, &document, &mut seen);
        assert!(seen > 50, "{seen}");
    }

    /// The table is the only way into the control API.
    #[test]
    fn no_route_goes_past_the_table() {
        fn sources(dir: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    sources(&path, out);
                } else if path.extension().is_some_and(|kind| kind == "rs") {
                    out.push(path);
                }
            }
        }
        let mut files = Vec::new();
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        assert!(files.len() > 50);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for route in text.split(".route(").skip(1) {
                let path = route.trim_start().strip_prefix('"').unwrap_or_default();
                let api = ["/api", "/metrics", "/healthz", "/readyz"].iter().any(|p| path.starts_with(p));
                assert!(!api, "{}: {path:.40} is added past the table", file.display());
            }
        }
    }
}
