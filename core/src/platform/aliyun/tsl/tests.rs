// SPDX-License-Identifier: MIT OR Apache-2.0

use alloc::borrow::ToOwned;

use serde_json::json;

use super::*;
use crate::platform::aliyun::Refusal;

const ALL: &str = r#"{"profile":{"productKey":"a1"},"properties":[
  {"identifier":"N","dataType":{"type":"int","specs":{"min":"0","max":"9"}}},
  {"identifier":"F","dataType":{"type":"float"}},
  {"identifier":"D","dataType":{"type":"double","specs":{}}},
  {"identifier":"T","dataType":{"type":"text","specs":{"length":"4"}}},
  {"identifier":"E","dataType":{"type":"enum","specs":{"0":"a","1":"b"}}},
  {"identifier":"B","dataType":{"type":"bool","specs":{"0":"off","1":"on"}}},
  {"identifier":"W","dataType":{"type":"date","specs":{}}},
  {"identifier":"S","dataType":{"type":"struct","specs":[{"identifier":"x","dataType":{"type":"int"}},
     {"identifier":"in","dataType":{"type":"struct","specs":[{"identifier":"y","dataType":{"type":"bool"}}]}}]}},
  {"identifier":"A","dataType":{"type":"array","specs":{"size":"3","item":{"type":"int"}}}},
  {"identifier":"R","dataType":{"type":"array","specs":{"size":2,"item":{"type":"struct","specs":[
     {"identifier":"z","dataType":{"type":"text","specs":{}}}]}}}}],
 "events":[{"identifier":"Error","method":"thing.event.Error.post","outputData":[
     {"identifier":"ErrorCode","dataType":{"type":"enum","specs":{"0":"ok"}}}]}],
 "services":[{"identifier":"get","inputData":["N"],"outputData":[{"identifier":"N","dataType":{"type":"int"}}]},
   {"identifier":"Custom","inputData":[{"identifier":"in","dataType":{"type":"int"}}],
    "outputData":[{"identifier":"out","dataType":{"type":"int"}}]}]}"#;

fn all() -> Description {
    Description::decode(ALL.as_bytes()).unwrap()
}

