//! Files and their size.

use http::Method;

use super::Tenant;
use crate::{
    api::{Api, expect},
    ledger::Ledger,
};

/// A length of more than two chunks.
const LONG: usize = 700_001;

/// The files of a tenant.
pub struct Files {
    tenant: Tenant,
    /// The path, the content type, the content and the entity tag.
    files: Vec<(String, &'static str, Vec<u8>, String)>,
    deleted: String,
}

impl Files {
    pub fn create(api: &Api, ledger: &Ledger) -> Self {
        let tenant = Tenant::create(api, ledger, "files");
        let put = |name: &str, media: &str, content: &[u8], status: u16| {
            let call = api.call(Method::PUT, &format!("/api/v1/files/{name}")).token(&tenant.key);
            let answer = call.body(media, content).try_send().unwrap();
            assert_eq!(answer.status, status, "{}", answer.text);
            ledger.add(&tenant.id, "file.uploaded", name);
            answer.header("etag").to_owned()
        };
        let long: Vec<u8> = (0..LONG).map(|index| u8::try_from(index % 251).unwrap()).collect();
        put("replaced.txt", "text/plain", b"the first content", 201);
        put("deleted.txt", "text/plain", b"no longer wanted", 201);
        let contents = [
            ("folder/long.bin", "application/octet-stream", long, 201),
            ("empty", "application/octet-stream", Vec::new(), 201),
            ("replaced.txt", "text/plain", b"the second content".to_vec(), 200),
        ];
        let files = contents.map(|(name, media, content, status)| {
            let tag = put(name, media, &content, status);
            (format!("/api/v1/files/{name}"), media, content, tag)
        });
        let deleted = "/api/v1/files/deleted.txt".to_owned();
        expect(api.call(Method::DELETE, &deleted).token(&tenant.key), 204);
        ledger.add(&tenant.id, "file.deleted", "deleted.txt");
        Self { files: files.into(), deleted, tenant }
    }

    pub fn check(&self, api: &Api) {
        let key = &self.tenant.key;
        for (path, media, content, tag) in &self.files {
            let answer = api.get(path).token(key).try_send().unwrap();
            assert_eq!((answer.status, &answer.bytes), (200, content), "{path}");
            assert_eq!(
                (answer.header("content-type"), answer.header("etag")),
                (*media, tag.as_str())
            );
            let unchanged = api.get(path).token(key).header("if-none-match", tag);
            assert_eq!(unchanged.try_send().unwrap().status, 304, "{path}");
        }
        expect(api.get(&self.deleted).token(key), 404);
        let usage = expect(api.get("/api/v1/tenant/usage?resource_type=storage").token(key), 200);
        let stored: usize = self.files.iter().map(|(_, _, content, _)| content.len()).sum();
        assert_eq!(usage["current_usage"], stored, "{usage}");
    }
}
