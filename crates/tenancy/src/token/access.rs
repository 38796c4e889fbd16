//! Access tokens: JSON Web Tokens (RFC 7519), by RFC 9068 and RFC 8725.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::jws;
use crate::{
    access::{Role, Scope},
    error::{Error, Result, Unauthenticated},
    platform::Random,
    settings::Settings,
};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;
/// How far ahead of ours the clock may be that signed a token, in seconds.
const LEEWAY: i64 = 30;
/// The `typ` of the header (RFC 9068, section 2.1).
const HEADER_TYPE: &str = "at+jwt";
/// The `typ` among the claims, which tells it from any other token of ours.
const CLAIM_TYPE: &str = "access";

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The user.
    pub sub: Uuid,
    /// The tenant.
    pub tid: Uuid,
    /// The tenant's slug.
    pub slug: String,
    /// The user's role.
    pub role: Role,
    /// What the role allows, for services that read the token themselves.
    pub scope: String,
    typ: String,
    /// The token's own id.
    pub jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    /// The user's version: a token of another one counts no more.
    pub ver: i64,
}

/// Whom a token is for.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: Uuid,
    /// The user's version.
    pub user_version: i64,
    /// The user's role.
    pub role: Role,
    /// The tenant.
    pub tenant: Uuid,
    /// The tenant's slug.
    pub slug: &'a str,
}

/// Signs and verifies access tokens.
pub struct AccessTokens {
    key_id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: String,
    lifetime_seconds: i64,
}

impl AccessTokens {
    /// Access tokens as the settings have them.
    pub fn new(settings: &Settings) -> Self {
        jws::install();
        let secret = settings.jwt_secret_key.expose().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        // The time is judged below, by the platform's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.iss = Some(HashSet::from([settings.jwt_issuer.clone()]));
        validation.aud = Some(HashSet::from([settings.jwt_audience.clone()]));
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        Self {
            key_id: key_id(secret),
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            validation,
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            lifetime_seconds: i64::try_from(settings.access_token_lifetime.as_secs())
                .unwrap_or(i64::MAX),
        }
    }

    /// How long a token is valid, in seconds.
    pub fn lifetime_seconds(&self) -> i64 {
        self.lifetime_seconds
    }

    /// A signed token.
    pub fn issue(
        &self,
        subject: &Subject<'_>,
        now: DateTime<Utc>,
        random: &dyn Random,
    ) -> Result<String> {
        let header = Header {
            typ: Some(HEADER_TYPE.to_owned()),
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let scopes: Vec<_> = subject.role.scopes().iter().map(|scope| scope.as_str()).collect();
        let issued = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: subject.user,
            tid: subject.tenant,
            slug: subject.slug.to_owned(),
            role: subject.role,
            scope: scopes.join(" "),
            typ: CLAIM_TYPE.to_owned(),
            jti: random.uuid(now),
            iat: issued,
            nbf: issued,
            exp: issued.saturating_add(self.lifetime_seconds),
            ver: subject.user_version,
        };
        encode(&header, &claims, &self.signing).map_err(Error::internal)
    }

    /// What a token says, once it has shown itself to be ours and of this moment.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Unauthenticated> {
        const INVALID: Unauthenticated = Unauthenticated::InvalidToken;
        if token.len() > LONGEST {
            return Err(INVALID);
        }
        let header = decode_header(token).map_err(|_| INVALID)?;
        let ours = header.alg == Algorithm::HS256
            && header.kid.as_deref() == Some(&self.key_id)
            && header.typ.as_deref() == Some(HEADER_TYPE)
            && header.crit.is_none();
        if !ours {
            return Err(INVALID);
        }
        let claims =
            decode::<Claims>(token, &self.verifying, &self.validation).map_err(|_| INVALID)?.claims;
        let now = now.timestamp();
        if claims.typ != CLAIM_TYPE || claims.nbf > now.saturating_add(LEEWAY) {
            return Err(INVALID);
        }
        if claims.exp <= now {
            return Err(Unauthenticated::ExpiredToken);
        }
        Ok(claims)
    }
}

impl Claims {
    /// Whether the user's role allows `scope`.
    pub fn allows(&self, scope: Scope) -> bool {
        self.role.scopes().contains(&scope)
    }
}

