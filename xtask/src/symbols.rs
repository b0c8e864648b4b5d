// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares a library's symbols with the manifests of the ABI, in both directions.
//!
//! ```text
//! --exports FILE   names that the library defines, one a line, `#` starts a comment (may be given several times)
//! --imports FILE   names that it leaves to the firmware
//! --strict         a static library that was prelinked: nothing but the manifest may be global in it. Without, only the
//!                  names of the project's own borders are looked at, because Rust's are global in a plain archive
//! --defined FILE   the names that the crate's own objects define, as the build read them before it hid any
//! --readelf PROGRAM  the target's `readelf`; `nm` would load whatever plugins are installed, and believe them
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::Outcome;

/// How the names of the C borders begin; other undefined names are the C library's.
const BORDER: [&str; 11] = [
    "HAL_",
    "IOT_",
    "aos_",
    "iotx_",
    "LITE_",
    "otakit_",
    "ota_",
    "onenet_",
    "dev_token_",
    "haas_",
    "quectel_",
];

#[derive(Default)]
struct Options<'a> {
    exports: BTreeSet<String>,
    imports: Option<BTreeSet<String>>,
    strict: bool,
    defined: Option<BTreeSet<String>>,
    readelf: &'a str,
    libraries: Vec<&'a str>,
}

/// What one library shows.
#[derive(Default, Debug, PartialEq, Eq)]
struct Symbols {
    defined: BTreeSet<String>,
    undefined: BTreeSet<String>,
}

/// Runs the comparison for every library given.
pub fn run(args: &[&str]) -> Outcome {
    let options = parse(args)?;
    let mut faults = Vec::new();
    for library in &options.libraries {
        let text = readelf(options.readelf, library)?;
        let is_shared = !library.ends_with(".a");
        let symbols = read(&text, options.strict || is_shared);
        compare(library, "export", &options.exports, &symbols.defined, &mut faults);
        if let Some(imports) = &options.imports {
            compare(library, "import", imports, &symbols.undefined, &mut faults);
        }
        println!("{library}: {} exports, {} imports", symbols.defined.len(), symbols.undefined.len());
    }
    if let Some(defined) = &options.defined {
        compare("the source", "export", &options.exports, defined, &mut faults);
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("the ABI differs from its manifest\n{}", faults.join("\n")))
    }
}

fn parse<'a>(args: &[&'a str]) -> Result<Options<'a>, String> {
    let mut options = Options { readelf: "readelf", ..Options::default() };
    let mut args = args.iter().copied();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg {
            "--exports" => options.exports.extend(manifest(value()?)?),
            "--imports" => options.imports.get_or_insert_default().extend(manifest(value()?)?),
            "--defined" => options.defined.get_or_insert_default().extend(manifest(value()?)?),
            "--readelf" => options.readelf = value()?,
            "--strict" => options.strict = true,
            _ if arg.starts_with("--") => return Err(format!("unknown option {arg}")),
            library => options.libraries.push(library),
        }
    }
    if options.libraries.is_empty() || options.exports.is_empty() {
        return Err("symbols needs a library and --exports".to_owned());
    }
    Ok(options)
}

fn manifest(path: &str) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let names = text.lines().filter_map(|line| line.split('#').next()).map(str::trim);
    Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn readelf(program: &str, library: &str) -> Result<String, String> {
    let table = if library.ends_with(".a") { "--symbols" } else { "--dyn-syms" };
    let output = Command::new(program)
        .args([table, "--wide", library])
        .output()
        .map_err(|e| format!("{program}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{program} {library}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|e| e.to_string())
}

/// Sorts the lines of `readelf` (`number value size type binding visibility section name`) into what is defined and what
/// the firmware has to bring.
fn read(text: &str, strict: bool) -> Symbols {
    let mut symbols = Symbols::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(number), Some(kind), Some(binding)) = (words.next(), words.nth(2), words.next()) else {
            continue;
        };
        // Remarks of the processor stand in brackets between visibility and section.
        let mut rest = words.skip(1).filter(|word| !word.starts_with('['));
        let (Some(section), Some(name)) = (rest.next(), rest.next()) else { continue };
        let name = name.split('@').next().unwrap_or(name);
        if !number.ends_with(':') || matches!(kind, "SECTION" | "FILE") {
            continue;
        }
        let seen = is_border(name);
        match (binding, section) {
            ("GLOBAL", "UND") if seen => symbols.undefined.insert(name.to_owned()),
            ("GLOBAL" | "WEAK", "UND") => false,
            ("GLOBAL", _) if strict || seen => symbols.defined.insert(name.to_owned()),
            // Generic names, where several platforms share a library: a firmware's own win over them.
            ("WEAK", _) if seen => symbols.defined.insert(name.to_owned()),
            _ => false,
        };
    }
    // Members of an archive use each other.
    symbols.undefined.retain(|name| !symbols.defined.contains(name));
    symbols
}

fn is_border(name: &str) -> bool {
    BORDER.iter().any(|prefix| name.starts_with(prefix))
}

fn compare(
    library: &str,
    kind: &str,
    wanted: &BTreeSet<String>,
    found: &BTreeSet<String>,
    faults: &mut Vec<String>,
) {
    faults.extend(wanted.difference(found).map(|name| format!("  {library}: no {kind} {name}")));
    faults
        .extend(found.difference(wanted).map(|name| format!("  {library}: {kind} {name} is in no manifest")));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\nFile: lib.a(a.o)\n\nSymbol table '.symtab' contains 8 entries:\n\
           Num:    Value          Size Type    Bind   Vis      Ndx Name\n\
             0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND \n\
             1: 0000000000000000     0 SECTION LOCAL  DEFAULT    3 .text.IOT_OTA_Init\n\
             2: 0000000000000000   713 FUNC    GLOBAL DEFAULT    3 IOT_OTA_Init\n\
             3: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT  UND HAL_Malloc\n\
             4: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT  UND malloc\n\
             5: 0000000000000000     8 FUNC    GLOBAL DEFAULT    7 rust_eh_personality\n\
             6: 0000000000000000     8 FUNC    WEAK   DEFAULT    9 memcpy\n\
             7: 0000000000000000     8 FUNC    WEAK   DEFAULT [VARIANT_PCS]    9 ota_init\n\
        File: lib.a(b.o)\n\
             1: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT  UND IOT_OTA_Init\n";

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_archive_shows_its_exports_and_imports() {
        let found = read(TABLE, false);
        assert_eq!(
            found,
            Symbols { defined: names(&["IOT_OTA_Init", "ota_init"]), undefined: names(&["HAL_Malloc"]) }
        );
    }

    #[test]
    fn strict_hides_nothing() {
        assert_eq!(read(TABLE, true).defined, names(&["IOT_OTA_Init", "ota_init", "rust_eh_personality"]));
    }

    #[test]
    fn differences_are_told_in_both_directions() {
        let mut faults = Vec::new();
        compare("lib", "export", &names(&["a", "b"]), &names(&["b", "c"]), &mut faults);
        assert_eq!(faults, ["  lib: no export a", "  lib: export c is in no manifest"]);
    }
}
