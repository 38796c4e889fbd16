//! The encryption of a bundle with age (age-encryption.org/v1), for public keys or with a passphrase.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    str::FromStr as _,
};

use age::{
    Decryptor, Encryptor, Identity, IdentityFile, Recipient, scrypt, secrecy::SecretString, x25519,
};
use anyhow::{Context as _, Result, anyhow, bail};

/// The greatest logarithm of the work for a passphrase that is read: a bundle of another program could demand hours.
const MOST_WORK: u8 = 22;
/// The minimum length of a passphrase in characters.
const LEAST_CHARACTERS: usize = 12;

/// The options for writing a bundle.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Recipients {
    /// A public key of age (age1…) that can read the bundle. Repeat the option for more keys.
    #[arg(long = "recipient", value_name = "AGE_PUBLIC_KEY", conflicts_with = "passphrase_file")]
    recipients: Vec<String>,
    /// The file with a passphrase that can read the bundle. Use public keys where possible.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// The options for reading a bundle.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Keys {
    /// The file with an identity of age (AGE-SECRET-KEY-1…), as age-keygen writes it.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The file with the passphrase.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// The public keys or the passphrase of a bundle to write.
pub enum Sealing {
    /// For public keys.
    PublicKeys(Vec<x25519::Recipient>),
    /// With a passphrase.
    Passphrase(SecretString),
}

/// The private keys or the passphrase of a bundle to read.
pub struct Opening(Vec<Box<dyn Identity>>);

impl Recipients {
    /// Reads the options.
    ///
    /// # Errors
    /// A key is invalid, or the passphrase is too short.
    pub fn read(&self) -> Result<Sealing> {
        if let Some(path) = &self.passphrase_file {
            return Ok(Sealing::Passphrase(passphrase(path)?));
        }
        let key = |text: &String| {
            x25519::Recipient::from_str(text).map_err(|reason| {
                anyhow!("the recipient {text} is not a public key of age: {reason}")
            })
        };
        Ok(Sealing::PublicKeys(self.recipients.iter().map(key).collect::<Result<_>>()?))
    }
}

impl Keys {
    /// Reads the options.
    ///
    /// # Errors
    /// The file cannot be read, or has no identity.
    pub fn read(&self) -> Result<Opening> {
        match (&self.identity, &self.passphrase_file) {
            (Some(path), _) => {
                let file = File::open(path)
                    .with_context(|| format!("the identity file {}", path.display()))?;
                let identities = IdentityFile::from_buffer(BufReader::new(file))
                    .ok()
                    .and_then(|file| file.into_identities().ok())
                    .filter(|identities| !identities.is_empty());
                let identities = identities.with_context(|| {
                    format!("{} has no identity of age (AGE-SECRET-KEY-1…)", path.display())
                })?;
                Ok(Opening(identities.into_iter().map(|identity| identity as _).collect()))
            }
            (None, Some(path)) => {
                let mut identity = scrypt::Identity::new(passphrase(path)?);
                identity.set_max_work_factor(MOST_WORK);
                Ok(Opening(vec![Box::new(identity)]))
            }
            (None, None) => bail!("--identity or --passphrase-file is required"),
        }
    }
}

impl Opening {
    /// Returns a new key pair for a temporary file: its private key exists only in memory.
    pub fn temporary() -> (Sealing, Self) {
        let identity = x25519::Identity::generate();
        (Sealing::PublicKeys(vec![identity.to_public()]), Self(vec![Box::new(identity)]))
    }
}

fn passphrase(path: &Path) -> Result<SecretString> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the passphrase file {}", path.display()))?;
    let text = text.lines().next().unwrap_or_default();
    if text.chars().count() < LEAST_CHARACTERS {
        bail!(
            "the first line of {} must be a passphrase of at least {LEAST_CHARACTERS} characters",
            path.display()
        );
    }
    Ok(SecretString::from(text.to_owned()))
}

/// A bundle that is being written, under a temporary name. Nothing is left if it is dropped before [`Output::finish`].
pub struct Output {
    stream: Option<age::stream::StreamWriter<BufWriter<File>>>,
    temporary: PathBuf,
    path: PathBuf,
}

impl Output {
    /// Creates a file that only its owner can read.
    ///
    /// # Errors
    /// The file exists, or its folder cannot be written.
    pub fn create(path: &Path, sealing: &Sealing) -> Result<Self> {
        if path.exists() {
            bail!("{} exists; choose another name", path.display());
        }
        let mut name = path.file_name().context("the file has no name")?.to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let temporary = path.with_file_name(name);
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file =
            options.open(&temporary).with_context(|| format!("creating {}", path.display()))?;
        let encryptor = match sealing {
            Sealing::Passphrase(passphrase) => Encryptor::with_user_passphrase(passphrase.clone()),
            Sealing::PublicKeys(keys) => {
                Encryptor::with_recipients(keys.iter().map(|key| key as &dyn Recipient))?
            }
        };
        let stream = encryptor.wrap_output(BufWriter::new(file))?;
        Ok(Self { stream: Some(stream), temporary, path: path.to_owned() })
    }

    /// Completes the file and gives it its name. After this, the file survives a crash of the machine.
    pub fn finish(mut self) -> Result<u64> {
        let stream = self.stream.take().context("the bundle is already finished")?;
        let mut buffer = stream.finish().context("writing the bundle")?;
        buffer.flush().context("writing the bundle")?;
        let file = buffer.into_inner().map_err(|error| anyhow!("writing the bundle: {error}"))?;
        file.sync_all().context("writing the bundle")?;
        let length = file.metadata()?.len();
        fs::rename(&self.temporary, &self.path)
            .with_context(|| format!("creating {}", self.path.display()))?;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .context("writing the folder")?;
        }
        Ok(length)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.stream {
            Some(stream) => stream.write(bytes),
            None => Err(std::io::Error::other("the bundle is finished")),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // After `finish`, the file has another name.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Opens a bundle.
///
/// # Errors
/// The file does not exist, is not encrypted with age, or is encrypted for another recipient.
pub fn open(path: &Path, opening: &Opening) -> Result<impl Read + use<>> {
    open_file(
        File::open(path).with_context(|| format!("the bundle {}", path.display()))?,
        path,
        opening,
    )
}

/// Reads a bundle from an open file. `path` is its name in errors.
pub fn open_file(file: File, path: &Path, opening: &Opening) -> Result<impl Read + use<>> {
    let decryptor = Decryptor::new_buffered(BufReader::new(file))
        .map_err(|reason| anyhow!("{} is not encrypted with age: {reason}", path.display()))?;
    decryptor.decrypt(opening.0.iter().map(|identity| &**identity)).map_err(|reason| {
        anyhow!("{} cannot be decrypted with this identity or passphrase: {reason}", path.display())
    })
}
