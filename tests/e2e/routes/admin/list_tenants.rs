//! `GET /admin/tenants`

use e2e::{World, unique};
use http::Method;
use serde_json::{Value, json};

fn list(query: &str) -> Value {
    World::get().admin(Method::GET, &format!("/admin/tenants?{query}")).send().expect(200)
}

fn slugs(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap()).collect()
}

#[test]
fn tenants_are_paged_and_searchable() {
    let world = World::get();
    let common = unique("findme").replace('-', "x");
    let made: Vec<_> = (0..3)
        .map(|number| {
            let slug = format!("{common}-{number}");
            let body = json!({
                "name": format!("100%_{common} \\ {number}"), "admin_email": "a@b.example",
                "slug": slug, "domain": format!("{slug}.example"),
            });
            world.admin_post("/admin/tenants", &body).send().expect(201);
            slug
        })
        .collect();
    let newest_first: Vec<_> = made.iter().rev().map(String::as_str).collect();

    let all = list(&format!("search={}", common.to_uppercase()));
    assert_eq!(slugs(&all), newest_first);
    assert_eq!((&all["total"], &all["offset"], &all["limit"]), (&json!(3), &json!(0), &json!(50)));

    let page = list(&format!("search={common}&offset=1&limit=1"));
    assert_eq!(slugs(&page), newest_first[1..2]);
    assert_eq!(
        (&page["total"], &page["offset"], &page["limit"]),
        (&json!(3), &json!(1), &json!(1))
    );

    let past_the_end = list(&format!("search={common}&offset=3"));
    assert_eq!((slugs(&past_the_end).len(), &past_the_end["total"]), (0, &json!(3)));

    // Pattern characters match literally.
    assert_eq!(slugs(&list(&format!("search=100%25_{common}"))), newest_first);
    assert_eq!(slugs(&list(&format!("search={common}%20%5C%201"))), newest_first[1..2]);
    assert_eq!(slugs(&list(&format!("search={common}%25_"))).len(), 0);
    assert_eq!(slugs(&list(&format!("search={common}-2.example"))), newest_first[..1]);
}

#[test]
fn tenants_are_filtered_by_status() {
    let world = World::get();
    let tenant = world.tenant();
    let search = format!("search={}", tenant.slug);
    let total = |query: &str| list(&format!("{search}&{query}"))["total"].clone();
    assert_eq!(total("status_filter=active"), 1);
    assert_eq!(total("status_filter=suspended"), 0);
    let mut catalog = world.services.superuser("tenancy");
    let delete = "UPDATE tenants SET status = 'deleted', deleted_at = now() WHERE slug = $1";
    catalog.execute(delete, &[&tenant.slug]).unwrap();
    assert_eq!(total("include_deleted=false"), 0);
    assert_eq!(total("include_deleted=true"), 1);
    assert_eq!(total("status_filter=deleted"), 1);
}

#[test]
fn invalid_parameters_are_reported() {
    for (query, fields) in [
        ("limit=0", vec!["limit"]),
        ("limit=101", vec!["limit"]),
        ("limit=ten", vec!["limit"]),
        ("offset=-1", vec!["offset"]),
        ("offset=99999999999", vec!["offset"]),
        ("status_filter=gone", vec!["status_filter"]),
        ("include_deleted=perhaps", vec!["include_deleted"]),
        ("search=%00", vec!["search"]),
        ("page=1", vec!["page"]),
        ("limit=1&limit=2", vec!["limit"]),
        ("limit=x&offset=x", vec!["offset", "limit"]),
    ] {
        let path = format!("/admin/tenants?{query}");
        let named = World::get().admin(Method::GET, &path).send().expect_invalid();
        assert_eq!(named, fields, "{query}");
    }
}
