//! Access tokens: JSON Web Tokens (RFC 7519) according to RFC 9068 and RFC 8725.

use std::rc::Rc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Header, crypto::verify, decode_header, encode};
use platform::Random;
use uuid::Uuid;

use super::{
    claims::Claims,
    jws,
    keys::{Jwk, Signing, Verifying, public_keys},
    verified::VerifiedTokens,
};
use crate::{
    access::{Grants, Role},
    context::Context,
    crypto::Ed25519VerifyingKey,
    error::{Error, Result, Unauthenticated},
    settings::Settings,
};

/// The maximum length of a token, in bytes.
const LONGEST: usize = 8 * 1024;
/// The maximum number of seconds by which the clock of the signer may be ahead.
const LEEWAY: i64 = 30;
/// The `typ` of the header (RFC 9068, section 2.1).
const HEADER_TYPE: &str = "at+jwt";
/// The `typ` claim, which distinguishes access tokens from other tokens of this service.
const CLAIM_TYPE: &str = "access";
/// The only client that receives tokens.
const CLIENT_ID: &str = "tenancy";

/// The subject of a token.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: Uuid,
    /// The user's version.
    pub user_version: i64,
    /// The user's role.
    pub role: Role,
    /// The user's custom roles.
    pub roles: &'a [Uuid],
    /// The user's groups.
    pub groups: &'a [Uuid],
    /// The user's permissions.
    pub grants: &'a Grants,
    /// The tenant.
    pub tenant: Uuid,
    /// The tenant's slug.
    pub slug: &'a str,
    /// The session.
    pub session: Uuid,
}

/// Signs and verifies access tokens.
pub struct AccessTokens {
    signing: Signing,
    verifying: Vec<Verifying>,
    public_keys: Vec<Ed25519VerifyingKey>,
    issuer: String,
    audience: String,
    lifetime_seconds: i64,
    verified: VerifiedTokens,
}

impl AccessTokens {
    /// Returns the signer and verifier of this instance.
    pub fn of(context: &Context) -> Rc<Self> {
        context.state_from(|| Self::new(&context.settings))
    }

    /// Returns the signer and verifier that the settings describe.
    pub fn new(settings: &Settings) -> Self {
        jws::install();
        Self {
            signing: Signing::of(settings),
            verifying: Verifying::all(settings),
            public_keys: public_keys(settings),
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            lifetime_seconds: i64::try_from(settings.access_token_lifetime.as_secs())
                .unwrap_or(i64::MAX),
            verified: VerifiedTokens::default(),
        }
    }

    /// Returns the keys with which other services verify tokens.
    pub fn public_keys(&self) -> Vec<Jwk> {
        self.public_keys.iter().map(Jwk::from).collect()
    }

    /// Returns how long a token is valid, in seconds.
    pub fn lifetime_seconds(&self) -> i64 {
        self.lifetime_seconds
    }