/// A name for a key that tells nothing of it.
fn key_id(secret: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let digest = Sha256::new().chain_update(b"tenancy/v1/kid").chain_update(secret).finalize();
    URL_SAFE_NO_PAD.encode(&digest[..9])
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::{Value, json};

    use super::*;
    use crate::platform::native::NativeRandom;

    const SECRET: &str = "a secret of thirty-two bytes, or more";

    fn tokens(secret: &str) -> AccessTokens {
        let settings = [
            ("MASTER_DATABASE_URL", "postgres://a:b@localhost/tenancy"),
            ("TENANT_DATABASE_TEMPLATE", "postgres://localhost/t_{tenant_slug}"),
            ("MASTER_ENCRYPTION_KEY", "0123456789abcdef0123456789abcdef"),
            ("JWT_SECRET_KEY", secret),
            ("ADMIN_API_KEY", "0123456789abcdef0123456789abcdef"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        AccessTokens::new(&Settings::parse(&settings).unwrap())
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn issued() -> String {
        let subject = Subject {
            user: Uuid::from_u128(1),
            user_version: 3,
            role: Role::Viewer,
            tenant: Uuid::from_u128(2),
            slug: "acme",
        };
        tokens(SECRET).issue(&subject, now(), &NativeRandom).unwrap()
    }

    /// A token signed with our key whose header and claims were changed before.
    fn forged(change: impl FnOnce(&mut Header, &mut Value)) -> String {
        let token = issued();
        let ours = tokens(SECRET);
        let mut header = decode_header(&token).unwrap();
        let mut claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims;
        change(&mut header, &mut claims);
        encode(&header, &claims, &ours.signing).unwrap()
    }

    #[test]
    fn what_was_issued_is_verified() {
        let claims = tokens(SECRET).verify(&issued(), now()).unwrap();
        assert_eq!((claims.sub, claims.tid), (Uuid::from_u128(1), Uuid::from_u128(2)));
        assert_eq!((claims.slug.as_str(), claims.role, claims.ver), ("acme", Role::Viewer, 3));
        assert_eq!(claims.scope, "profile:read tenant:read");
        assert!(claims.allows(Scope::ProfileRead) && !claims.allows(Scope::UsersWrite));
        assert!(tokens(SECRET).verify(&forged(|_, _| {}), now()).is_ok());
    }

    // S3
    #[test]
    fn a_token_counts_for_its_time() {
        let at = |seconds| tokens(SECRET).verify(&issued(), now() + TimeDelta::seconds(seconds));
        assert!(at(1_799).is_ok());
        assert_eq!(at(1_800).err(), Some(Unauthenticated::ExpiredToken));
        assert!(at(-30).is_ok());
        assert_eq!(at(-31).err(), Some(Unauthenticated::InvalidToken));
    }

    // S3, S5
    #[test]
    fn every_claim_is_asked_for_and_checked() {
        let refused = |token: String| {
            let verdict = tokens(SECRET).verify(&token, now());
            assert_eq!(verdict.err(), Some(Unauthenticated::InvalidToken), "{token}");
        };
        for claim in [
            "iss", "aud", "sub", "tid", "slug", "role", "scope", "typ", "jti", "iat", "nbf", "exp",
            "ver",
        ] {
            refused(forged(|_, claims| {
                claims.as_object_mut().unwrap().remove(claim);
            }));
        }
        for (claim, value) in [
            ("iss", json!("another")),
            ("aud", json!("another")),
            ("typ", json!("refresh")),
            ("role", json!("owner")),
            ("exp", json!("never")),
            ("unknown", json!(1)),
        ] {
            refused(forged(|_, claims| claims[claim] = value));
        }
        refused(forged(|header, _| header.typ = Some("JWT".to_owned())));
        refused(forged(|header, _| header.typ = None));
        refused(forged(|header, _| header.kid = Some("another".to_owned())));
        refused(forged(|header, _| header.kid = None));
        refused(forged(|header, _| {
            header.crit = Some(vec!["b64".to_owned()]);
        }));
    }

    // S1, S5
    #[test]
    fn no_other_key_or_algorithm_signs() {
        let other = tokens("another secret of thirty-two bytes, or more");
        assert_eq!(other.verify(&issued(), now()).err(), Some(Unauthenticated::InvalidToken));
        let long = format!("{}{}", issued(), "A".repeat(LONGEST));
        assert_eq!(tokens(SECRET).verify(&long, now()).err(), Some(Unauthenticated::InvalidToken));
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::EdDSA] {
            assert!(encode(&Header::new(algorithm), &json!({}), &tokens(SECRET).signing).is_err());
        }
    }
}
