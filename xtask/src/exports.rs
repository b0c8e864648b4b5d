// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every exported function is guarded: its body is one call of `guard`, with the function's own name.
//!
//! A panic must not cross into C, and the log line of a refused call must name the function that was called. Both come from
//! `guard("NAME", ON_PANIC, || …)`. The exports stay plain functions, which rustfmt formats and cbindgen reads; this check
//! is what makes the rule hold for each of them.

use std::path::Path;

use syn::{Attribute, Expr, Item, ItemFn, Lit, ReturnType, Stmt};

use crate::Outcome;
use crate::sources::rust_files;

/// Fails when an export has another body, and when there is none at all.
pub fn check(root: &Path) -> Outcome {
    let mut found = 0;
    let mut wrong = Vec::new();
    for path in rust_files(&root.join("src"))? {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let file = syn::parse_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        let place = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        look(&file.items, &place, &mut found, &mut wrong);
    }
    if !wrong.is_empty() {
        return Err(format!(
            "exports that are not one call of guard with their own name:\n{}",
            wrong.join("\n")
        ));
    }
    if found == 0 {
        return Err("no export was found: does this check still read the sources rightly?".to_owned());
    }
    println!("{found} exports, each guarded");
    Ok(())
}

fn look(items: &[Item], place: &str, found: &mut usize, wrong: &mut Vec<String>) {
    for item in items {
        match item {
            Item::Fn(function) if function.attrs.iter().any(is_export) => {
                *found += 1;
                if !is_guarded(function) {
                    wrong.push(format!("    {place}: {}", function.sig.ident));
                }
            }
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    look(items, place, found, wrong);
                }
            }
            _ => {}
        }
    }
}

/// `#[unsafe(no_mangle)]`, `#[no_mangle]` or an `export_name`, under a `cfg_attr` as well.
fn is_export(attribute: &Attribute) -> bool {
    let tokens = match &attribute.meta {
        syn::Meta::Path(path) => return path.is_ident("no_mangle"),
        syn::Meta::List(list) => list.tokens.to_string(),
        syn::Meta::NameValue(pair) => return pair.path.is_ident("export_name"),
    };
    tokens.contains("no_mangle") || tokens.contains("export_name")
}

/// Functions that hand their first argument, a name, on to `guard`.
const GUARDS: [&str; 5] = ["guard", "answer", "control", "register", "set"];

/// Exports whose body is a constant: nothing in them can fail.
const CONSTANT: [&str; 2] = ["otakit_version", "otakit_build_info"];

fn is_guarded(function: &ItemFn) -> bool {
    let name = function.sig.ident.to_string();
    if CONSTANT.contains(&name.as_str()) {
        return function.sig.inputs.is_empty();
    }
    // The SDK generations' functions are those of the vendor's name; a macro in their headers leads to them.
    let plain =
        name.strip_prefix("otakit_v310_").or_else(|| name.strip_prefix("otakit_v23_")).unwrap_or(&name);
    let is_name = |given: &str| given == name || given.ends_with(plain) && plain != name;
    let call = match function.block.stmts.as_slice() {
        [Stmt::Expr(Expr::Call(call), None)] => call,
        [Stmt::Expr(Expr::Call(call), Some(_))] if function.sig.output == ReturnType::Default => call,
        _ => return false,
    };
    let Expr::Path(callee) = &*call.func else { return false };
    let Some(Expr::Lit(given)) = call.args.first() else { return false };
    let Lit::Str(given) = &given.lit else { return false };
    callee.path.segments.last().is_some_and(|last| GUARDS.iter().any(|guard| last.ident == guard))
        && is_name(&given.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(source: &str) -> (usize, Vec<String>) {
        let file = syn::parse_file(source).expect("a test's own source");
        let (mut found, mut wrong) = (0, Vec::new());
        look(&file.items, "x.rs", &mut found, &mut wrong);
        (found, wrong)
    }

    #[test]
    fn a_body_that_is_not_guarded_is_found() {
        let guarded = r#"#[unsafe(no_mangle)] pub extern "C" fn a(x: i32) -> i32 { guard("a", -1, || x) }"#;
        assert_eq!(wrong(guarded), (1, vec![]));
        for body in [
            r#"{ guard("b", -1, || x) }"#,
            "{ x }",
            r#"{ y(); guard("a", -1, || x) }"#,
            r#"{ guard("a", -1, || x); }"#,
        ] {
            let source =
                format!(r#"mod m {{ #[unsafe(no_mangle)] pub extern "C" fn a(x: i32) -> i32 {body} }}"#);
            assert_eq!(wrong(&source), (1, vec!["    x.rs: a".to_owned()]), "{body}");
        }
        assert_eq!(wrong("pub fn a() {}").0, 0);
    }
}
