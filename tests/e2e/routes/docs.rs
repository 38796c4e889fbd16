//! `/docs`: the API documentation as a page that can send requests, without third-party content.

use e2e::{Browser, World};

#[test]
fn page_loads_no_third_party_content() {
    let world = World::get();
    let page = world.get_path("/docs").send();
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    // S32
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe-eval") && !policy.contains("http"), "{policy}");
    for line in page.text.lines() {
        for attribute in ["src=\"", "href=\""] {
            if let Some((_, rest)) = line.split_once(attribute) {
                let path = rest.split('"').next().unwrap();
                assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
                let asset = world.get_path(path).send();
                assert_eq!(asset.status, 200, "{path}");
                assert!(!asset.bytes.is_empty());
            }
        }
    }
    world.get_path("/docs/other.js").send().expect_problem(404, "route_not_found");
}

#[test]
fn assets_are_compressed_on_request() {
    let world = World::get();
    let get = |coding: &str| {
        world.get_path("/docs/swagger-ui.css").header("accept-encoding", coding).send()
    };
    let (plain, packed) = (get("identity"), get("gzip"));
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    assert!(packed.bytes.starts_with(&[0x1f, 0x8b]) && packed.bytes.len() * 3 < plain.bytes.len());
    assert!(plain.text.contains(".swagger-ui"));
}

#[test]
fn page_sends_authorized_request() {
    let world = World::get();
    let tenant = world.tenant();
    let browser = Browser::start();
    browser.open(&format!("http://{}/docs", world.address()));
    browser.click("//button[contains(@class, 'btn authorize')]");
    // The field for the credential of a tenant gets its API key.
    let of_credential = "//div[contains(@class, 'auth-container')][.//code='credential']";
    let key = tenant.created["api_key"].as_str().unwrap();
    browser.type_into(&format!("{of_credential}//input"), key);
    browser.click(&format!("{of_credential}//button[@type='submit']"));
    browser.click("//div[contains(@class, 'modal-ux-header')]//button");
    let operation = "//div[@id='operations-Tenant-getTenantInfo']";
    browser.click(&format!("{operation}//button[contains(@class, 'opblock-summary-control')]"));
    browser.click(&format!("{operation}//button[contains(@class, 'execute')]"));
    let shown = browser.wait_for(
        "let e = document.querySelector('#operations-Tenant-getTenantInfo \
             .live-responses-table tr.response .response-col_description');
         return e && e.innerText",
    );
    assert!(shown.as_str().unwrap().contains(&tenant.slug), "{shown}");
    // The page loaded everything from this service, and its policy blocked nothing.
    let requests: Vec<String> = browser
        .requests()
        .iter()
        .filter_map(|request| request["request"]["url"].as_str().map(str::to_owned))
        .collect();
    assert!(requests.len() > 4, "{requests:?}");
    let here = format!("http://{}/", world.address());
    assert!(
        requests.iter().all(|url| url.starts_with(&here) || url.starts_with("data:")),
        "{requests:?}"
    );
    let console = browser.log("browser");
    assert!(!format!("{console:?}").contains("Content Security Policy"), "{console:?}");
}