#[test]
fn values_of_each_type_in_each_form() {
    let mut values = all().properties;
    assert_eq!(values.json(), None, "nothing was set");
    // Path, the value as text, as JSON, and what JSON is made of it.
    let cases = [
        ("N", "-5", json!(-5), "-5"),
        ("N", "7", json!("7"), "7"),
        ("N", "7", json!(7.0), "7"),
        ("F", "0.1", json!(0.1), "0.1"),
        ("F", "25", json!(25), "25"),
        ("D", "0.123456789012", json!(0.123_456_789_012), "0.123456789012"),
        ("T", "a\"b", json!("a\"b"), r#""a\"b""#),
        ("E", "1", json!(1), "1"),
        ("B", "true", json!(true), "1"),
        ("B", "0", json!(false), "0"),
        ("W", "1534314100000", json!(1_534_314_100_000_u64), r#""1534314100000""#),
        ("S.x", "3", json!(3), r#"{"x":3}"#),
        ("S.in.y", "1", json!(1), r#"{"x":3,"in":{"y":1}}"#),
        ("A[1]", "6", json!(6), "[0,6]"),
        ("R[0].z", "q", json!("q"), r#"[{"z":"q"}]"#),
    ];
    for (path, text, value, json) in cases {
        let name = head(path).0;
        let whole = format!(r#"{{"{name}":{json}}}"#);
        values.set_text(path, text).unwrap();
        assert_eq!(values.json_of(path), Ok(whole.clone()), "{path} from {text}");
        values.set_json(path, &value).unwrap();
        assert_eq!(values.json_of(path), Ok(whole), "{path} from {value}");
    }
    let everything = values.json().unwrap();
    assert!(everything.starts_with(r#"{"N":7,"F":25,"D":0.123456789012,"T":"a\"b","E":1,"B":0,"W":"#));
    assert!(serde_json::from_str::<Value>(&everything).is_ok());
    assert_eq!(values.text("A"), Ok("[0,6]".to_owned()));
    assert_eq!(values.get("A[2]"), Ok(Scalar::Int(0)), "never set");
    values.set_text("A", "[1,2]").unwrap();
    assert_eq!(values.get("A[1]"), Ok(Scalar::Int(2)));
    values.set_json("S", &json!({"x": 8, "other": []})).unwrap();
    assert_eq!(values.text("S"), Ok(r#"{"x":8,"in":{"y":1}}"#.to_owned()), "members that did not come stay");
    values.clear();
    assert_eq!(values.json(), None);
    assert_eq!((values.get("F"), values.text("T")), (Ok(Scalar::Float(0.0)), Ok(String::new())));
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut values = all().properties;
    values.set_text("S.x", "1").unwrap();
    let before = values.clone();
    for (path, scalar, fault) in [
        ("N", Scalar::Text("1".to_owned()), Fault::Type),
        ("N", Scalar::Double(1.0), Fault::Type),
        ("F", Scalar::Float(f32::NAN), Fault::Type),
        ("D", Scalar::Double(f64::INFINITY), Fault::Type),
        ("T", Scalar::Text("12345".to_owned()), Fault::TooLong),
        ("B", Scalar::Int(2), Fault::Type),
        ("S", Scalar::Int(1), Fault::Type),
        ("A", Scalar::Int(1), Fault::Type),
        ("A[3]", Scalar::Int(1), Fault::Index),
        ("A[-1]", Scalar::Int(1), Fault::Index),
        ("A[x]", Scalar::Int(1), Fault::Index),
        ("A[0", Scalar::Int(1), Fault::Unknown),
        ("A.x", Scalar::Int(1), Fault::Unknown),
        ("S[0]", Scalar::Int(1), Fault::Unknown),
        ("S.q", Scalar::Int(1), Fault::Unknown),
        ("S.", Scalar::Int(1), Fault::Unknown),
        ("", Scalar::Int(1), Fault::Unknown),
        ("Q", Scalar::Int(1), Fault::Unknown),
    ] {
        assert_eq!(values.set(path, scalar), Err(fault), "{path}");
    }
    for (path, json) in [
        ("N", json!(1.5)),
        ("N", json!(null)),
        ("N", json!(3_000_000_000_u64)),
        ("T", json!(5)),
        ("S", json!({"x": 2, "in": {"y": 9}})),
        ("S", json!([])),
        ("A", json!([1, 2, 3, 4])),
        ("A", json!(["x"])),
    ] {
        assert!(values.set_json(path, &json).is_err(), "{path} {json}");
    }
    for (path, text) in [("N", ""), ("N", "x"), ("F", "nan"), ("S", "{"), ("A", "1")] {
        assert!(values.set_text(path, text).is_err(), "{path} {text}");
    }
    assert_eq!(values, before);
}

#[test]
fn events_and_services() {
    let mut description = all();
    let event = description.event("Error").unwrap();
    event.outputs.set("ErrorCode", Scalar::Int(0)).unwrap();
    assert_eq!(event.outputs.json().as_deref(), Some(r#"{"ErrorCode":0}"#));
    let service = description.service("Custom").unwrap();
    service.inputs.set_json("in", &json!(4)).unwrap();
    assert_eq!((service.inputs.get("in"), service.outputs.json()), (Ok(Scalar::Int(4)), None));
    assert_eq!(description.service("get").map(|get| get.inputs.clone()), Some(Values::default()));
    assert!(description.event("Other").is_none() && description.service("Other").is_none());
}

#[test]
fn what_is_no_description_is_refused() {
    for (text, refusal) in [
        ("", Refusal::NotJson),
        ("[]", Refusal::NotJson),
        (r#"{"properties":{}}"#, Refusal::Key("properties")),
        (r#"{"properties":[{"identifier":"a"}]}"#, Refusal::Key("dataType")),
        (r#"{"properties":[{"dataType":{"type":"int"}}]}"#, Refusal::Key("identifier")),
        (r#"{"properties":[{"identifier":"a.b","dataType":{"type":"int"}}]}"#, Refusal::Key("identifier")),
        (r#"{"properties":[{"identifier":"a","dataType":{"type":"blob"}}]}"#, Refusal::Key("type")),
        (r#"{"properties":[{"identifier":"a","dataType":{"type":"struct"}}]}"#, Refusal::Key("specs")),
        (
            r#"{"properties":[{"identifier":"a","dataType":{"type":"array","specs":{}}}]}"#,
            Refusal::Key("item"),
        ),
        (r#"{"events":[{}]}"#, Refusal::Key("identifier")),
        (r#"{"services":[{"identifier":"a","inputData":{}}]}"#, Refusal::Key("inputData")),
    ] {
        assert_eq!(Description::decode(text.as_bytes()), Err(refusal), "{text}");
    }
    assert_eq!(Description::decode(b"\xef\xbb\xbf{}\0"), Ok(Description::default()));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Description::decode(deep.as_bytes()), Err(Refusal::NotJson));
}
