//! The imports in the source of a crate: the paths of its `use` items, and the paths that begin with `crate`, `super` or
//! `self`. A path counts for the module that defines the item, even if another module re-exports it. Code for tests is
//! ignored.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    path::Path,
};

use syn::{
    Attribute, ItemFn, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::Imports;

/// The modules of a crate, each in its own file.
pub struct Crate {
    modules: BTreeMap<String, Module>,
}

#[derive(Default)]
struct Module {
    /// The paths that the module uses, from the root of the crate.
    used: Vec<Vec<String>>,
    /// The paths that the module re-exports, by the exported name. `*` is a whole module.
    exported: Vec<(String, Vec<String>)>,
}

impl Crate {
    /// Reads the files below a folder.
    pub fn read(folder: &Path) -> Self {
        let mut modules = BTreeMap::new();
        add_files(folder, folder, &mut modules);
        Self { modules }
    }

    /// Returns the modules that each module imports.
    pub fn imports(&self) -> Imports {
        let imports_of = |(name, module): (&String, &Module)| {
            let defining = module.used.iter().filter_map(|path| self.defining(path));
            let others: BTreeSet<String> =
                defining.filter(|other| other != name && !other.is_empty()).collect();
            (name.clone(), others)
        };
        let named = self.modules.iter().filter(|(name, _)| !name.is_empty());
        named.map(imports_of).collect()
    }

    /// Returns the module that defines the item at `path`; `None` for an item of another crate.
    fn defining(&self, path: &[String]) -> Option<String> {
        let mut path = path.to_vec();
        // A re-export may lead to another one.
        for _ in 0..8 {
            let length = (0..=path.len())
                .rev()
                .find(|length| self.modules.contains_key(&path[..*length].join("::")))?;
            let name = path[..length].join("::");
            let Some(item) = path.get(length) else { return Some(name) };
            let exported = &self.modules[&name].exported;
            let by_name = exported.iter().find(|(exported, _)| exported == item);
            let by_glob = exported.iter().find(|(exported, _)| exported == "*");
            match (by_name, by_glob) {
                (Some((_, target)), _) => path.splice(..=length, target.iter().cloned()).count(),
                (None, Some((_, target))) => path.splice(..length, target.iter().cloned()).count(),
                (None, None) => return Some(name),
            };
        }
        None
    }
}

fn add_files(folder: &Path, root: &Path, modules: &mut BTreeMap<String, Module>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_files(&path, root, modules);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let relative = path.strip_prefix(root).unwrap().with_extension("");
        let mut module: Vec<String> =
            relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            module.pop();
        }
        if module.last().is_some_and(|last| last == "tests") {
            continue;
        }
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut visitor = Visitor { place: module.clone(), found: Module::default() };
        visitor.visit_file(&file);
        modules.insert(module.join("::"), visitor.found);
    }
}

struct Visitor {
    /// The module of the code, including modules inside the file.
    place: Vec<String>,
    found: Module,
}

impl Visitor {
    /// Returns a path from the root of the crate; `None` if it does not begin with `crate`, `super` or `self`.
    fn absolute(&self, segments: &[String]) -> Option<Vec<String>> {
        let (first, rest) = segments.split_first()?;
        let mut path = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.place.clone(),
            "super" => self.place[..self.place.len().checked_sub(1)?].to_vec(),
            _ => return None,
        };
        for segment in rest {
            match segment.as_str() {
                "super" => _ = path.pop()?,
                "self" => {}
                _ => path.push(segment.clone()),
            }
        }
        Some(path)
    }

    /// Returns the path of a `use` item, which may begin with a module of this module.
    fn of_use(&self, segments: &[String]) -> Vec<String> {
        self.absolute(segments).unwrap_or_else(|| [&self.place[..], segments].concat())
    }

    fn add_use(&mut self, tree: &UseTree, before: &mut Vec<String>, is_exported: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_use(&path.tree, before, is_exported);
                before.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.add_use(item, before, is_exported));
            }
            UseTree::Glob(_) if is_exported => {
                self.found.exported.push(("*".to_owned(), self.of_use(before)));
            }
            UseTree::Glob(_) => self.found.used.push(self.of_use(before)),
            UseTree::Name(name) => self.add_name(&name.ident, &name.ident, before, is_exported),
            UseTree::Rename(name) => self.add_name(&name.ident, &name.rename, before, is_exported),
        }
    }

    fn add_name(
        &mut self,
        name: &syn::Ident,
        exported: &syn::Ident,
        before: &[String],
        is_exported: bool,
    ) {
        let mut segments = before.to_vec();
        if name != "self" {
            segments.push(name.to_string());
        }
        let path = self.of_use(&segments);
        if is_exported {
            self.found.exported.push((exported.to_string(), path));
        } else {
            self.found.used.push(path);
        }
    }
}

impl Visit<'_> for Visitor {
    fn visit_item_use(&mut self, item: &ItemUse) {
        if !is_for_tests(&item.attrs) {
            let is_exported = !matches!(item.vis, Visibility::Inherited);
            self.add_use(&item.tree, &mut Vec::new(), is_exported);
        }
    }

    fn visit_item_mod(&mut self, item: &ItemMod) {
        if !is_for_tests(&item.attrs) {
            let inner = [&self.place[..], &[item.ident.to_string()]].concat();
            let outer = mem::replace(&mut self.place, inner);
            visit::visit_item_mod(self, item);
            self.place = outer;
        }
    }

    fn visit_item_fn(&mut self, item: &ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.found.used.push(path);
        }
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    };
    attributes.iter().any(is_test)
}
