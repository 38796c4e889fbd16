//! Certificates for tests of TLS.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A certificate authority, and a certificate of a server.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Creates a certificate for these subject alternative names in a folder: `ca.pem`, `server.pem` and `server.key`.
    pub fn new(folder: &Path, names: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let certificates = Self { folder: folder.to_owned() };
        let openssl = |arguments: &str| {
            let output = Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(folder)
                .output()
                .expect("openssl runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        );
        openssl("req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr");
        std::fs::write(folder.join("names"), format!("subjectAltName={names}")).unwrap();
        openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
        );
        certificates
    }

    /// Returns the path of a file.
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Returns the text of a file.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap()
    }
}
