//! Settings from Vault, on a real Spin. The runner reads settings from the environment only.

use std::collections::BTreeMap;

use e2e::{Application, Call, VAULT_TOKEN, VaultServer, World, root};
use http::Method;

/// Returns the documented runtime configuration, for this server.
fn documented(url: &str, token: &str) -> String {
    let document = std::fs::read_to_string(root().join("docs/deploy.md")).unwrap();
    let (_, block) = document.split_once("```toml\n[[variables_provider]]").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let replaced = block.replace("https://vault.internal:8200", url).replace("YOUR_TOKEN", token);
    assert!(replaced.contains(url) && replaced.contains(token), "{block}");
    format!("[[variables_provider]]{replaced}")
}

// S7
#[test]
#[ignore = "needs a real Spin"]
fn secrets_come_from_vault() {
    let world = World::get();
    let tenant = world.tenant();
    let (mut settings, mut secrets) = (world.settings(), BTreeMap::new());
    for name in [
        "MASTER_DATABASE_URL",
        "REDIS_URL",
        "MASTER_ENCRYPTION_KEY",
        "JWT_SECRET_KEY",
        "ADMIN_API_KEY",
    ] {
        let path = format!("tenancy/{}", name.to_lowercase());
        secrets.insert(path, settings.remove(name).unwrap());
    }
    let vault = VaultServer::start(secrets);
    let configuration = documented(&vault.url, VAULT_TOKEN);
    let application =
        Application::start_configured(&settings, &world.services.folder(), &configuration);
    let info = || {
        let call = Call::new(Method::GET, &application.address, "/api/v1/tenant/info");
        call.token(&tenant.admin.access_token).send()
    };
    info().expect(200);
    let reads = vault.reads();
    assert!(reads.iter().any(|path| path == "tenancy/master_encryption_key"), "{reads:?}");
    // An instance reads the settings once.
    let before = vault.reads().len();
    for _ in 0..10 {
        info().expect(200);
    }
    let after = vault.reads().len();
    assert!(
        after - before < 10 * before,
        "{before} reads for one call, {} for ten",
        after - before
    );

    let rejected = documented(&vault.url, "another token");
    let application = Application::start_configured(&settings, &world.services.folder(), &rejected);
    let answer = Call::new(Method::GET, &application.address, "/health/detailed").send();
    assert!(answer.status >= 500, "{}", answer.text);
    let log = std::fs::read_to_string(application.log()).unwrap();
    assert!(!log.contains(&world.settings()["JWT_SECRET_KEY"]), "{log}");
}
