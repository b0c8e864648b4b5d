// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a handler takes and gives, read off its signature: an argument that has no [`Part`], or an answer that has no
//! [`Answer`], does not compile in the table.

use std::collections::BTreeMap;

use axum::extract::State;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::extract::{Json, Path, Query, STREAM, Stream};
use crate::access::Signed;
use crate::origin::api::Refused;

/// One operation, as it is written down.
#[derive(Debug)]
pub struct Operation<'a> {
    /// Schemas of requests, each in its place.
    pub requests: &'a mut SchemaGenerator,
    /// Schemas of answers, which the document has once.
    pub answers: &'a mut SchemaGenerator,
    /// Schemas of what stands in the path, in its order.
    pub path: Vec<Value>,
    /// What stands behind the `?`: name, schema, whether it must be there.
    pub query: Vec<(String, Value, bool)>,
    /// The type of a body, and its schema.
    pub body: Option<(&'static str, Value)>,
    /// The type of an answer that is no error, and its schema.
    pub answer: Option<(&'static str, Value)>,
    /// Headers of that answer.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// Statuses of refusals.
    pub refusals: Vec<u16>,
}

/// What a handler takes.
pub trait Part {
    /// Writes it down.
    fn describe(operation: &mut Operation<'_>);
}

/// What a handler gives.
pub trait Answer {
    /// Writes it down.
    fn describe(operation: &mut Operation<'_>);
}

/// A handler.
pub trait Describe<T> {
    /// Writes down what it takes and gives.
    fn describe(operation: &mut Operation<'_>);
}

macro_rules! describe {
    ($args:ty, $($part:ident),*) => {
        impl<F, Fut, A, M, $($part),*> Describe<$args> for F
        where
            F: FnOnce($($part),*) -> Fut,
            Fut: Future<Output = A>,
            A: Answer,
            $($part: Part),*
        {
            fn describe(operation: &mut Operation<'_>) {
                $($part::describe(operation);)*
                A::describe(operation);
            }
        }
    };
}

// A handler's arguments, as axum numbers them.
describe!((M, P1), P1);
describe!((M, P1, P2), P1, P2);
describe!((M, P1, P2, P3), P1, P2, P3);
describe!((M, P1, P2, P3, P4), P1, P2, P3, P4);
describe!((M, P1, P2, P3, P4, P5), P1, P2, P3, P4, P5);

impl<F: FnOnce() -> Fut, Fut: Future<Output = A>, A: Answer> Describe<((),)> for F {
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
    }
}

impl<S> Part for State<S> {
    fn describe(_: &mut Operation<'_>) {}
}

impl Part for Signed {
    fn describe(_: &mut Operation<'_>) {}
}

impl<T: JsonSchema> Part for Path<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.requests.subschema_for::<T>().to_value();
        // Several places in a path are a tuple.
        operation.path = match schema.get("prefixItems").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![schema],
        };
        operation.refusals.push(404);
    }
}

impl<T: JsonSchema> Part for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.requests.subschema_for::<T>().to_value();
        let needed = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            operation.query.push((name.clone(), given(schema.clone()), needed.contains(&json!(name))));
        }
        operation.refusals.push(400);
    }
}

/// What is left out of a query is not there: nobody can write `null`.
fn given(mut schema: Value) -> Value {
    if let Some(types) = schema.get_mut("type")
        && let Some([one]) = types
            .as_array()
            .map(|all| all.iter().filter(|t| **t != json!("null")).cloned().collect::<Vec<_>>())
            .as_deref()
    {
        *types = one.clone();
    }
    if let Some([one]) = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .map(|all| all.iter().filter(|s| s.get("type") != Some(&json!("null"))).cloned().collect::<Vec<_>>())
        .as_deref()
    {
        return one.clone();
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|name, value| name != "default" || !value.is_null());
    }
    schema
}

impl<T: JsonSchema> Part for Json<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.requests.subschema_for::<T>().to_value();
        operation.body = Some(("application/json", schema));
        operation.refusals.extend([400, 413, 415, 422]);
    }
}

impl Part for Stream {
    fn describe(operation: &mut Operation<'_>) {
        operation.body = Some((STREAM, json!({ "type": "string", "format": "binary" })));
        operation.refusals.extend([413, 415]);
    }
}

impl<T: JsonSchema> Answer for Json<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answers.subschema_for::<T>().to_value();
        operation.answer = Some(("application/json", schema));
    }
}

impl<T: Answer> Answer for Result<T, Refused> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
        operation.refusals.push(503);
    }
}
