//! The direction of imports: no modules of a crate import each other in a circle, neither files nor the top modules
//! that contain them.

#![expect(clippy::unwrap_used, reason = "a test that fails")]

mod cycles;
mod links;
mod site;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use e2e::root;
use source::Crate;

/// The crates of this repository, by the folders of their sources.
const CRATES: [&str; 17] = [
    "bench/driver/src",
    "bench/native/src",
    "clients/axum/src",
    "components/account/src",
    "components/admin/src",
    "components/auth/src",
    "components/gate/src",
    "components/health/src",
    "components/outbound/src",
    "components/tenant/src",
    "crates/pbkdf2-simd/src",
    "crates/platform/src",
    "crates/spin-platform/src",
    "crates/tenancy/src",
    "crates/web/src",
    "tools/runner/src",
    "tools/tenantctl/src",
];

/// The modules that each module imports.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn files_have_no_import_cycle() {
    for folder in CRATES {
        let imports = Crate::read(&root().join(folder)).imports();
        let cycles = cycles::find(&imports);
        assert!(cycles.is_empty(), "{folder}: {}", cycles::describe(&cycles, &imports));
    }
}

#[test]
fn top_modules_have_no_import_cycle() {
    for folder in CRATES {
        let imports = of_top_modules(&Crate::read(&root().join(folder)).imports());
        let cycles = cycles::find(&imports);
        assert!(cycles.is_empty(), "{folder}: {}", cycles::describe(&cycles, &imports));
    }
}

/// Checks that `docs/architecture.md` assigns each module of the core to a layer, and that none imports a higher one.
#[test]
fn core_imports_only_lower_layers() {
    let document = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let section = document.split("## ").find(|part| part.starts_with("The layers")).unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).collect();
    let mut layers = BTreeMap::new();
    for (height, row) in rows[1..].iter().rev().enumerate() {
        let names = row.split('`').skip(1).step_by(2);
        layers.extend(names.map(|name| (name.to_owned(), height)));
    }
    let imports = of_top_modules(&Crate::read(&root().join("crates/tenancy/src")).imports());
    let listed: BTreeSet<_> = layers.keys().collect();
    assert_eq!(listed, imports.keys().collect(), "the table lists each module");
    for (module, imported) in &imports {
        for other in imported {
            assert!(layers[module] >= layers[other], "{module} imports {other} of a higher layer");
        }
    }
}

/// Checks that files exist which the documents name in code style.
#[test]
fn documents_name_existing_files() {
    for document in
        ["docs/architecture.md", "docs/performance.md", "docs/operations.md", "bench/NOTES.md"]
    {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let named = text.split('`').skip(1).step_by(2).filter(|name| {
            let extension = Path::new(name).extension();
            let is_source =
                extension.is_some_and(|extension| extension == "rs" || extension == "lua");
            is_source && name.contains('/') && !name.contains(char::is_whitespace)
        });
        for name in named {
            let exists =
                ["", "crates/tenancy/src"].iter().any(|base| root().join(base).join(name).exists());
            assert!(exists, "{document} names {name}, which does not exist");
        }
    }
}

fn of_top_modules(imports: &Imports) -> Imports {
    let top = |module: &str| module.split("::").next().unwrap().to_owned();
    let mut of_top = Imports::new();
    for (module, imported) in imports {
        let own = top(module);
        let others = imported.iter().map(|other| top(other)).filter(|other| *other != own);
        of_top.entry(own.clone()).or_default().extend(others);
    }
    of_top
}

#[test]
fn cycle_is_found() {
    let imports = |pairs: &[(&str, &[&str])]| -> Imports {
        let sets = pairs.iter().map(|(module, imported)| {
            ((*module).to_owned(), imported.iter().map(|other| (*other).to_owned()).collect())
        });
        sets.collect()
    };
    let straight = imports(&[("a::x", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
    assert!(cycles::find(&straight).is_empty());
    let back = imports(&[("a::x", &["b"]), ("b", &["c"]), ("c", &["a::x"]), ("d", &["b"])]);
    assert_eq!(cycles::find(&back), [["a::x", "b", "c"]]);
    // Only the top modules form a circle.
    let nested = imports(&[("a::x", &["b"]), ("a::y", &[]), ("b", &["a::y"])]);
    assert!(cycles::find(&nested).is_empty());
    assert_eq!(cycles::find(&of_top_modules(&nested)), [["a", "b"]]);
}
