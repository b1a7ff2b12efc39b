//! As much of JSON Schema as the description of the interface uses.

use serde_json::Value;

/// What of `value` is not as `schema` says; fields that it does not name count too.
pub(crate) fn faults(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(root, schema, value, "", &mut faults);
    faults
}

/// The schema that a reference stands for.
pub(crate) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => root.pointer(path.strip_prefix('#').unwrap()).expect("a dangling reference"),
        None => schema,
    }
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = resolve(root, schema);
    if let Some(choices) = schema["oneOf"].as_array().filter(|_| schema["type"].is_null()) {
        if !choices.iter().any(|choice| self::faults(root, choice, value).is_empty()) {
            faults.push(format!("{at}: {value} fits no choice"));
        }
        return;
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => panic!("{at}: the schema has no type: {schema}"),
    };
    if !types.iter().any(|name| is_a(name, value)) {
        return faults.push(format!("{at}: {value} is no {types:?}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        faults.push(format!("{at}: {value} is none of {values:?}"));
    }
    if let Some(items) = value.as_array() {
        for (place, item) in items.iter().enumerate() {
            check(root, &schema["items"], item, &format!("{at}/{place}"), faults);
        }
    }
    let Some(fields) = value.as_object() else { return };
    for required in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(required.as_str().unwrap()) {
            faults.push(format!("{at}: {required} is missing"));
        }
    }
    for (name, field) in fields {
        match schema["properties"].get(name) {
            Some(known) => check(root, known, field, &format!("{at}/{name}"), faults),
            None if schema["additionalProperties"] == true => {}
            None => faults.push(format!("{at}: {name} is not described")),
        }
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => panic!("unknown type {name}"),
    }
}

#[test]
fn the_checker_finds_faults() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"],
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "array", "items": {"type": ["string", "null"], "enum": ["x", null]}},
        }
    });
    let faults = |value| faults(&schema, &schema, &value).len();
    assert_eq!(faults(serde_json::json!({"a": 1, "b": ["x", null]})), 0);
    assert_eq!(faults(serde_json::json!({"a": -1})), 1);
    assert_eq!(faults(serde_json::json!({"b": ["y", 2], "c": 0})), 4);
    assert_eq!(faults(serde_json::json!([])), 1);
}