    /// Issues a signed token.
    pub fn issue(
        &self,
        subject: &Subject<'_>,
        now: DateTime<Utc>,
        random: &dyn Random,
    ) -> Result<String> {
        let header = Header {
            typ: Some(HEADER_TYPE.to_owned()),
            kid: Some(self.signing.id.clone()),
            ..Header::new(self.signing.algorithm)
        };
        let scopes: Vec<_> = subject.grants.names().collect();
        let issued = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            client_id: CLIENT_ID.to_owned(),
            sub: subject.user,
            tid: subject.tenant,
            slug: subject.slug.to_owned(),
            role: subject.role,
            roles: subject.roles.to_vec(),
            groups: subject.groups.to_vec(),
            scope: scopes.join(" "),
            typ: CLAIM_TYPE.to_owned(),
            jti: random.uuid(now),
            sid: subject.session,
            iat: issued,
            nbf: issued,
            exp: issued.saturating_add(self.lifetime_seconds),
            ver: subject.user_version,
        };
        encode(&header, &claims, &self.signing.key).map_err(Error::internal)
    }

    /// Verifies a token and its time, and returns its claims. For a token that this instance has verified before, only
    /// the time is checked.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Rc<Claims>, Unauthenticated> {
        let claims = match self.verified.get(token) {
            Some(claims) => claims,
            None => {
                let claims = Rc::new(self.read(token)?);
                self.verified.put(token, &claims);
                claims
            }
        };
        let now = now.timestamp();
        if claims.nbf > now.saturating_add(LEEWAY) {
            return Err(Unauthenticated::InvalidToken);
        }
        if claims.exp <= now {
            return Err(Unauthenticated::ExpiredToken);
        }
        Ok(claims)
    }

    /// Verifies a token without its time, and returns its claims.
    fn read(&self, token: &str) -> Result<Claims, Unauthenticated> {
        const INVALID: Unauthenticated = Unauthenticated::InvalidToken;
        if token.len() > LONGEST {
            return Err(INVALID);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(INVALID)?;
        let (_, claims) = message.split_once('.').ok_or(INVALID)?;
        let header = decode_header(token).map_err(|_| INVALID)?;
        if header.typ.as_deref() != Some(HEADER_TYPE) || header.crit.is_some() {
            return Err(INVALID);
        }
        let named = self.verifying.iter().find(|key| header.kid.as_ref() == Some(&key.id));
        let key = named.filter(|key| header.alg == key.algorithm).ok_or(INVALID)?;
        // The crate's `decode` would read the header and the claims a second time.
        let is_ours = verify(signature, message.as_bytes(), &key.key, key.algorithm);
        if !is_ours.map_err(|_| INVALID)? {
            return Err(INVALID);
        }
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| INVALID)?;
        // Each claim must be present exactly once.
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| INVALID)?;
        let is_for_us =
            claims.typ == CLAIM_TYPE && claims.iss == self.issuer && claims.aud == self.audience;
        if is_for_us { Ok(claims) } else { Err(INVALID) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use jsonwebtoken::{Algorithm, EncodingKey};
    use serde_json::{Value, json};
    use sha2::Sha256;

    use super::*;
    use crate::settings::tests::values;
    use platform::native::NativeRandom;

    const SECRET: &str = "a secret of thirty-two bytes or more";

    fn tokens(secret: &str) -> AccessTokens {
        tokens_with(secret, &[])
    }

    fn tokens_with(secret: &str, more: &[(&'static str, &str)]) -> AccessTokens {
        let mut settings = values(&[("JWT_SECRET_KEY", secret)]);
        settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        AccessTokens::new(&Settings::parse(&settings).unwrap())
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn issued() -> String {
        issued_by(&tokens(SECRET))
    }

    fn issued_by(tokens: &AccessTokens) -> String {
        let subject = Subject {
            user: Uuid::from_u128(1),
            user_version: 3,
            role: Role::Viewer,
            roles: &[],
            groups: &[],
            grants: &Grants::of_scopes(Role::Viewer.scopes()),
            tenant: Uuid::from_u128(2),
            slug: "acme",
            session: Uuid::from_u128(4),
        };
        tokens.issue(&subject, now(), &NativeRandom).unwrap()
    }

    /// Signs an unmodified header and claims with our secret.
    fn signed(header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", part(header), part(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn parts(token: &str) -> (String, String) {
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let mut text = || String::from_utf8(parts.next().unwrap()).unwrap();
        (text(), text())
    }

    /// Signs a token with our key after a change of its header and claims.
    fn forged(change: impl FnOnce(&mut Header, &mut Value)) -> String {
        let token = issued();
        let ours = tokens(SECRET);
        let mut header = decode_header(&token).unwrap();
        let mut claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims;
        change(&mut header, &mut claims);
        encode(&header, &claims, &ours.signing.key).unwrap()
    }

    #[test]
    fn issued_token_is_verified() {
        let claims = tokens(SECRET).verify(&issued(), now()).unwrap();
        assert_eq!((claims.sub, claims.tid), (Uuid::from_u128(1), Uuid::from_u128(2)));
        assert_eq!((claims.slug.as_str(), claims.role, claims.ver), ("acme", Role::Viewer, 3));
        assert_eq!(claims.scope, "profile:read profile:write tenant:read files:read cache:read");
        assert!(claims.roles.is_empty() && claims.groups.is_empty());
        assert!(tokens(SECRET).verify(&forged(|_, _| {}), now()).is_ok());
    }

    // S3
    #[test]
    fn token_is_valid_only_during_lifetime() {
        let at = |seconds| tokens(SECRET).verify(&issued(), now() + TimeDelta::seconds(seconds));
        assert!(at(1_799).is_ok());
        assert_eq!(at(1_800).err(), Some(Unauthenticated::ExpiredToken));
        assert!(at(-30).is_ok());
        assert_eq!(at(-31).err(), Some(Unauthenticated::InvalidToken));
    }

    // S3
    #[test]
    fn cached_token_requires_time_and_signature() {
        let tokens = tokens(SECRET);
        let token = issued_by(&tokens);
        let at = |token: &str, seconds| tokens.verify(token, now() + TimeDelta::seconds(seconds));
        assert!(at(&token, 0).is_ok());
        assert_eq!(at(&token, 1_800).err(), Some(Unauthenticated::ExpiredToken));
        assert_eq!(at(&token, -31).err(), Some(Unauthenticated::InvalidToken));
        let (message, signature) = token.rsplit_once('.').unwrap();
        let other = signature.chars().rev().collect::<String>();
        assert_eq!(at(&format!("{message}.{other}"), 0).err(), Some(Unauthenticated::InvalidToken));
        assert!(at(&token, 1_799).is_ok());
    }

    // S3, S5
    #[test]
    fn every_claim_is_required_and_checked() {
        let refused = |token: String| {
            let verdict = tokens(SECRET).verify(&token, now());
            assert_eq!(verdict.err(), Some(Unauthenticated::InvalidToken), "{token}");
        };
        for claim in [
            "iss",
            "aud",
            "client_id",
            "sub",
            "tid",
            "slug",
            "role",
            "scope",
            "typ",
            "jti",
            "sid",
            "iat",
            "nbf",
            "exp",
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

    // S5
    #[test]
    fn duplicate_claims_and_headers_are_rejected() {
        let (header, claims) = parts(&issued());
        let verify = |token: String| tokens(SECRET).verify(&token, now()).map(drop);
        assert_eq!(verify(signed(&header, &claims)), Ok(()));
        for (name, value) in [("role", r#""admin""#), ("exp", "9999999999"), ("sub", r#""x""#)] {
            let twice = format!(r#"{},"{name}":{value}}}"#, claims.strip_suffix('}').unwrap());
            assert_eq!(verify(signed(&header, &twice)), Err(Unauthenticated::InvalidToken));
        }
        for (name, value) in [("alg", r#""HS256""#), ("kid", r#""x""#), ("typ", r#""at+jwt""#)] {
            let twice = format!(r#"{},"{name}":{value}}}"#, header.strip_suffix('}').unwrap());
            assert_eq!(verify(signed(&twice, &claims)), Err(Unauthenticated::InvalidToken));
        }
    }

    // S5
    #[test]
    fn keys_in_a_token_are_ignored() {
        let (header, claims) = parts(&issued());
        for (name, value) in [
            ("jwk", r#"{"kty":"oct","k":"AAAA"}"#),
            ("jku", r#""https://evil.example/jwks.json""#),
            ("x5u", r#""https://evil.example/x5u""#),
        ] {
            let head = format!(r#"{},"{name}":{value}}}"#, header.strip_suffix('}').unwrap());
            let ours = signed(&head, &claims);
            let forged = format!("{}x", &ours[..ours.len() - 1]);
            assert!(tokens(SECRET).verify(&forged, now()).is_err(), "{name}");
            assert!(tokens("another secret of thirty-two bytes").verify(&ours, now()).is_err());
        }
    }

    // S1
    #[test]
    fn only_the_keys_algorithm_is_accepted() {
        let (header, claims) = parts(&issued());
        for algorithm in ["none", "None", "NONE", "nOnE", "HS384", "HS512", "RS256", "EdDSA", ""] {
            let head = header.replace("HS256", algorithm);
            let token = signed(&head, &claims);
            let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
            for token in [token, unsigned] {
                let verdict = tokens(SECRET).verify(&token, now());
                assert_eq!(verdict.err(), Some(Unauthenticated::InvalidToken), "{algorithm}");
            }
        }
    }

    // S1, S5
    #[test]
    fn other_keys_and_algorithms_are_rejected() {
        let other = tokens("another secret of thirty-two bytes, or more");
        assert_eq!(other.verify(&issued(), now()).err(), Some(Unauthenticated::InvalidToken));
        let long = format!("{}{}", issued(), "A".repeat(LONGEST));
        assert_eq!(tokens(SECRET).verify(&long, now()).err(), Some(Unauthenticated::InvalidToken));
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::EdDSA] {
            assert!(encode(&Header::new(algorithm), &json!({}), &key).is_err());
        }
    }

    const ED25519: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    // S2
    #[test]
    fn public_key_is_no_hmac_secret() {
        let eddsa = tokens_with(SECRET, &[("JWT_ED25519_KEY", ED25519)]);
        let (header, claims) = parts(&issued_by(&eddsa));
        assert!(header.contains("EdDSA"), "{header}");
        assert!(eddsa.verify(&issued_by(&eddsa), now()).is_ok());
        let public = URL_SAFE_NO_PAD.decode(PUBLIC).unwrap();
        for secret in [public.as_slice(), PUBLIC.as_bytes()] {
            let head = header.replace("EdDSA", "HS256");
            let message =
                format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(&claims));
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
            mac.update(message.as_bytes());
            let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
            let verdict = eddsa.verify(&format!("{message}.{mac}"), now());
            assert_eq!(verdict.err(), Some(Unauthenticated::InvalidToken));
        }
    }

    #[test]
    fn tokens_survive_key_rotation() {
        let new = "a new secret of thirty-two bytes or more";
        let before = tokens_with(SECRET, &[("JWT_VERIFICATION_SECRET_KEYS", new)]);
        let after = tokens_with(new, &[("JWT_VERIFICATION_SECRET_KEYS", SECRET)]);
        let eddsa = tokens_with(new, &[("JWT_ED25519_KEY", ED25519)]);
        let ready = tokens_with(new, &[("JWT_VERIFICATION_ED25519_KEYS", PUBLIC)]);
        let verifies =
            |by: &AccessTokens, of: &AccessTokens| by.verify(&issued_by(of), now()).is_ok();
        assert!(verifies(&after, &before) && verifies(&before, &after));
        assert!(verifies(&eddsa, &after) && verifies(&ready, &eddsa) && verifies(&eddsa, &ready));
        assert!(!verifies(&tokens(SECRET), &after) && !verifies(&before, &eddsa));
        assert!(before.public_keys().is_empty());
        let published = |tokens: &AccessTokens| serde_json::to_value(tokens.public_keys()).unwrap();
        assert_eq!(published(&eddsa), published(&ready));
        assert_eq!(published(&eddsa)[0]["x"], PUBLIC);
    }
}
