//! Certificates for servers that speak TLS, made by the openssl program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::Folder;
use super::program;

/// Extensions for both: an authority must say that it is one, and a server that it is none.
const CONFIGURATION: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
basicConstraints = critical,CA:FALSE
subjectAltName = IP:127.0.0.1,DNS:localhost
extendedKeyUsage = serverAuth,clientAuth
";

/// An authority that nobody trusts unless told to, and a server's certificate for 127.0.0.1 and localhost. The
/// nodes of a cluster show it to each other, so it is a client's, too.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// Makes both, valid for a day.
    pub(super) fn create(folder: &Folder) -> Self {
        let certificate = Self { folder: folder.path().to_owned() };
        let configuration = certificate.file("openssl.cnf");
        fs::write(&configuration, CONFIGURATION).expect("our folder can be written");
        let (authority, key) = (certificate.authority(), certificate.file("authority.key"));
        let mut command = make(&configuration, "authority", &authority, &key);
        program::run(command.args(["-subj", "/CN=authority of a test"]));
        let mut command = make(&configuration, "server", &certificate.chain(), &certificate.key());
        command.arg("-CA").arg(authority).arg("-CAkey").arg(key);
        program::run(command.args(["-subj", "/CN=localhost"]));
        certificate
    }

    /// Makes both in a folder of their own, for several servers.
    pub(super) fn create_apart() -> (Self, Folder) {
        let folder = Folder::create();
        (Self::create(&folder), folder)
    }

    /// The authority's certificate, which clients have to trust.
    pub(super) fn authority(&self) -> PathBuf {
        self.file("authority.crt")
    }

    /// The server's certificate.
    pub(super) fn chain(&self) -> PathBuf {
        self.file("server.crt")
    }

    /// The server's private key.
    pub(super) fn key(&self) -> PathBuf {
        self.file("server.key")
    }

    /// The settings of a Redis server or a Sentinel that speaks TLS, and nothing else.
    pub(super) fn for_redis(&self) -> [(&'static str, String); 6] {
        let text = |file: PathBuf| file.display().to_string();
        [
            ("port", "0".into()),
            ("tls-auth-clients", "no".into()),
            ("tls-replication", "yes".into()),
            ("tls-cert-file", text(self.chain())),
            ("tls-key-file", text(self.key())),
            ("tls-ca-cert-file", text(self.authority())),
        ]
    }

    /// The arguments of redis-cli to ask such a server.
    pub(super) fn for_cli(&self) -> [String; 3] {
        ["--tls".into(), "--cacert".into(), self.authority().display().to_string()]
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A command that makes a certificate with these extensions, and its key.
fn make(configuration: &Path, extensions: &str, certificate: &Path, key: &Path) -> Command {
    let mut command = Command::new(program::find("openssl", "Debian's package openssl"));
    command.args(["req", "-x509", "-days", "1", "-config"]).arg(configuration);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-extensions", extensions]);
    command.arg("-keyout").arg(key).arg("-out").arg(certificate);
    command
}
