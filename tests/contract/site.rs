//! `scripts/site.py check`, on small sites.

use std::{fs, process::Command};

use e2e::{root, unique};

const REPOSITORY: &str = "https://git.example/acme/tenancy";

/// Checks a site with one link among its pages, and returns the problem.
fn problem_of(link: &str) -> Option<String> {
    let name = format!("tenancy-site-{}", std::process::id());
    let site = std::env::temp_dir().join(unique(&name));
    fs::create_dir_all(&site).unwrap();
    for page in 0..60 {
        fs::write(site.join(format!("{page}.html")), "<h1 id=\"title\">A page</h1>").unwrap();
    }
    fs::write(site.join("index.html"), format!("<a href=\"{link}\">A link</a>")).unwrap();
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .arg(root().join("scripts/site.py"))
        .arg("check")
        .arg(&site)
        .arg(REPOSITORY)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    fs::remove_dir_all(site).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\"links\": "), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert_eq!(output.status.success(), problem.is_empty(), "{problem}");
    (!problem.is_empty()).then_some(problem)
}

#[test]
fn links_of_site_lead_to_pages_and_files() {
    for link in ["1.html", "1.html#title", "https://other.example/edit/main/x", REPOSITORY] {
        assert_eq!(problem_of(link), None, "{link}");
    }
    for file in ["blob/main/docs/deploy.md#containers", "tree/main/clients", "issues"] {
        let link = format!("{REPOSITORY}/{file}");
        assert_eq!(problem_of(&link), None, "{link}");
    }
}

#[test]
fn wrong_links_of_site_are_found() {
    for (link, problem) in [
        ("61.html", "index.html: 61.html does not exist"),
        ("1.html#other", "index.html: 1.html#other has no such heading"),
    ] {
        assert_eq!(problem_of(link).as_deref(), Some(problem));
    }
    // mdBook puts the path in its own folder into the links for edits.
    for file in ["edit/main/src/docs/deploy.md", "blob/main/docs/api/users.md"] {
        let link = format!("{REPOSITORY}/{file}");
        let problem = format!("index.html: {link} is not in the repository");
        assert_eq!(problem_of(&link), Some(problem));
    }
}
